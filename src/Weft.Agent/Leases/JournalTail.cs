using Microsoft.Win32.SafeHandles;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>
/// What is noted behind the journal's last line and not synced: it outlives the process, and the machine only by luck. Its
/// lines have the journal's form and go on with its chain, so that they count for as long as the journal ends where they
/// begin: once it has another line, in which they are, whatever is still in this file follows nothing.
/// </summary>
/// <param name="path">The file; it is made when something is noted first.</param>
internal sealed class JournalTail(string path) : IDisposable
{
    private SafeFileHandle? _file;
    private long _length;
    private JournalChain _end;

    /// <summary>Reads what is noted behind a journal, and goes on behind it.</summary>
    /// <param name="end">Where the journal ends.</param>
    /// <returns>The entries, in the order they were noted; a line that doesn't follow ends them, for nobody promised more.</returns>
    /// <exception cref="InvalidDataException">A line that follows holds no entries.</exception>
    public IReadOnlyList<JournalEntry> Read(JournalChain end)
    {
        Begin(end);
        if (!File.Exists(path))
            return [];
        (var entries, _length, _end) = JournalFormat.ReadTail(File.ReadAllBytes(path), end);
        return entries;
    }

    /// <summary>The journal ends there now, and nothing is noted behind it.</summary>
    public void Begin(JournalChain end) => (_length, _end) = (0, end);

    /// <summary>Notes entries.</summary>
    /// <exception cref="IOException">The file didn't take them; the next ones stand in their place.</exception>
    public void Append(IReadOnlyList<JournalEntry> entries)
    {
        var (line, end) = JournalFormat.Line(entries, _end);
        RandomAccess.Write(_file ??= Open(), line, _length);
        (_length, _end) = (_length + line.Length, end);
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private SafeFileHandle Open()
    {
        if (!File.Exists(path))
            DurableFile.Create(path).Dispose();
        return File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.Read);
    }
}
