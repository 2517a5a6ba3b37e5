using Microsoft.Data.Sqlite;

namespace Weft.Server.Storage;

/// <summary>What a fault that a store's file meets says about it.</summary>
internal static class StoreFault
{
    // Result codes of SQLite that are about the machine and not about what the file holds: BUSY, LOCKED, NOMEM, READONLY,
    // INTERRUPT, IOERR, FULL, CANTOPEN, NOLFS, AUTH.
    private static readonly int[] OfTheMachine = [5, 6, 7, 8, 9, 10, 13, 14, 22, 23];

    /// <summary>The exception to tell of it by: of a damaged store, unless it is the machine that refuses.</summary>
    /// <param name="path">The store.</param>
    public static Exception Of(string path, Exception fault) =>
        fault switch
        {
            SqliteException e when OfTheMachine.Contains(e.SqliteErrorCode) => new IOException(
                $"the store {path} can't be opened: {e.Message}",
                e
            ),
            IOException or UnauthorizedAccessException or OutOfMemoryException => fault,
            // Whatever a reader stumbles over that isn't what weftd wrote.
            _ => DamagedStoreException.Create(path, fault.Message.ReplaceLineEndings(" ").TrimEnd('.'), fault),
        };
}
