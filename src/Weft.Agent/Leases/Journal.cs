using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>
/// The lease table on the disk: append-only, and nothing is acknowledged before it is synced. One writer takes all that
/// waits, writes it as one line, syncs once, and only then tells the table and the waiting; the next batch forms
/// meanwhile.
/// </summary>
/// <remarks>
/// What can be learned again is only noted: it stands in the <see cref="JournalTail"/> before it is acknowledged, and in
/// the next line that is synced. Why: docs/adr/0035-an-add-waits-for-one-sync.md.
///
/// After a failed write or sync nobody knows what the file holds, so nothing more is appended to it: the journal is
/// written anew from the table before it takes another entry. While that fails, every append fails, and reading goes
/// on.
/// </remarks>
internal sealed class Journal : IAsyncDisposable
{
    /// <summary>
    /// The most entries that are taken at once, and the most that are noted; each is a few hundred bytes. A line has both.
    /// </summary>
    private const int MaxBatch = 256;

    /// <summary>As long as a batch of ordinary entries. Not zeros, which a file system may not store.</summary>
    private static readonly byte[] Probe = [.. Enumerable.Repeat((byte)'.', 64 * 1024)];

    private readonly string _path;
    private readonly LeaseTable _table;
    private readonly ILogger _log;
    private readonly Action<SafeFileHandle> _sync;
    private readonly int _compactFrom;
    private readonly Channel<PendingAppend> _queue = Channel.CreateUnbounded<PendingAppend>(
        new UnboundedChannelOptions { SingleReader = true }
    );
    private readonly JournalTail _tail;
    private readonly Task _writer;

    // These are the writer's alone once it runs; others read _isHealthy.
    private SafeFileHandle? _file;
    private long _length;
    private JournalChain _end;
    private int _entries;
    private readonly List<JournalEntry> _noted = [];
    private volatile bool _isHealthy;

    private Journal(string path, LeaseTable table, ILogger log, Action<SafeFileHandle>? sync, int compactFrom)
    {
        (_path, _table, _log, _compactFrom) = (path, table, log, compactFrom);
        _sync = sync ?? DurableFile.Sync;
        _tail = new JournalTail($"{path}.tail");
        if (File.Exists(path))
            Replay();
        else
            Rewrite();
        _writer = Task.Run(Write);
    }

    /// <summary>Whether the last write succeeded; false until the disk takes entries again.</summary>
    public bool IsHealthy => _isHealthy;

    /// <summary>Opens the journal, makes it if there is none, and reads it into the table.</summary>
    /// <param name="sync">Makes a file durable; fsync unless a test wants a disk that fails.</param>
    /// <param name="compactFrom">From how many entries on it is looked whether most are dead.</param>
    /// <exception cref="StartupException">It is damaged, or can't be read or written.</exception>
    public static Journal Open(
        string path,
        LeaseTable table,
        ILogger log,
        Action<SafeFileHandle>? sync = null,
        int compactFrom = 1024
    )
    {
        try
        {
            return new Journal(path, table, log, sync, compactFrom);
        }
        catch (InvalidDataException e)
        {
            throw new StartupException(
                $"the journal '{path}' is damaged: {e.Message}. Restore it from a copy, or move it away: "
                    + "leases of running pods are then no longer known here, and releases that weren't confirmed have to be made by hand",
                e
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the journal '{path}' can't be used: {e.Message}", e);
        }
    }

    /// <summary>Puts an entry on the disk and into the table.</summary>
    /// <exception cref="IOException">The disk did not take it; the table doesn't have it either.</exception>
    public Task Append(JournalEntry entry) => Enqueue(entry, PendingKind.Durable);

    /// <summary>
    /// Puts an entry into the table and where a killed agent finds it again; it is synced with the next one that is appended.
    /// For what can be learned again if the machine itself stops before that.
    /// </summary>
    /// <exception cref="IOException">The disk did not take it; the table doesn't have it either.</exception>
    public Task Note(JournalEntry entry) => Enqueue(entry, PendingKind.Noted);

    /// <summary>Makes sure that the journal takes entries, before something is begun that will need one.</summary>
    /// <exception cref="IOException">The disk still fails.</exception>
    public Task EnsureWritable() => _isHealthy ? Task.CompletedTask : Enqueue(null, PendingKind.Durable);

    /// <summary>
    /// Proves by a write that the disk has room for what may come, whether the last one went well or not: of a disk that is
    /// all but full a small entry's luck says nothing about the next.
    /// </summary>
    /// <exception cref="IOException">It hasn't; nothing more is taken until it has.</exception>
    public Task ProveWritable() => Enqueue(null, PendingKind.Proof);

    /// <summary>Writes what waits, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
        SyncNoted();
        _tail.Dispose();
        _file?.Dispose();
    }

    private Task Enqueue(JournalEntry? entry, PendingKind kind)
    {
        var waiting = new PendingAppend(
            entry,
            kind,
            new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
        );
        return _queue.Writer.TryWrite(waiting)
            ? waiting.Done.Task
            : Task.FromException(new IOException("the journal is closed"));
    }

