namespace Weft.Server.Storage;

/// <summary>
/// The store doesn't hold what was committed to it: a row, a page or a file was altered or lost beside weftd. Nothing of
/// it is served.
/// </summary>
/// <param name="cause">What SQLite said, if it was SQLite that found it.</param>
internal sealed class DamagedStoreException(string message, Exception? cause = null) : IOException(message, cause)
{
    /// <summary>weftd's exit code for it; <c>EX_DATAERR</c> of sysexits(3).</summary>
    public const int ExitCode = 65;

    /// <summary>What is said of a store that can't be served: the fault, and the ways out.</summary>
    /// <param name="path">The store.</param>
    public static DamagedStoreException Create(string path, string fault, Exception? cause = null)
    {
        var data = Path.GetDirectoryName(Path.GetFullPath(path));
        return new DamagedStoreException(
            $"the store {path} is damaged: {fault}. Nothing of it is served; list what is wrong: weftd check --data {data}; "
                + $"put a backup in its place: weftd restore FILE --data {data}",
            cause
        );
    }

    /// <summary>What is said of commits that were acknowledged and aren't in the store.</summary>
    /// <inheritdoc cref="Create"/>
    public static DamagedStoreException CreateForLoss(string path, string fault)
    {
        var data = Path.GetDirectoryName(Path.GetFullPath(path));
        return new DamagedStoreException(
            $"the store {path} has lost commits: {fault}. Put the missing file back, or restore a backup: "
                + $"weftd restore FILE --data {data}; to go on without what is lost: weftd check --accept-loss --data {data}"
        );
    }
}
