using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Networks;
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
    private readonly StoreStatement _put;
    private readonly StoreStatement _remove;
    private readonly StoreStatement _updateHead;
    private readonly StoreTransaction _transaction;
    private readonly LeaseRecords _leases;
    private readonly RevisionFile _acknowledged;
    private readonly LogCheckpoint _checkpoint;
    private readonly string _path;
    private readonly TaskCompletionSource<IOException> _failure = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private StoreHead _head;

    private SqliteStore(string path, SqliteConnection connection, LoadedStore loaded, StoreHead head)
    {
        (_path, _connection, _head) = (path, connection, head);
        _acknowledged = RevisionFile.Open(path);
        _publisher = new StatePublisher(loaded.State);
        _put = new StoreStatement(
            connection,
            "INSERT INTO rows(key, revision, body, sum) VALUES(?1, ?2, ?3, ?4) "
                + "ON CONFLICT(key) DO UPDATE SET revision = excluded.revision, body = excluded.body, sum = excluded.sum"
        );
        _remove = new StoreStatement(connection, "DELETE FROM rows WHERE key = ?1");
        _updateHead = new StoreStatement(connection, StoreHead.UpdateText);
        _transaction = new StoreTransaction(connection);
        _leases = new LeaseRecords(connection, loaded.Names, loaded.Records);
        _checkpoint = new LogCheckpoint(path, connection);
        _writer = new Thread(RunWriter) { IsBackground = true, Name = "store" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public StoreState Current => _publisher.Current;

    /// <inheritdoc/>
    /// <remarks>A transaction of SQLite takes what there is.</remarks>
    public int MaxMutations => int.MaxValue;

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
            // Beside what else is read: of a large store it takes as long.
            var pages = Task.Run(() => StoreReader.CheckPages(path));
            var (head, loaded) = Read(connection, path, pages);
            if (StoreFiles.FindLoss(path, head, RevisionFile.Read(path), hadLog) is { } loss)
                throw DamagedStoreException.CreateForLoss(path, loss);
            StoreConnection.ProveWritable(connection);
            StoreConnection.OwnLog(connection);
            return new SqliteStore(path, connection, loaded, head);
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
        _checkpoint.Dispose();
        MarkClosed();
        _put.Dispose();
        _remove.Dispose();
        _updateHead.Dispose();
        _transaction.Dispose();
        _leases.Dispose();
        _connection.Dispose();
        _acknowledged.Dispose();
        return ValueTask.CompletedTask;
    }

    private static (StoreHead Head, LoadedStore Loaded) Read(
        SqliteConnection connection,
        string path,
        Task<string?> pages
    )
    {
        try
        {
            var head = Prepare(connection, path, pages);
            return (head, StoreLoader.Load(connection, path, head));
        }
        finally
        {
            // What is wrong with the pages is the cause of whatever else is wrong.
            ThrowIfDamaged(path, pages);
        }
    }

    private static void ThrowIfDamaged(string path, Task<string?> pages)
    {
        if (pages.GetAwaiter().GetResult() is { } fault)
            throw DamagedStoreException.Create(path, fault);
    }

    /// <summary>Makes or upgrades the tables.</summary>
    /// <returns>The head.</returns>
    private static StoreHead Prepare(SqliteConnection connection, string path, Task<string?> pages)
    {
        switch (StoreSchema.FormatOf(connection, path))
        {
            case 0:
                StoreSchema.Create(connection);
                break;
            case < StoreHead.Format:
                ThrowIfDamaged(path, pages);
                StoreUpgrade.Run(connection, path);
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

    /// <summary>What the commits that were taken have changed.</summary>
    private static IEnumerable<Mutation> MutationsOf(List<(PendingCommit Pending, long? Revision)> answers) =>
        answers.Where(answer => answer.Revision is not null).SelectMany(answer => answer.Pending.Mutations);

    private void WriteBatch(List<PendingCommit> batch)
    {
        var answers = new List<(PendingCommit Pending, long? Revision)>();
        try
        {
            if (_failure.Task.IsCompleted)
                throw new IOException("the store stopped at an earlier fault of the disk", _failure.Task.Result);
            MarkOpen();
            var (state, head) = (Current, _head);
            _transaction.Begin();
            foreach (var pending in batch)
            {
                if (!pending.ReadSet.IsUnchangedIn(state) || state.TryNext(pending.Mutations) is not { } next)
                {
                    answers.Add((pending, null));
                    continue;
                }

                head = head.After(state, next, pending.Mutations);
                state = next;
                foreach (var mutation in pending.Mutations)
                    head = WriteMutation(head, state.Revision, mutation);
                answers.Add((pending, state.Revision));
            }

            if (state.Revision != Current.Revision)
            {
                head.Update(_updateHead);
                _transaction.Commit();
                _leases.Keep();
                _head = head;
                _acknowledged.Write(state.Revision);
                _publisher.Publish(state, MutationsOf(answers));
            }
            else
                _transaction.Rollback();
        }
        catch (Exception e) when (e is not (SqliteException or IOException))
        {
            // A bug in one decision: this batch fails with it, and the thread must live on for the others.
            _transaction.Rollback();
            _leases.Forget();
            batch.ForEach(pending => pending.Completion.TrySetException(e));
            return;
        }
        catch (Exception e)
        {
            _transaction.Rollback();
            _leases.Forget();
            var failure = new IOException($"the store can't write: {e.Message}", e);
            batch.ForEach(pending => pending.Completion.TrySetException(failure));
            if (IsFatal(e))
                _failure.TrySetResult(failure);
            return;
        }

        foreach (var (pending, revision) in answers)
            pending.Completion.TrySetResult(revision);
        // Nobody waits for it.
        _checkpoint.AfterCommit();
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

    /// <returns>The head with the leases that it changes.</returns>
    private StoreHead WriteMutation(StoreHead head, long revision, Mutation mutation)
    {
        if (mutation is LeaseChanges leases)
            return _leases.Write(head, leases);
        var statement = mutation.Bytes is null ? _remove : _put;
        statement.Bind(1, mutation.Key);
        if (mutation.Bytes is { } bytes)
        {
            statement.Bind(2, revision);
            statement.Bind(3, bytes.Span);
            statement.Bind(4, RowChecksum.Of(new Row(mutation.Key, revision, bytes)));
        }

        statement.Run();
        return head;
    }

    private sealed record PendingCommit(ReadSet ReadSet, IReadOnlyList<Mutation> Mutations)
    {
        public TaskCompletionSource<long?> Completion { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
