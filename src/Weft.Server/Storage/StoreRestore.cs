using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Weft.Files;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>
/// Puts a backup in the place of a data directory's store, and begins a new epoch in it. Every step leaves either the
/// store before, or the restored one, or a directory that weftd refuses to serve.
/// </summary>
internal static class StoreRestore
{
    /// <summary>
    /// The agents that a store knows and a backup doesn't: they were enrolled after it, and what their pods hold is known to
    /// nobody once it is restored.
    /// </summary>
    /// <returns>Their ids; none where the store can't be read.</returns>
    public static IReadOnlyList<string> AgentsUnknownTo(string backup, string store)
    {
        if (!File.Exists(store))
            return [];
        try
        {
            return [.. AgentsOf(store).Except(AgentsOf(backup), StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or SqliteException)
        {
            return [];
        }
    }

    /// <summary>Restores a backup.</summary>
    /// <param name="backup">A backup of weftd, or a copy of a store with its write-ahead log beside it.</param>
    /// <param name="awaitsAgents">Whether agents must register what they hold before new addresses are leased.</param>
    /// <returns>What the store now holds, and where the one before is kept; null where there was none.</returns>
    /// <exception cref="DamagedStoreException">The backup is damaged; nothing was changed.</exception>
    public static (StoreReport Report, string? Before) Restore(
        DataDirectory data,
        string backup,
        bool awaitsAgents,
        DateTimeOffset now
    )
    {
        if (StoreReport.Check(backup) is { Faults: [var fault, ..] })
            throw DamagedStoreException.Create(backup, fault);
        var part = $"{data.Store}.part";
        RemoveAll(part);
        CopyWithLog(backup, part);
        try
        {
            BeginEpoch(part, NewestRevision(data.Store), awaitsAgents, now);
            var before = MoveAside(data.Store, now);
            File.Move(part, data.Store);
            using (var revision = RevisionFile.Open(data.Store))
                revision.Write(StoreReport.Check(data.Store).Revision);
            DurableFile.SyncDirectory(data.Path);
            return (StoreReport.Check(data.Store), before);
        }
        catch (Exception e) when (e is not IOException)
        {
            throw StoreFault.Of(backup, e);
        }
        finally
        {
            RemoveAll(part);
        }
    }

    /// <summary>
    /// Goes on with what is there of a store that has lost commits: as if it had been restored from a backup of that time.
    /// </summary>
    /// <returns>What the store now holds.</returns>
    /// <exception cref="DamagedStoreException">What is there is damaged, too.</exception>
    public static StoreReport AcceptLoss(DataDirectory data, bool awaitsAgents, DateTimeOffset now)
    {
        if (StoreReport.Check(data.Store) is { Faults: [var fault, ..] })
            throw DamagedStoreException.Create(data.Store, fault);
        BeginEpoch(data.Store, NewestRevision(data.Store), awaitsAgents, now);
        using (var revision = RevisionFile.Open(data.Store))
            revision.Write(StoreReport.Check(data.Store).Revision);
        return StoreReport.Check(data.Store);
    }

    /// <summary>
    /// Writes the epoch, and takes the revision beyond every one that a client can have seen: an agent or an ETag of
    /// before must not meet the same number again with another meaning.
    /// </summary>
    private static void BeginEpoch(string path, long seen, bool awaitsAgents, DateTimeOffset now)
    {
        using var connection = StoreConnection.OpenAlone(path);
        if (StoreSchema.FormatOf(connection, path) < StoreHead.Format)
            StoreUpgrade.Run(connection, path);
        var head =
            StoreHead.Read(connection) ?? throw DamagedStoreException.Create(path, "its head isn't what was written");
        var revision = Math.Max(head.Revision, seen) + Epoch.RevisionBump;
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        var since = now.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
        var row = new Row(Epoch.Key, revision, Json.ToUtf8(new Epoch(id, since, awaitsAgents).ToJson()));
        using var transaction = connection.BeginTransaction();
        var old = StoreReader
            .ReadRows(connection, "rows", hasSums: true)
            .Where(item => item.Row.Key == Epoch.Key)
            .Select(item => (ulong?)RowChecksum.Term(item.Checksum, item.Row.Revision))
            .FirstOrDefault();
        Put(connection, transaction, row);
        var next = head with
        {
            Revision = revision,
            Rows = head.Rows + (old is null ? 1 : 0),
            Sum = head.Sum - (old ?? 0) + RowChecksum.Term(RowChecksum.Of(row), revision),
            IsOpen = false,
        };
        next.Update(connection, transaction);
        transaction.Commit();
    }

    private static void Put(SqliteConnection connection, SqliteTransaction transaction, Row row)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            "INSERT OR REPLACE INTO rows(key, revision, body, sum) VALUES($key, $revision, $body, $sum)";
        command.Parameters.AddWithValue("$key", row.Key);
        command.Parameters.AddWithValue("$revision", row.Revision);
        command.Parameters.AddWithValue("$body", row.Bytes.ToArray());
        command.Parameters.AddWithValue("$sum", (long)RowChecksum.Of(row));
        command.ExecuteNonQuery();
    }

    /// <summary>The newest revision that the store before, or what it acknowledged, has.</summary>
    private static long NewestRevision(string store)
    {
        var acknowledged = RevisionFile.Read(store) ?? 0;
        try
        {
            return File.Exists(store) ? Math.Max(acknowledged, StoreReport.Check(store).Revision) : acknowledged;
        }
        catch (IOException)
        {
            // It is restored because it can't be read.
            return acknowledged;
        }
    }

    private static List<string> AgentsOf(string store)
    {
        using var connection = StoreConnection.OpenForReading(store);
        var prefix = $"{StoreKey.PartitionOf(Agent.ResourceType)}|";
        return
        [
            .. StoreReader
                .ReadRows(connection, "rows", hasSums: false, prefix)
                .TakeWhile(item => item.Row.Key.StartsWith(prefix, StringComparison.Ordinal))
                .Where(item => item.Fault is null)
                .Select(item => item.Row.Id?.ToString() ?? item.Row.Key),
        ];
    }

    private static void CopyWithLog(string backup, string part)
    {
        foreach (var (from, to) in new[] { (backup, part), (StoreFiles.LogOf(backup), StoreFiles.LogOf(part)) })
        {
            if (!File.Exists(from))
                continue;
            using var source = File.OpenRead(from);
            using var target = DurableFile.Create(to);
            source.CopyTo(target);
        }
    }

    /// <summary>Keeps the store before under a name with the time, its log first: a store without it isn't served.</summary>
    private static string? MoveAside(string store, DateTimeOffset now)
    {
        var aside = $"{store}.{now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}";
        for (var n = 2; File.Exists(aside); n++)
            aside = $"{store}.{now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}-{n}";
        File.Delete($"{store}-shm");
        if (File.Exists(StoreFiles.LogOf(store)))
            File.Move(StoreFiles.LogOf(store), StoreFiles.LogOf(aside));
        if (!File.Exists(store))
            return null;
        File.Move(store, aside);
        return aside;
    }

    private static void RemoveAll(string path)
    {
        foreach (var file in new[] { path, StoreFiles.LogOf(path), $"{path}-shm", $"{path}-journal" })
            File.Delete(file);
    }
}