    private async Task Write()
    {
        var batch = new List<PendingAppend>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var next))
                batch.Add(next);
            try
            {
                if (!_isHealthy || batch.Exists(w => w.Kind == PendingKind.Proof))
                    Prove();
                WriteBatch(batch);
                batch.ForEach(w => w.Done.SetResult());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _log.JournalNotWritten(e, batch.Count);
                batch.ForEach(w =>
                    w.Done.SetException(new IOException($"the journal can't be written: {e.Message}", e))
                );
            }
        }
    }

    /// <summary>Writes and syncs what a batch may be long, and takes it away again.</summary>
    private void Prove()
    {
        var probe = $"{_path}.probe";
        try
        {
            Attempt(() =>
            {
                using var file = DurableFile.Create(probe);
                file.Write(Probe);
                _sync(file.SafeFileHandle);
            });
        }
        finally
        {
            File.Delete(probe);
        }
    }

    /// <summary>
    /// Does what the disk may refuse. The journal is unhealthy once it has, and not before: whoever begins an ADD meanwhile would wait.
    /// </summary>
    private void Attempt(Action write)
    {
        try
        {
            write();
        }
        catch
        {
            _isHealthy = false;
            throw;
        }
    }

    private void WriteBatch(List<PendingAppend> batch)
    {
        if (!_isHealthy)
            Rewrite();
        IReadOnlyList<JournalEntry> entries = [.. batch.Select(w => w.Entry).OfType<JournalEntry>()];
        if (entries.Count == 0)
            return;
        if (batch.Exists(w => w.Kind != PendingKind.Noted) || !TryNote(entries))
            WriteLine(entries);
        foreach (var entry in entries)
            _table.Apply(entry);
        Compact();
    }

    /// <summary>Writes entries without a sync.</summary>
    /// <returns>False where they are to be synced: there are too many already, or their file doesn't take them.</returns>
    private bool TryNote(IReadOnlyList<JournalEntry> entries)
    {
        if (_noted.Count + entries.Count > MaxBatch)
            return false;
        try
        {
            _tail.Append(entries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.JournalTailNotWritten(e, entries.Count);
            return false;
        }

        _noted.AddRange(entries);
        return true;
    }

    /// <summary>Writes and syncs one line: what was noted before, and entries.</summary>
    private void WriteLine(IReadOnlyList<JournalEntry> entries)
    {
        var (line, end) = JournalFormat.Line([.. _noted, .. entries], _end);
        Attempt(() =>
        {
            RandomAccess.Write(_file!, line, _length);
            _sync(_file!);
        });
        (_length, _end) = (_length + line.Length, end);
        _entries += _noted.Count + entries.Count;
        _noted.Clear();
        _tail.Begin(end);
    }

    /// <summary>An agent that ends leaves nothing that isn't synced; where the disk doesn't take it, it stays noted.</summary>
    private void SyncNoted()
    {
        if (_noted.Count == 0 || !_isHealthy)
            return;
        try
        {
            WriteLine([]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.JournalNotWritten(e, _noted.Count);
        }
    }

    private void Compact()
    {
        if (_entries < _compactFrom || _entries < 4 * _table.Count)
            return;
        try
        {
            Rewrite();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What was to be written is on the disk already; only the file stays long until the next entry.
            _log.JournalNotCompacted(e, _entries);
        }
    }

    /// <summary>Writes the table to a new file and puts it in the old one's place.</summary>
    private void Rewrite()
    {
        var entries = _table.Entries();
        var content = new MemoryStream();
        var (line, end) = JournalFormat.Header();
        content.Write(line);
        foreach (var chunk in entries.Chunk(MaxBatch))
        {
            (line, end) = JournalFormat.Line(chunk, end);
            content.Write(line);
        }

        var temporary = DurableFile.TemporaryOf(_path);
        var file = DurableFile.Create(temporary);
        // From here on the old file may be gone, or not.
        Attempt(() =>
        {
            using (file)
            {
                file.Write(content.GetBuffer().AsSpan(0, (int)content.Length));
                _sync(file.SafeFileHandle);
            }

            File.Move(temporary, _path, overwrite: true);
            DurableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
            _file?.Dispose();
            _file = File.OpenHandle(_path, FileMode.Open, FileAccess.Write, FileShare.Read);
        });
        (_length, _entries, _end, _isHealthy) = (content.Length, entries.Count, end, true);
        _noted.Clear();
        _tail.Begin(end);
    }

    private void Replay()
    {
        var content = File.ReadAllBytes(_path);
        (var whole, _entries, var end) = JournalFormat.Read(content, _table.Apply);
        _file = File.OpenHandle(_path, FileMode.Open, FileAccess.Write, FileShare.Read);
        if (whole < content.Length)
        {
            _log.JournalTailCut(content.Length - whole, whole);
            RandomAccess.SetLength(_file, whole);
            _sync(_file);
        }

        _length = whole;
        if (end is { } chained)
        {
            (_end, _isHealthy) = (chained, true);
            ReplayNoted();
        }
        else
            Upgrade();
    }

    /// <summary>What was noted stays so: it is in its file, and in the next line.</summary>
    private void ReplayNoted()
    {
        _noted.AddRange(_tail.Read(_end));
        if (!_noted.TrueForAll(_table.Apply))
            throw new InvalidDataException("what is noted behind it holds an entry that this version doesn't know");
    }

    /// <summary>A journal of an earlier version is written anew; where the disk doesn't take it, before its first entry.</summary>
    private void Upgrade()
    {
        try
        {
            Rewrite();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.JournalNotCompacted(e, _entries);
        }
    }

    private enum PendingKind
    {
        /// <summary>Acknowledged once it is synced.</summary>
        Durable,

        /// <summary>Acknowledged once it is in the tail.</summary>
        Noted,

        /// <summary>Acknowledged once the disk has taken a large write.</summary>
        Proof,
    }

    private readonly record struct PendingAppend(JournalEntry? Entry, PendingKind Kind, TaskCompletionSource Done);
}
