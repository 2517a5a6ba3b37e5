using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Storage;

/// <summary>
/// The embedded store (docs/specs/store.md): one SQLite file, one writer. Whatever waits while a commit is on its way to
/// the disk goes into the next one, so the number of syncs doesn't grow with the number of callers. A commit is
/// answered, and seen by readers, once it is durable.
/// </summary>
internal sealed class SqliteStore : IResourceStore
{
    private const int MaxBatchSize = 4096;
    private readonly SqliteConnection _connection;
    private readonly StatePublisher _publisher;
    private readonly BlockingCollection<PendingCommit> _queue = [];
    private readonly Thread _writer;
    private readonly SqliteCommand _put;
    private readonly SqliteCommand _remove;
    private readonly RevisionFile _acknowledged;
    private readonly string _path;
    private readonly TaskCompletionSource<IOException> _failure = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private StoreHead _head;

    private SqliteStore(string path, SqliteConnection connection, StoreState state, StoreHead head)
    {
        (_path, _connection, _head) = (path, connection, head);
        _acknowledged = RevisionFile.Open(path);
        _publisher = new StatePublisher(state);
        _put = Prepare(
            "INSERT INTO rows(key, revision, body, sum) VALUES($key, $revision, $body, $sum) "
                + "ON CONFLICT(key) DO UPDATE SET revision = excluded.revision, body = excluded.body, sum = excluded.sum",
            "$key",
            "$revision",
            "$body",
            "$sum"
        );
        _remove = Prepare("DELETE FROM rows WHERE key = $key", "$key");
        _writer = new Thread(RunWriter) { IsBackground = true, Name = "store" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public StoreState Current => _publisher.Current;

    /// <summary>The file.</summary>
    public string Path => _path;

    /// <summary>
    /// Done once the disk has failed in a way that leaves open what it holds: nothing more is written, and only a new
    /// start can read what is there.
    /// </summary>
    public Task<IOException> Failure => _failure.Task;

    /// <summary>Opens a store, or makes it where there is none.</summary>
    /// <exception cref="DamagedStoreException">It doesn't hold what was committed to it.</exception>
    /// <exception cref="IOException">The file can't be read, or was written by a newer version.</exception>
    public static SqliteStore Open(string path)
    {
        StoreFiles.CreateIfNew(path);
        // Asked before SQLite opens the file: it makes the log anew.
        var hadLog = StoreFiles.HasLog(path);
        SqliteConnection? connection = null;
        try
        {
            connection = StoreConnection.OpenForWriting(path);
            if (StoreReader.CheckPages(connection) is { } fault)
                throw DamagedStoreException.Create(path, fault);
            var head = Prepare(connection, path);
            if (StoreFiles.FindLoss(path, head, RevisionFile.Read(path), hadLog) is { } loss)
                throw DamagedStoreException.CreateForLoss(path, loss);
            var state = StoreReader.Load(connection, path, head);
            StoreConnection.ProveWritable(connection);
            StoreConnection.OwnLog(connection);
            return new SqliteStore(path, connection, state, head);
        }
        catch (Exception e)
        {
            connection?.Dispose();
            throw StoreFault.Of(path, e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(changes.Count);
        var pending = new PendingCommit(readSet, changes);
        if (!TryEnqueue(pending))
            throw new IOException("the store is closed");
        return await pending.Completion.Task.WaitAsync(cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public WatcherGroup Watchers => _publisher.Watchers;

    /// <inheritdoc/>
    public ValueTask<StoreState> Watch(long after, IEnumerable<string> topics, CancellationToken cancel) =>
        _publisher.Next(after, topics, cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_queue.IsAddingCompleted)
            return ValueTask.CompletedTask;
        _queue.CompleteAdding();
        _writer.Join();
        MarkClosed();
        _put.Dispose();
        _remove.Dispose();
        _connection.Dispose();
        _acknowledged.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes or upgrades the tables.</summary>
    /// <returns>The head.</returns>
    private static StoreHead Prepare(SqliteConnection connection, string path)
    {
        switch (StoreSchema.FormatOf(connection, path))
        {
            case 0:
                StoreSchema.Create(connection);
                break;
            case 1:
                StoreSchema.Upgrade(connection, path);
                break;
        }

        return StoreHead.Read(connection)
            ?? throw DamagedStoreException.Create(
                path,
                "the row that says what the others amount to isn't what was written"
            );
    }

    /// <summary>
    /// Notes in the file itself, and not only in its log, that commits may be in the log alone: before the first of them,
    /// so that a file without its log is noticed.
    /// </summary>
    private void MarkOpen()
    {
        if (_head.IsOpen)
            return;
        var head = _head with { IsOpen = true };
        head.Update(_connection, null);
        StoreConnection.Execute(_connection, "PRAGMA wal_checkpoint(FULL)");
        _head = head;
    }

    /// <summary>The file is whole without its log from here on.</summary>
    private void MarkClosed()
    {
        if (!_head.IsOpen || _failure.Task.IsCompleted)
            return;
        try
        {
            (_head with { IsOpen = false }).Update(_connection, null);
            StoreConnection.Execute(_connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException)
        {
            // A full disk, say. Then the next start reads the log, as after a crash.
        }
    }

    private bool TryEnqueue(PendingCommit pending)
    {
        try
        {
            return _queue.TryAdd(pending);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private void RunWriter()
    {
        var batch = new List<PendingCommit>();
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            batch.Clear();
            batch.Add(first);
            while (batch.Count < MaxBatchSize && _queue.TryTake(out var more))
                batch.Add(more);
            WriteBatch(batch);
        }
    }

    private void WriteBatch(List<PendingCommit> batch)
    {
        var answers = new List<(PendingCommit Pending, long? Revision)>();
        try
        {
            if (_failure.Task.IsCompleted)
                throw new IOException("the store stopped at an earlier fault of the disk", _failure.Task.Result);
            MarkOpen();
            var (state, head) = (Current, _head);
            using var transaction = _connection.BeginTransaction();
            foreach (var pending in batch)
            {
                if (!pending.ReadSet.IsUnchangedIn(state))
                {
                    answers.Add((pending, null));
                    continue;
                }

                var next = state.Next(pending.Mutations);
                head = head.After(state, next, pending.Mutations);
                state = next;
                foreach (var mutation in pending.Mutations)
                    WriteMutation(transaction, state.Revision, mutation);
                answers.Add((pending, state.Revision));
            }

            if (state.Revision != Current.Revision)
            {
                head.Update(_connection, transaction);
                transaction.Commit();
                _head = head;
                _acknowledged.Write(state.Revision);
                _publisher.Publish(
                    state,
                    answers.Where(answer => answer.Revision is not null).SelectMany(answer => answer.Pending.Mutations)
                );
            }
        }
        catch (Exception e) when (e is not (SqliteException or IOException))
        {
            // A bug in one decision: this batch fails with it, and the thread must live on for the others.
            batch.ForEach(pending => pending.Completion.TrySetException(e));
            return;
        }
        catch (Exception e)
        {
            var failure = new IOException($"the store can't write: {e.Message}", e);
            batch.ForEach(pending => pending.Completion.TrySetException(failure));
            if (IsFatal(e))
                _failure.TrySetResult(failure);
            return;
        }

        foreach (var (pending, revision) in answers)
            pending.Completion.TrySetResult(revision);
    }

    /// <summary>
    /// A full disk refuses this batch and may take the next one. After a failed sync, or on a file that turns out to be
    /// damaged or no longer to be written, nobody knows what the disk holds.
    /// </summary>
    private static bool IsFatal(Exception error) =>
        error
            is SqliteException
            {
                SqliteErrorCode: raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_READONLY
            };

    private void WriteMutation(SqliteTransaction transaction, long revision, Mutation mutation)
    {
        var command = mutation.Bytes is null ? _remove : _put;
        command.Transaction = transaction;
        command.Parameters[0].Value = mutation.Key;
        if (mutation.Bytes is { } bytes)
        {
            command.Parameters[1].Value = revision;
            command.Parameters[2].Value = bytes.ToArray();
            command.Parameters[3].Value = (long)RowChecksum.Of(new Row(mutation.Key, revision, bytes));
        }

        command.ExecuteNonQuery();
    }

    private SqliteCommand Prepare(string text, params string[] parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = text;
        foreach (var name in parameters)
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        return command;
    }

    private sealed record PendingCommit(ReadSet ReadSet, IReadOnlyList<Mutation> Mutations)
    {
        public TaskCompletionSource<long?> Completion { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
