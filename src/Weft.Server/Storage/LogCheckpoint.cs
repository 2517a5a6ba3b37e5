using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Weft.Server.Storage;

/// <summary>
/// Takes the write-ahead log into the file beside the one who writes, who otherwise stops for that every thousand pages, and
/// all who wait for a commit with it. What was written meanwhile is left to the writer, so that the log begins anew.
/// </summary>
/// <remarks>A fault of the disk is met by the next commit: what isn't in the file yet is still in the log.</remarks>
internal sealed class LogCheckpoint : IDisposable
{
    /// <summary>SQLite's own number (<c>PRAGMA wal_autocheckpoint</c>).</summary>
    private const int PagesBetween = 1000;

    // SQLITE_DBSTATUS_CACHE_WRITE: pages that were written to the log.
    private const int PagesWritten = 9;

    // SQLITE_CHECKPOINT_PASSIVE: as much as can be done without waiting for anybody.
    private const int Passive = 0;

    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _own;
    private readonly Thread _thread;
    private readonly SemaphoreSlim _due = new(0);
    private volatile bool _isUnderWay;
    private volatile bool _isAlmostDone;
    private volatile bool _isStopped;
    private int _pages;

    /// <param name="writer">The connection of the one who writes, which makes no checkpoints of its own any more.</param>
    public LogCheckpoint(string path, SqliteConnection writer)
    {
        _writer = writer;
        raw.sqlite3_wal_autocheckpoint(writer.Handle, 0);
        _own = StoreConnection.OpenForReading(path);
        _thread = new Thread(Run) { IsBackground = true, Name = "checkpoint" };
        _thread.Start();
    }

    /// <summary>Told by the writer behind each commit.</summary>
    public void AfterCommit()
    {
        _ = raw.sqlite3_db_status(_writer.Handle, PagesWritten, out var pages, out _, 1);
        _pages += pages;
        if (_isAlmostDone)
        {
            _isAlmostDone = false;
            TakeIn(_writer);
            _isUnderWay = false;
        }
        else if (_pages >= PagesBetween && !_isUnderWay)
        {
            (_pages, _isUnderWay) = (0, true);
            _due.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isStopped = true;
        _due.Release();
        _thread.Join();
        _own.Dispose();
        _due.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _due.Wait(CancellationToken.None);
            if (_isStopped)
                return;
            TakeIn(_own);
            _isAlmostDone = true;
        }
    }

    private static void TakeIn(SqliteConnection connection) =>
        _ = raw.sqlite3_wal_checkpoint_v2(connection.Handle, "main", Passive, out _, out _);
}
