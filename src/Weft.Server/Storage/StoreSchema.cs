using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Weft.Server.Storage;

/// <summary>The tables of a store, and how those of an earlier format become today's.</summary>
internal static class StoreSchema
{
    private const string Rows =
        "CREATE TABLE rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID";

    private const string Head =
        "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL, "
        + "rows INTEGER NOT NULL, sum INTEGER NOT NULL, is_open INTEGER NOT NULL, checksum INTEGER NOT NULL)";

    private const string FirstRows =
        "CREATE TABLE rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID";

    private const string FirstHead =
        "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL)";

    /// <summary>The format of a file.</summary>
    /// <returns>0 where it has no tables yet.</returns>
    /// <exception cref="IOException">It was written by a newer version.</exception>
    /// <exception cref="DamagedStoreException">It has tables, and they aren't a store's.</exception>
    public static long FormatOf(SqliteConnection connection, string path)
    {
        var tables = StoreConnection.Query(
            connection,
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        );
        // One page is what SQLite itself writes first; a file with more of them was a store once.
        if (tables.Count == 0 && StoreConnection.Query(connection, "PRAGMA page_count")[0] is "0" or "1")
            return 0;
        if (tables.Count == 0)
            throw DamagedStoreException.Create(path, "it has pages and no tables");
        var format = StoreConnection.Query(connection, "SELECT CAST(format AS TEXT) FROM head");
        string[] wanted = format switch
        {
            ["1"] => [FirstHead, FirstRows],
            ["2"] => [Head, Rows],
            [var other] => throw new IOException(
                $"the store {path} has format {other}, this version knows 1 and {StoreHead.Format}: it was written by a newer weftd"
            ),
            _ => throw DamagedStoreException.Create(path, $"its table head has {format.Count} rows"),
        };
        return tables.SequenceEqual(wanted)
            ? wanted[0] == Head
                ? 2
                : 1
            : throw DamagedStoreException.Create(path, "its tables aren't declared as weftd declares them");
    }

    /// <summary>Makes the tables of an empty file.</summary>
    public static void Create(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        StoreConnection.Execute(connection, Rows, transaction);
        StoreConnection.Execute(connection, Head, transaction);
        StoreHead.Empty.Insert(connection, transaction);
        transaction.Commit();
    }

    /// <summary>
    /// Brings a store of format 1, whose rows have no checksums, to today's in one transaction: it has the one or the
    /// other format, whenever it is interrupted.
    /// </summary>
    /// <exception cref="DamagedStoreException">A row is none that weftd wrote.</exception>
    public static void Upgrade(SqliteConnection connection, string path)
    {
        var revision = long.Parse(
            StoreConnection.Query(connection, "SELECT CAST(revision AS TEXT) FROM head")[0],
            System.Globalization.CultureInfo.InvariantCulture
        );
        using var transaction = connection.BeginTransaction();
        StoreConnection.Execute(connection, "ALTER TABLE rows RENAME TO rows_1", transaction);
        StoreConnection.Execute(connection, "DROP TABLE head", transaction);
        StoreConnection.Execute(connection, Rows, transaction);
        StoreConnection.Execute(connection, Head, transaction);
        using (var insert = connection.CreateCommand())
        {
            insert.Transaction = transaction;
            insert.CommandText = "INSERT INTO rows(key, revision, body, sum) VALUES($key, $revision, $body, $sum)";
            var (count, sum) = (0L, 0UL);
            foreach (var (row, checksum, fault) in StoreReader.ReadRows(connection, "rows_1", hasSums: false))
            {
                if (fault is not null || row.Revision > revision || !IsJson(row.Bytes))
                    throw DamagedStoreException.Create(
                        path,
                        fault ?? $"the row '{StoreReader.Printable(row.Key)}' can't be read"
                    );
                insert.Parameters.Clear();
                insert.Parameters.AddWithValue("$key", row.Key);
                insert.Parameters.AddWithValue("$revision", row.Revision);
                insert.Parameters.AddWithValue("$body", row.Bytes.ToArray());
                insert.Parameters.AddWithValue("$sum", (long)checksum);
                insert.ExecuteNonQuery();
                (count, sum) = (count + 1, sum + RowChecksum.Term(checksum, row.Revision));
            }

            new StoreHead(revision, count, sum, false).Insert(connection, transaction);
        }

        StoreConnection.Execute(connection, "DROP TABLE rows_1", transaction);
        transaction.Commit();
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
