using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Storage;

/// <summary>
/// The embedded store: one SQLite file, one writer. Whatever waits while a commit is on its way to the disk goes into
/// the next one, so the number of syncs doesn't grow with the number of callers. A commit is answered, and seen by
/// readers, once it is durable.
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
    private readonly SqliteCommand _setRevision;
    private readonly TaskCompletionSource<IOException> _failure = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    private SqliteStore(SqliteConnection connection, StoreState state)
    {
        _connection = connection;
        _publisher = new StatePublisher(state);
        _put = Prepare(
            "INSERT INTO rows(key, revision, body) VALUES($key, $revision, $body) "
                + "ON CONFLICT(key) DO UPDATE SET revision = excluded.revision, body = excluded.body",
            "$key",
            "$revision",
            "$body"
        );
        _remove = Prepare("DELETE FROM rows WHERE key = $key", "$key");
        _setRevision = Prepare("UPDATE head SET revision = $revision", "$revision");
        _writer = new Thread(RunWriter) { IsBackground = true, Name = "store" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public StoreState Current => _publisher.Current;

    /// <summary>
    /// Done once the disk has failed in a way that leaves open what it holds: nothing more is written, and only a new
    /// start can read what is there.
    /// </summary>
    public Task<IOException> Failure => _failure.Task;

    /// <summary>Opens a store, or makes it where there is none.</summary>
    /// <exception cref="IOException">The file can't be read, or was written by a newer version.</exception>
    public static SqliteStore Open(string path)
    {
        // It holds what machines are given to know, passwords of registries among it; SQLite makes its other files with
        // this one's mode.
        if (!File.Exists(path))
            new FileStream(
                path,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }
            ).Dispose();
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString()
        );
        try
        {
            connection.Open();
            Execute(connection, "PRAGMA journal_mode = WAL");
            // NORMAL would lose the last commits at a power loss: an address that was acknowledged could be given to
            // another.
            Execute(connection, "PRAGMA synchronous = FULL");
            Execute(
                connection,
                "CREATE TABLE IF NOT EXISTS rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID"
            );
            Execute(
                connection,
                "CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL)"
            );
            Execute(connection, "INSERT INTO head(id, format, revision) VALUES(1, 1, 0) ON CONFLICT DO NOTHING");
            ProveWritable(connection);
            return new SqliteStore(connection, Load(connection, path));
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw new IOException($"the store {path} can't be opened: {e.Message}", e);
        }
        catch
        {
            connection.Dispose();
            throw;
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
    public ValueTask<StoreState> Watch(long after, CancellationToken cancel) => _publisher.Next(after, cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_queue.IsAddingCompleted)
            return ValueTask.CompletedTask;
        _queue.CompleteAdding();
        _writer.Join();
        _put.Dispose();
        _remove.Dispose();
        _setRevision.Dispose();
        _connection.Dispose();
        return ValueTask.CompletedTask;
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

    /// <summary>
    /// Writes and syncs before anybody is served: on a disk that still fails weftd would take requests, fail and start
    /// again, and each time tell the agents that it is well. A full disk is another matter: it can be read.
    /// </summary>
    private static void ProveWritable(SqliteConnection connection)
    {
        try
        {
            using var transaction = connection.BeginTransaction();
            // There and back: SQLite leaves out a write that changes nothing.
            Execute(connection, "UPDATE head SET revision = revision + 1; UPDATE head SET revision = revision - 1");
            transaction.Commit();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_FULL) { }
    }

    private static StoreState Load(SqliteConnection connection, string path)
    {
        using var head = connection.CreateCommand();
        head.CommandText = "SELECT format, revision FROM head";
        using var headReader = head.ExecuteReader();
        _ = headReader.Read();
        if (headReader.GetInt64(0) != 1)
            throw new IOException(
                $"the store {path} has format {headReader.GetInt64(0)}, this version knows 1: it was written by a newer weftd"
            );
        var revision = headReader.GetInt64(1);
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT key, revision, body FROM rows ORDER BY key";
        using var reader = command.ExecuteReader();
        var rows = new List<Row>();
        while (reader.Read())
            rows.Add(new Row(reader.GetString(0), reader.GetInt64(1), (byte[])reader[2]));
        return StoreState.FromRows(revision, rows, AllKinds.Views);
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
            var state = Current;
            using var transaction = _connection.BeginTransaction();
            foreach (var pending in batch)
            {
                if (!pending.ReadSet.IsUnchangedIn(state))
                {
                    answers.Add((pending, null));
                    continue;
                }

                state = state.Next(pending.Mutations);
                foreach (var mutation in pending.Mutations)
                    WriteMutation(transaction, state.Revision, mutation);
                answers.Add((pending, state.Revision));
            }

            if (state.Revision != Current.Revision)
            {
                _setRevision.Transaction = transaction;
                _setRevision.Parameters[0].Value = state.Revision;
                _setRevision.ExecuteNonQuery();
                transaction.Commit();
                _publisher.Publish(state);
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

    private static void Execute(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    private sealed record PendingCommit(ReadSet ReadSet, IReadOnlyList<Mutation> Mutations)
    {
        public TaskCompletionSource<long?> Completion { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
