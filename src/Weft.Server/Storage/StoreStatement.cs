using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Weft.Server.Storage;

/// <summary>A statement that is prepared once and run often: a parameter of Microsoft.Data.Sqlite is an object each time.</summary>
internal sealed class StoreStatement : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt _statement;

    /// <param name="text">With parameters <c>?1</c> and so on.</param>
    public StoreStatement(SqliteConnection connection, string text)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v2(connection.Handle, text, out _statement));
    }

    /// <summary>Sets a parameter, counted from 1.</summary>
    public void Bind(int at, long value) => Check(raw.sqlite3_bind_int64(_statement, at, value));

    /// <inheritdoc cref="Bind(int, long)"/>
    public void Bind(int at, ReadOnlySpan<byte> value) => Check(raw.sqlite3_bind_blob(_statement, at, value));

    /// <inheritdoc cref="Bind(int, long)"/>
    public void Bind(int at, string value) => Check(raw.sqlite3_bind_text(_statement, at, value));

    /// <summary>Sets a parameter to nothing.</summary>
    public void BindNull(int at) => Check(raw.sqlite3_bind_null(_statement, at));

    /// <summary>Runs it, where it gives nothing back.</summary>
    public void Run()
    {
        var code = raw.sqlite3_step(_statement);
        // Resetting says the same fault once more.
        _ = raw.sqlite3_reset(_statement);
        if (code != raw.SQLITE_DONE)
            Check(code);
    }

    /// <summary>Runs it, where it gives rows of three numbers back.</summary>
    public IReadOnlyList<(long, long Clock, long)> ReadAll()
    {
        List<(long, long, long)>? rows = null;
        int code;
        while ((code = raw.sqlite3_step(_statement)) == raw.SQLITE_ROW)
        {
            rows ??= [];
            rows.Add(
                (
                    raw.sqlite3_column_int64(_statement, 0),
                    raw.sqlite3_column_int64(_statement, 1),
                    raw.sqlite3_column_int64(_statement, 2)
                )
            );
        }

        _ = raw.sqlite3_reset(_statement);
        if (code != raw.SQLITE_DONE)
            Check(code);
        return rows ?? (IReadOnlyList<(long, long, long)>)[];
    }

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private void Check(int code) => SqliteException.ThrowExceptionForRC(code, _connection.Handle);
}

/// <summary>The transactions of the one thread that writes.</summary>
internal sealed class StoreTransaction(SqliteConnection connection) : IDisposable
{
    private readonly StoreStatement _begin = new(connection, "BEGIN IMMEDIATE");
    private readonly StoreStatement _commit = new(connection, "COMMIT");
    private readonly StoreStatement _rollback = new(connection, "ROLLBACK");

    /// <summary>Begins one.</summary>
    public void Begin() => _begin.Run();

    /// <summary>Ends it; it is on the disk then.</summary>
    public void Commit() => _commit.Run();

    /// <summary>Takes it back, unless SQLite has done so itself.</summary>
    public void Rollback()
    {
        if (raw.sqlite3_get_autocommit(connection.Handle) != 0)
            return;
        try
        {
            _rollback.Run();
        }
        catch (SqliteException)
        {
            // What it was taken back for is told; a disk that fails here fails at the next one, too.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _begin.Dispose();
        _commit.Dispose();
        _rollback.Dispose();
    }
}
