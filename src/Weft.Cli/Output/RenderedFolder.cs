using System.Text;
using Weft.Attachments.Nodes;
using Weft.Files;

namespace Weft.Cli.Output;

/// <summary>
/// A folder that rendered files are written to: each whole and with its mode, and nobody else's file is lost for it.
/// </summary>
internal sealed class RenderedFolder(string root)
{
    private const string Marker = "Drawn by Weft.";

    /// <summary>Writes files. Where one of them can't be, none is.</summary>
    /// <param name="files">The files: below the folder by their paths.</param>
    /// <param name="force">Whether files that Weft didn't render may be replaced.</param>
    /// <param name="said">Is told of each file: what was done, and where.</param>
    /// <exception cref="CliError">A file is in the way, or can't be written.</exception>
    public void Write(IReadOnlyList<NodeFile> files, bool force, Action<string, string, TextStyle> said)
    {
        try
        {
            var places = files.Select(file => (file, Path: ResolvePath(file))).ToList();
            var inTheWay = places.Select(p => FindConflict(p.Path, p.file, force)).OfType<string>().ToList();
            if (inTheWay.Count > 0)
                throw new CliError(
                    "nothing was written",
                    inTheWay,
                    force ? null : "move them away, or --force replaces files that Weft didn't draw"
                );
            foreach (var (file, path) in places)
            {
                var there = File.Exists(path);
                var same = there && IsSame(path, file);
                if (!same)
                    Replace(path, file);
                said(
                    same ? "unchanged"
                        : there ? "changed"
                        : "created",
                    $"{path} {file.Mode}",
                    same ? TextStyle.Faint
                        : there ? TextStyle.Changed
                        : TextStyle.Added
                );
            }

            foreach (var old in FindStale(places.Select(p => p.Path).ToHashSet(StringComparer.Ordinal)))
                said("no longer drawn", old, TextStyle.Removed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError($"{root} cannot be written: {e.Message}");
        }
    }

    private static string? FindConflict(string path, NodeFile file, bool force)
    {
        if (Directory.Exists(path))
            return $"{path} is a directory";
        if (new FileInfo(path).LinkTarget is not null)
            return $"{path} is a link";
        return force || !File.Exists(path) || IsSame(path, file) || IsRendered(path)
            ? null
            : $"{path} is there and wasn't drawn by Weft";
    }

    private static bool IsSame(string path, NodeFile file) =>
        File.ReadAllText(path) == file.Content
        && (OperatingSystem.IsWindows() || File.GetUnixFileMode(path) == ParseMode(file));

    private static bool IsRendered(string path) =>
        File.ReadLines(path).Take(1).Any(line => line.Contains(Marker, StringComparison.Ordinal));

    private static UnixFileMode ParseMode(NodeFile file) =>
        file.Mode.Length is 3 or 4 && file.Mode.All(c => c is >= '0' and <= '7')
            ? (UnixFileMode)Convert.ToInt32(file.Mode, 8) & (UnixFileMode)0x1FF
            : throw new CliError($"the mode '{file.Mode}' of {file.Path} is none");

    private static void Replace(string path, NodeFile file)
    {
        var next = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Environment.ProcessId}.new");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        DurableFile.Write(path, Encoding.UTF8.GetBytes(file.Content), ParseMode(file), next);
    }

    /// <summary>
    /// Files of earlier runs that this one would have left: nothing is removed, for somebody may still be reading them.
    /// </summary>
    private IEnumerable<string> FindStale(HashSet<string> written)
    {
        foreach (
            var folder in written
                .Select(path => Path.GetRelativePath(root, path).Split('/')[0])
                .Distinct()
                .Select(first => Path.Combine(root, first))
                .Where(Directory.Exists)
        )
        {
            foreach (
                var path in Directory
                    .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                    .Where(path => !written.Contains(path) && IsRendered(path))
                    .Order(StringComparer.Ordinal)
            )
                yield return path;
        }
    }

    // Paths come from a server: none may lead out of the folder.
    private string ResolvePath(NodeFile file)
    {
        var parts = file.Path.TrimStart('/').Split('/');
        if (parts.Any(part => part is "" or "." or ".." || part.Contains('\0', StringComparison.Ordinal)))
            throw new CliError($"'{file.Path}' is no path of a file below {root}");
        return Path.Combine([Path.GetFullPath(root), .. parts]);
    }
}
