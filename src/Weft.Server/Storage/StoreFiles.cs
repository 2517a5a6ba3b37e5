using Weft.Files;

namespace Weft.Server.Storage;

/// <summary>The files that a store has beside it, and what their absence says.</summary>
internal static class StoreFiles
{
    /// <summary>The store's name in a data directory.</summary>
    public const string StoreName = "weft.db";

    // The header of a write-ahead log (SQLite file format, section 4.1).
    private const int LogHeaderLength = 32;

    // What a weftd that has served leaves in its directory, beside the store.
    private static readonly string[] TracesOfUse = ["admin.token", "relay.key"];

    /// <summary>The write-ahead log of a store.</summary>
    public static string LogOf(string store) => $"{store}-wal";

    /// <summary>Whether a store has a write-ahead log that may hold commits.</summary>
    public static bool HasLog(string store) =>
        new FileInfo(LogOf(store)) is { Exists: true, Length: >= LogHeaderLength };

    /// <summary>Makes the file of a new store, where nothing says that there was one before.</summary>
    /// <exception cref="DamagedStoreException">The store is missing or empty, and what stands beside it is of a weftd that
    /// has served.</exception>
    public static void CreateIfNew(string store)
    {
        if (new FileInfo(store) is { Exists: true, Length: > 0 })
            return;
        var data = Path.GetDirectoryName(Path.GetFullPath(store))!;
        var traces = TracesOfUse
            .Select(name => Path.Combine(data, name))
            .Append(LogOf(store))
            .Append(RevisionFile.PathOf(store))
            .Where(path => new FileInfo(path) is { Exists: true, Length: > 0 })
            .Select(path => Path.GetFileName(path)!)
            .ToList();
        if (traces.Count > 0)
            throw new DamagedStoreException(
                $"the store {store} is {(File.Exists(store) ? "empty" : "missing")}, and {string.Join(", ", traces)} beside it "
                    + $"{(traces.Count == 1 ? "is" : "are")} of a weftd that has served: put the file back, or restore a backup: "
                    + $"weftd restore FILE --data {data}; to begin with nothing, move {string.Join(", ", traces)} away"
            );
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.Write,
            // It holds passwords of registries and hashes of tokens; SQLite makes its other files with this one's mode.
            UnixCreateMode = DurableFile.Private,
        };
        new FileStream(store, options).Dispose();
    }

    /// <summary>Which commits that were acknowledged aren't in the store.</summary>
    /// <param name="head">The head, read after <paramref name="acknowledged"/>.</param>
    /// <param name="acknowledged">What <see cref="RevisionFile"/> said.</param>
    /// <param name="hadLog">Whether there was a write-ahead log before the file was opened.</param>
    /// <returns>What is missing; null where nothing is.</returns>
    public static string? FindLoss(string store, StoreHead head, long? acknowledged, bool hadLog)
    {
        if (acknowledged > head.Revision)
            return $"revision {acknowledged} was acknowledged ({RevisionFile.PathOf(store)}), and the newest that is there is "
                + $"{head.Revision}{(hadLog ? "" : $"; {LogOf(store)} is missing")}";
        return head.IsOpen && !hadLog && acknowledged != head.Revision
            ? $"it was not closed, and {LogOf(store)}, which holds what was committed last, is missing"
            : null;
    }
}
