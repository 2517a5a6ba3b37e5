namespace Weft.Cli.Documents;

/// <summary>Where in its file each member of a document stands.</summary>
internal sealed class Origin(string file)
{
    private readonly Dictionary<string, Place> _places = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The file.</summary>
    public string File => file;

    /// <summary>The path of a member.</summary>
    /// <returns><c>path.name</c>.</returns>
    public static string Member(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>The path of an item.</summary>
    /// <returns><c>path[index]</c>.</returns>
    public static string Item(string path, int index) => $"{path}[{index}]";

    /// <summary>Remembers where a member stands.</summary>
    public Place Mark(string path, long line, long column)
    {
        var place = new Place(file, line, column);
        _places.TryAdd(path, place);
        return place;
    }

    /// <summary>Where a member stands, or the nearest thing around it that stands somewhere.</summary>
    /// <param name="path">Its path, such as <c>properties.vlans[1]</c>.</param>
    public Place At(string path)
    {
        while (true)
        {
            if (_places.TryGetValue(path, out var place))
                return place;
            if (path.Length == 0)
                return new Place(file, 0, 0);
            var cut = path.LastIndexOfAny(['.', '[']);
            path = cut < 0 ? "" : path[..cut];
        }
    }
}
