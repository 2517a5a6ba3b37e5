using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Storage;

/// <summary>
/// Brings a store of an earlier format to today's, in one transaction: it has the one or the other format, whenever it is
/// interrupted.
/// </summary>
internal static class StoreUpgrade
{
    /// <summary>Does it.</summary>
    /// <exception cref="DamagedStoreException">A row is none that weftd wrote.</exception>
    public static void Run(SqliteConnection connection, string path)
    {
        var format = StoreSchema.FormatOf(connection, path);
        // Of an earlier format that is found while its leases are packed.
        if (format == 3 && StoreReport.Check(path) is { Faults: [var fault, ..] })
            throw DamagedStoreException.Create(path, fault);
        using var transaction = connection.BeginTransaction();
        var head =
            format == 1
                ? AddChecksums(connection, transaction, path)
                : StoreHead.Read(connection)
                    ?? throw DamagedStoreException.Create(path, "its head isn't what was written");
        if (format < 3)
            head = PackLeases(connection, transaction, path, head);
        StoreSchema.CreateEnded(connection, transaction);
        StoreSchema.ReplaceHead(connection, transaction);
        (head with { InFormat = StoreHead.Format }).Insert(connection, transaction);
        transaction.Commit();
    }

    /// <summary>Gives each row of format 1 its checksum.</summary>
    /// <returns>What they amount to.</returns>
    private static StoreHead AddChecksums(SqliteConnection connection, SqliteTransaction transaction, string path)
    {
        var revision = long.Parse(
            StoreConnection.Query(connection, "SELECT CAST(revision AS TEXT) FROM head")[0],
            CultureInfo.InvariantCulture
        );
        StoreSchema.ReplaceFirst(connection, transaction);
        var head = StoreHead.Empty with { Revision = revision, InFormat = 2 };
        using (
            var insert = new StoreStatement(
                connection,
                "INSERT INTO rows(key, revision, body, sum) VALUES(?1, ?2, ?3, ?4)"
            )
        )
        {
            foreach (var (row, checksum, fault) in StoreReader.ReadRows(connection, "rows_1", hasSums: false))
            {
                if (fault is not null || row.Revision > revision || !IsJson(row.Bytes))
                    throw DamagedStoreException.Create(
                        path,
                        fault ?? $"the row '{StoreReader.Printable(row.Key)}' can't be read"
                    );
                insert.Bind(1, row.Key);
                insert.Bind(2, row.Revision);
                insert.Bind(3, row.Bytes.Span);
                insert.Bind(4, checksum);
                insert.Run();
                head = head with { Rows = head.Rows + 1, Sum = head.Sum + RowChecksum.Term(checksum, row.Revision) };
            }
        }

        StoreConnection.Execute(connection, "DROP TABLE rows_1", transaction);
        head.Insert(connection, transaction);
        return head;
    }

    /// <summary>Makes records of the leases, which are rows in formats 1 and 2: one for each address.</summary>
    /// <returns>What all amounts to.</returns>
    private static StoreHead PackLeases(
        SqliteConnection connection,
        SqliteTransaction transaction,
        string path,
        StoreHead head
    )
    {
        StoreSchema.CreateLeases(connection, transaction);
        using var table = new LeaseRecords(connection, new LeaseNames(), []);
        var (edit, network, counted) = ((LeaseEdit?)null, "", head);
        var (rows, sum) = (0L, 0UL);
        foreach (var (row, checksum, fault) in StoreReader.ReadRows(connection, "rows", hasSums: true))
        {
            (rows, sum) = (rows + 1, sum + RowChecksum.Term(checksum, row.Revision));
            if (fault is not null)
                throw DamagedStoreException.Create(path, fault);
            if (!row.Key.StartsWith(StoreKey.LeasePrefix, StringComparison.Ordinal))
                continue;
            var at =
                NetworkPool.ParseKey(row.Key)
                ?? throw DamagedStoreException.Create(
                    path,
                    $"the row '{StoreReader.Printable(row.Key)}' has a key that weftd doesn't write"
                );
            if (edit is null || at.NetworkKey != network)
            {
                counted = Write(table, counted, edit);
                (edit, network) = (new LeaseEdit(AllKinds.EmptyState, at.NetworkKey), at.NetworkKey);
            }

            edit.Put(ReadLease(row, path));
            counted = counted with
            {
                Rows = counted.Rows - 1,
                Sum = counted.Sum - RowChecksum.Term(checksum, row.Revision),
            };
        }

        if (StoreReader.CompareWithHead(head, rows, sum) is { } lost)
            throw DamagedStoreException.Create(path, lost);
        counted = Write(table, counted, edit);
        StoreConnection.Execute(
            connection,
            $"DELETE FROM rows WHERE key >= '{StoreKey.LeasePrefix}' AND key < '{Behind(StoreKey.LeasePrefix)}'",
            transaction
        );
        return counted;
    }

    private static StoreHead Write(LeaseRecords table, StoreHead head, LeaseEdit? edit) =>
        edit is null ? head : table.Write(head, new LeaseChanges(edit.NetworkKey, edit.Records));

    /// <summary>The first text behind all that begin with a prefix.</summary>
    private static string Behind(string prefix) => $"{prefix[..^1]}{(char)(prefix[^1] + 1)}";

    private static Lease ReadLease(Row row, string path)
    {
        try
        {
            return NetworkPool.LeaseOf(row);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw DamagedStoreException.Create(path, $"the row '{StoreReader.Printable(row.Key)}' can't be read", e);
        }
    }

    private static bool IsJson(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
