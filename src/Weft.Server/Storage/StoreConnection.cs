using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Weft.Server.Storage;

/// <summary>How the file of a store is opened.</summary>
internal static class StoreConnection
{
    // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE.
    private const int NoCheckpointOnClose = 1006;

    /// <summary>
    /// Opens the file for the one who writes it. Its write-ahead log stays where it is until <see cref="OwnLog"/>: a store
    /// that is refused is left as it was met.
    /// </summary>
    public static SqliteConnection OpenForWriting(string path)
    {
        var connection = Open(path);
        KeepLogOnClose(connection, 1);
        Execute(connection, "PRAGMA journal_mode = WAL");
        // NORMAL would lose the last commits at a power loss: an address that was acknowledged could be given to another.
        Execute(connection, "PRAGMA synchronous = FULL");
        return connection;
    }

    /// <summary>Opens the file for reading beside the one who writes it; its write-ahead log is left as it is.</summary>
    public static SqliteConnection OpenForReading(string path)
    {
        var connection = Open(path);
        KeepLogOnClose(connection, 1);
        return connection;
    }

    /// <summary>Has the log taken into the file, and removed, when the connection is closed.</summary>
    public static void OwnLog(SqliteConnection connection) => KeepLogOnClose(connection, 0);

    /// <summary>
    /// Opens a file that nobody else works on, and makes it one file again: what its write-ahead log holds goes into it.
    /// </summary>
    public static SqliteConnection OpenAlone(string path)
    {
        var connection = Open(path);
        Execute(connection, "PRAGMA journal_mode = DELETE");
        Execute(connection, "PRAGMA synchronous = FULL");
        return connection;
    }

    /// <summary>Runs a statement that gives nothing back.</summary>
    public static void Execute(SqliteConnection connection, string text, SqliteTransaction? transaction = null)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.Transaction = transaction;
        command.ExecuteNonQuery();
    }

    /// <summary>
    /// Writes and syncs before anybody is served: on a disk that still fails weftd would take requests, fail and start
    /// again, and each time tell the agents that it is well. A full disk is another matter: it can be read.
    /// </summary>
    public static void ProveWritable(SqliteConnection connection)
    {
        try
        {
            using var transaction = connection.BeginTransaction();
            // There and back: SQLite leaves out a write that changes nothing.
            Execute(
                connection,
                "UPDATE head SET revision = revision + 1; UPDATE head SET revision = revision - 1",
                transaction
            );
            transaction.Commit();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_FULL) { }
    }

    /// <summary>The first column of a statement's rows, as text.</summary>
    public static IReadOnlyList<string> Query(SqliteConnection connection, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        using var reader = command.ExecuteReader();
        var values = new List<string>();
        while (reader.Read())
            values.Add(reader.GetString(0));
        return values;
    }

    private static void KeepLogOnClose(SqliteConnection connection, int keeps) =>
        raw.sqlite3_db_config(connection.Handle, NoCheckpointOnClose, keeps, out _);

    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder
            {
                DataSource = path,
                Mode = SqliteOpenMode.ReadWrite,
                Pooling = false,
            }.ToString()
        );
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
