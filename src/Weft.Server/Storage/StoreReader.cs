using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>Reads the rows of a store, each with the proof that it is what was written.</summary>
internal static class StoreReader
{
    private const int MaxPrintedKey = 300;

    /// <summary>The rows of a table, in the order of their keys.</summary>
    /// <param name="hasSums">Whether each row has its checksum beside it (format 2).</param>
    /// <returns>Each row, its checksum, and what is wrong with it; null where nothing is.</returns>
    public static IEnumerable<(Row Row, uint Checksum, string? Fault)> ReadRows(
        SqliteConnection connection,
        string table,
        bool hasSums,
        string after = "",
        long most = -1
    )
    {
        using var command = connection.CreateCommand();
        command.CommandText =
            $"SELECT key, revision, body{(hasSums ? ", sum" : "")} FROM {table} WHERE key > $after ORDER BY key LIMIT $most";
        command.Parameters.AddWithValue("$after", after);
        command.Parameters.AddWithValue("$most", most);
        using var reader = command.ExecuteReader();
        while (reader.Read())
            yield return ReadRow(reader.Handle!, hasSums);
    }

    /// <summary>What is wrong with the pages of a file, in SQLite's words; null where nothing is.</summary>
    public static string? CheckPages(SqliteConnection connection) =>
        StoreConnection.Query(connection, "PRAGMA quick_check(1)") switch
        {
            ["ok"] => null,
            [var fault, ..] => fault.ReplaceLineEndings(" "),
            _ => "its pages can't be checked",
        };

    /// <summary>The same of a file that somebody else reads meanwhile.</summary>
    public static string? CheckPages(string path)
    {
        using var connection = StoreConnection.OpenForReading(path);
        return CheckPages(connection);
    }

    /// <summary>What is wrong with the rows as a whole; null where they are those that the head counts.</summary>
    public static string? CompareWithHead(StoreHead head, long rows, ulong sum) =>
        rows != head.Rows ? $"{head.Rows} rows were committed, and {rows} are there"
        : sum != head.Sum ? "the rows aren't those of the last commit: a part of the file is of an earlier time"
        : null;

    /// <summary>The ids of networks and clusters, each with the number that stands for it.</summary>
    /// <returns>Each with its checksum, and what is wrong with it; null where nothing is.</returns>
    public static IEnumerable<(int Number, string Name, uint Checksum, string? Fault)> ReadNames(
        SqliteConnection connection
    )
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, text, sum FROM names ORDER BY id";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var statement = reader.Handle!;
            var areTypes =
                raw.sqlite3_column_type(statement, 1) == raw.SQLITE_TEXT
                && raw.sqlite3_column_type(statement, 2) == raw.SQLITE_INTEGER;
            var number = (int)raw.sqlite3_column_int64(statement, 0);
            var name = Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, 1));
            var checksum = RowChecksum.OfName(number, name);
            yield return (
                number,
                name,
                checksum,
                areTypes
                && raw.sqlite3_column_int64(statement, 2) == checksum
                && number == raw.sqlite3_column_int64(statement, 0)
                    ? null
                    : $"the name {number} of leases ('{Printable(name)}') doesn't match its checksum"
            );
        }
    }

    /// <summary>A key as it may stand in a message: what was damaged may be anything.</summary>
    public static string Printable(string key)
    {
        var text = string.Concat(key.Take(MaxPrintedKey).Select(c => c is >= ' ' and <= '~' ? c : '?'));
        return key.Length > MaxPrintedKey ? $"{text}…" : text;
    }

    private static (Row Row, uint Checksum, string? Fault) ReadRow(sqlite3_stmt statement, bool hasSums)
    {
        // Asked before the values are: asking for a value may convert it.
        var areTypes =
            raw.sqlite3_column_type(statement, 0) == raw.SQLITE_TEXT
            && raw.sqlite3_column_type(statement, 1) == raw.SQLITE_INTEGER
            && raw.sqlite3_column_type(statement, 2) == raw.SQLITE_BLOB
            && (!hasSums || raw.sqlite3_column_type(statement, 3) == raw.SQLITE_INTEGER);
        var key = raw.sqlite3_column_blob(statement, 0);
        var row = new Row(
            Encoding.UTF8.GetString(key),
            raw.sqlite3_column_int64(statement, 1),
            raw.sqlite3_column_blob(statement, 2).ToArray()
        );
        var checksum = RowChecksum.Of(key, row.Revision, row.Bytes.Span);
        string? fault =
            !areTypes ? $"the row '{Printable(row.Key)}' has other types than weftd writes"
            : hasSums && raw.sqlite3_column_int64(statement, 3) != checksum
                ? $"the row '{Printable(row.Key)}' doesn't match its checksum"
            : !row.Key.Contains('|', StringComparison.Ordinal)
                ? $"the row '{Printable(row.Key)}' has a key that weftd doesn't write"
            : null;
        return (row, checksum, fault);
    }
}
