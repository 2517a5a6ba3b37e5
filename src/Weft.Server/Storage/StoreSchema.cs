using Microsoft.Data.Sqlite;

namespace Weft.Server.Storage;

/// <summary>The tables of a store, as each format declares them.</summary>
internal static class StoreSchema
{
    private const string Rows =
        "CREATE TABLE rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID";

    private const string HeadStart =
        "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL, "
        + "rows INTEGER NOT NULL, sum INTEGER NOT NULL, is_open INTEGER NOT NULL, ";

    private const string Head =
        HeadStart
        + "clock INTEGER NOT NULL, ended_rows INTEGER NOT NULL, ended_sum INTEGER NOT NULL, checksum INTEGER NOT NULL)";

    private const string SecondHead = HeadStart + "checksum INTEGER NOT NULL)";

    private const string Ended =
        "CREATE TABLE ended(id INTEGER PRIMARY KEY, network INTEGER NOT NULL, ipv4 INTEGER, ipv6 BLOB, clock INTEGER NOT NULL, "
        + "body BLOB NOT NULL, sum INTEGER NOT NULL)";

    private const string EndedIPv4 = "CREATE INDEX ended_ipv4 ON ended(network, ipv4) WHERE ipv4 IS NOT NULL";

    private const string EndedIPv6 = "CREATE INDEX ended_ipv6 ON ended(network, ipv6) WHERE ipv6 IS NOT NULL";

    private const string Leases =
        "CREATE TABLE leases(id INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL)";

    private const string Names = "CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT NOT NULL, sum INTEGER NOT NULL)";

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
        var (number, wanted) = format switch
        {
            ["1"] => (1, (string[])[FirstHead, FirstRows]),
            ["2"] => (2, [SecondHead, Rows]),
            ["3"] => (3, [SecondHead, Leases, Names, Rows]),
            ["4"] => (4, [Ended, EndedIPv4, EndedIPv6, Head, Leases, Names, Rows]),
            [var other] => throw new IOException(
                $"the store {path} has format {other}, this version knows 1 to {StoreHead.Format}: it was written by a newer weftd"
            ),
            _ => throw DamagedStoreException.Create(path, $"its table head has {format.Count} rows"),
        };
        return tables.SequenceEqual(wanted)
            ? number
            : throw DamagedStoreException.Create(path, "its tables aren't declared as weftd declares them");
    }

    /// <summary>Makes the tables of an empty file.</summary>
    public static void Create(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        StoreConnection.Execute(connection, Rows, transaction);
        StoreConnection.Execute(connection, Head, transaction);
        CreateLeases(connection, transaction);
        CreateEnded(connection, transaction);
        StoreHead.Empty.Insert(connection, transaction);
        transaction.Commit();
    }

    /// <summary>Makes the tables of leases, which format 3 has besides those of format 2.</summary>
    public static void CreateLeases(SqliteConnection connection, SqliteTransaction transaction)
    {
        StoreConnection.Execute(connection, Leases, transaction);
        StoreConnection.Execute(connection, Names, transaction);
    }

    /// <summary>Makes the table of leases that have ended, which format 4 has besides those of format 3.</summary>
    public static void CreateEnded(SqliteConnection connection, SqliteTransaction transaction)
    {
        foreach (var text in (string[])[Ended, EndedIPv4, EndedIPv6])
            StoreConnection.Execute(connection, text, transaction);
    }

    /// <summary>Puts the head of format 4 in the place of that of format 2 or 3.</summary>
    public static void ReplaceHead(SqliteConnection connection, SqliteTransaction transaction)
    {
        StoreConnection.Execute(connection, "DROP TABLE head", transaction);
        StoreConnection.Execute(connection, Head, transaction);
    }

    /// <summary>Makes the tables of format 2 in a store of format 1, whose rows stand in <c>rows_1</c> then.</summary>
    public static void ReplaceFirst(SqliteConnection connection, SqliteTransaction transaction)
    {
        StoreConnection.Execute(connection, "ALTER TABLE rows RENAME TO rows_1", transaction);
        StoreConnection.Execute(connection, "DROP TABLE head", transaction);
        StoreConnection.Execute(connection, Rows, transaction);
        StoreConnection.Execute(connection, SecondHead, transaction);
    }
}
