using Weft.Resources;

namespace Weft.Storage;

/// <summary>
/// The one seam to a disk. A read is the whole state at one revision; a commit is all or nothing, and is refused if
/// anything that the decision looked at has changed. Every implementation passes the same conformance suite.
/// </summary>
internal interface IResourceStore : IAsyncDisposable
{
    /// <summary>The newest state that is durable.</summary>
    StoreState Current { get; }

    /// <summary>
    /// How many rows and records one commit may write and remove (<see cref="Mutation.Count"/>): whoever decides in batches
    /// keeps to it.
    /// </summary>
    int MaxMutations { get; }

    /// <summary>Writes a decision.</summary>
    /// <param name="changes">What it writes; must not be empty, and no more than <see cref="MaxMutations"/>.</param>
    /// <param name="cancel">Gives up waiting; the commit may still happen.</param>
    /// <returns>The revision, once it is durable; or null where something that was read has changed, and nothing was
    /// written.</returns>
    /// <exception cref="IOException">The disk doesn't take it; nothing was written.</exception>
    ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel);

    /// <summary>Who waits for which rows.</summary>
    WatcherGroup Watchers { get; }

    /// <summary>Waits for a state that is newer than a revision and may differ from it in certain rows.</summary>
    /// <param name="topics">As <see cref="Watcher"/> takes them; a commit of other rows wakes nobody.</param>
    /// <returns>The newest state; revisions may have been passed over.</returns>
    ValueTask<StoreState> Watch(long after, IEnumerable<string> topics, CancellationToken cancel);
}
