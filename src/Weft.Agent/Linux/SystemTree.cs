namespace Weft.Agent.Linux;

/// <summary>
/// A tree of small files as the kernel shows them, <c>/sys</c> or <c>/proc</c>, or one that was recorded elsewhere.
/// What is not there, has just gone, or answers with an error (the speed of a port that is down does) is absent and no
/// fault: the tree changes under whoever reads it.
/// </summary>
internal sealed class SystemTree(string root)
{
    /// <summary>What a file holds.</summary>
    /// <returns>Its text without blanks at either end, or null where it can't be read.</returns>
    public string? ReadText(string path)
    {
        try
        {
            // Most of what is asked for isn't there, of most devices; to be told so by an exception would take longer
            // than all the rest.
            return File.Exists(PathOf(path)) ? File.ReadAllText(PathOf(path)).Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The lines of a file.</summary>
    public string[] ReadLines(string path) => ReadText(path)?.Split('\n') ?? [];

    /// <summary>The whole number a file holds.</summary>
    /// <returns>The number, or null where it holds none that fits.</returns>
    public int? ReadNumber(string path) =>
        int.TryParse(
            ReadText(path),
            System.Globalization.NumberStyles.AllowLeadingSign,
            System.Globalization.CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : null;

    /// <summary>Where a link points to, as it is written.</summary>
    /// <returns>The target, or null where there is no link.</returns>
    public string? ReadLink(string path)
    {
        try
        {
            return new FileInfo(PathOf(path)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// The last part of a link's target: the driver of <c>driver</c>, the physical function of <c>physfn</c>.
    /// </summary>
    /// <returns>The name, or null where there is no link.</returns>
    public string? ReadLinkName(string path) =>
        ReadLink(path) is { } target ? Path.GetFileName(target.TrimEnd('/')) : null;

    /// <summary>The entries of a directory.</summary>
    /// <returns>Their names in ordinal order; none where there is no directory.</returns>
    public string[] Names(string path)
    {
        try
        {
            if (!Directory.Exists(PathOf(path)))
                return [];
            var names = new DirectoryInfo(PathOf(path))
                .EnumerateFileSystemInfos()
                .Select(entry => entry.Name)
                .ToArray();
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether there is an entry.</summary>
    /// <returns>True for a file, a directory, or a link to one.</returns>
    public bool Exists(string path) => Path.Exists(PathOf(path));

    private string PathOf(string path) => Path.Join(root, path);
}
