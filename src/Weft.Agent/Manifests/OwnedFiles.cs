using System.Text;
using Weft.Files;

namespace Weft.Agent.Manifests;

/// <summary>
/// Which files of a folder the agent made. A name is on the list before the file is, and leaves it after the file has:
/// a crash between leaves a name too many, never a file that the agent takes for somebody else's.
/// </summary>
/// <param name="path">The list: the folder in the first line, then a name a line.</param>
internal sealed class OwnedFiles(string path, string folder, ILogger log)
{
    private HashSet<string>? _names;

    /// <summary>The names; read once.</summary>
    public IReadOnlySet<string> Names => _names ??= Read();

    /// <summary>Puts another list in place of this one, if it differs; returns once it is on the disk.</summary>
    public void Replace(HashSet<string> names)
    {
        if (names.SetEquals(Names))
            return;
        var lines = names.Order(StringComparer.Ordinal).Prepend(folder);
        DurableFile.Write(path, Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n"), DurableFile.Private);
        _names = names;
    }

    private HashSet<string> Read()
    {
        if (!File.Exists(path))
            return [];
        var lines = File.ReadAllLines(path);
        if (lines is [var first, ..] && first == folder)
            return [.. lines.Skip(1)];

        // What was made in another folder says nothing of this one.
        log.FolderChanged(lines.FirstOrDefault(), folder, Math.Max(0, lines.Length - 1));
        return [];
    }
}
