using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Storage;

/// <summary>
/// The embedded store: one SQLite file, one writer. Whatever waits while a commit is on its way to the disk goes into the next one, so
/// the number of syncs doesn't grow with the number of callers. A commit is answered, and seen by readers, once it is durable.
/// </summary>
internal sealed class SqliteStore : IResourceStore
{
    private const int LargestBatch = 4096;
    private readonly SqliteConnection _connection;
    private readonly Publication _publication;
    private readonly BlockingCollection<Pending> _queue = [];
    private readonly Thread _writer;
    private readonly SqliteCommand _put;
    private readonly SqliteCommand _remove;
    private readonly SqliteCommand _stamp;
    private Exception? _broken;

    private SqliteStore(SqliteConnection connection, Image image)
    {
        _connection = connection;
        _publication = new Publication(image);
        _put = Prepare("INSERT INTO rows(key, revision, body) VALUES($key, $revision, $body) ON CONFLICT(key) DO UPDATE SET revision = excluded.revision, body = excluded.body", "$key", "$revision", "$body");
        _remove = Prepare("DELETE FROM rows WHERE key = $key", "$key");
        _stamp = Prepare("UPDATE head SET revision = $revision", "$revision");
        _writer = new Thread(Write) { IsBackground = true, Name = "store" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public Image Current => _publication.Current;

    /// <summary>Opens a store, or makes it where there is none.</summary>
    /// <exception cref="IOException">The file can't be read, or was written by a newer version.</exception>
    public static SqliteStore Open(string path)
    {
        // It holds what machines are given to know, passwords of registries among it; SQLite makes its other files with this one's mode.
        if (!File.Exists(path))
            new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            connection.Open();
            Execute(connection, "PRAGMA journal_mode = WAL");
            // NORMAL would lose the last commits at a power loss: an address that was acknowledged could be given to another.
            Execute(connection, "PRAGMA synchronous = FULL");
            Execute(connection, "CREATE TABLE IF NOT EXISTS rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID");
            Execute(connection, "CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL)");
            Execute(connection, "INSERT INTO head(id, format, revision) VALUES(1, 1, 0) ON CONFLICT DO NOTHING");
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
    public async ValueTask<long?> Commit(Seen seen, IReadOnlyList<Change> changes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(changes.Count);
        var pending = new Pending(seen, changes);
        if (!Queued(pending))
            throw new IOException("the store is closed");
        return await pending.Done.Task.WaitAsync(cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<Image> Watch(long after, CancellationToken cancel) => _publication.Next(after, cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_queue.IsAddingCompleted)
            return ValueTask.CompletedTask;
        _queue.CompleteAdding();
        _writer.Join();
        _put.Dispose();
        _remove.Dispose();
        _stamp.Dispose();
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private bool Queued(Pending pending)
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

    private static Image Load(SqliteConnection connection, string path)
    {
        using var head = connection.CreateCommand();
        head.CommandText = "SELECT format, revision FROM head";
        using var headReader = head.ExecuteReader();
        _ = headReader.Read();
        if (headReader.GetInt64(0) != 1)
            throw new IOException($"the store {path} has format {headReader.GetInt64(0)}, this version knows 1: it was written by a newer weftd");
        var revision = headReader.GetInt64(1);
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT key, revision, body FROM rows ORDER BY key";
        using var reader = command.ExecuteReader();
        var rows = new List<Stored>();
        while (reader.Read())
            rows.Add(new Stored(reader.GetString(0), reader.GetInt64(1), (byte[])reader[2]));
        return Image.Of(revision, rows, AllKinds.Folds);
    }

    private void Write()
    {
        var batch = new List<Pending>();
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            batch.Clear();
            batch.Add(first);
            while (batch.Count < LargestBatch && _queue.TryTake(out var more))
                batch.Add(more);
            WriteBatch(batch);
        }
    }

    private void WriteBatch(List<Pending> batch)
    {
        var answers = new List<(Pending Pending, long? Revision)>();
        try
        {
            if (_broken is not null)
                throw new IOException("the store stopped at an earlier fault of the disk", _broken);
            var image = Current;
            using var transaction = _connection.BeginTransaction();
            foreach (var pending in batch)
            {
                if (!pending.Seen.StillHolds(image))
                {
                    answers.Add((pending, null));
                    continue;
                }

                image = image.Next(pending.Changes);
                foreach (var change in pending.Changes)
                    Write(transaction, image.Revision, change);
                answers.Add((pending, image.Revision));
            }

            if (image.Revision != Current.Revision)
            {
                _stamp.Transaction = transaction;
                _stamp.Parameters[0].Value = image.Revision;
                _stamp.ExecuteNonQuery();
                transaction.Commit();
                _publication.Publish(image);
            }
        }
        catch (Exception e) when (e is not (SqliteException or IOException))
        {
            // A fault of ours in one decision: this batch fails with it, and the thread must live on for the others.
            batch.ForEach(pending => pending.Done.TrySetException(e));
            return;
        }
        catch (Exception e)
        {
            // A full disk refuses this batch and may take the next one. After a failed sync nobody knows what the disk holds: stop for good.
            if (e is SqliteException { SqliteErrorCode: 10 })
                _broken = e;
            foreach (var pending in batch)
                pending.Done.TrySetException(new IOException($"the store can't write: {e.Message}", e));
            return;
        }

        foreach (var (pending, revision) in answers)
            pending.Done.TrySetResult(revision);
    }

    private void Write(SqliteTransaction transaction, long revision, Change change)
    {
        var command = change.Bytes is null ? _remove : _put;
        command.Transaction = transaction;
        command.Parameters[0].Value = change.Key;
        if (change.Bytes is { } bytes)
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

    private sealed record Pending(Seen Seen, IReadOnlyList<Change> Changes)
    {
        public TaskCompletionSource<long?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
