namespace Weft.Cli.Documents;

/// <summary>Where in its file each member of a document stands.</summary>
internal sealed class SourceMap(string file)
{
    private readonly Dictionary<string, SourceLocation> _locations = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The file.</summary>
    public string File => file;

    /// <summary>The path of a member.</summary>
    /// <returns><c>path.name</c>.</returns>
    public static string MemberPath(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The path of an item.</summary>
    /// <returns><c>path[index]</c>.</returns>
    public static string ItemPath(string path, int index) => $"{path}[{index}]";

    /// <summary>Remembers where a member stands.</summary>
    public SourceLocation Add(string path, long line, long column)
    {
        var location = new SourceLocation(file, line, column);
        _locations.TryAdd(path, location);
        return location;
    }

    /// <summary>Where a member stands, or the nearest thing around it that stands somewhere.</summary>
    /// <param name="path">Its path, such as <c>properties.vlans[1]</c>.</param>
    public SourceLocation LocationOf(string path)
    {
        while (true)
        {
            if (_locations.TryGetValue(path, out var location))
                return location;
            if (path.Length == 0)
                return new SourceLocation(file, 0, 0);
            var cut = path.LastIndexOfAny(['.', '[']);
            path = cut < 0 ? "" : path[..cut];
        }
    }
}
