using Weft.Resources;

namespace Weft.Storage;

/// <summary>
/// The one seam to a disk. A read is the whole picture at one revision; a commit is all or nothing, and is refused if anything that the
/// decision looked at has changed. Every implementation passes the same conformance suite.
/// </summary>
public interface IResourceStore : IAsyncDisposable
{
    /// <summary>The newest picture that is durable.</summary>
    Image Current { get; }

    /// <summary>Writes a decision.</summary>
    /// <param name="changes">What it writes; must not be empty.</param>
    /// <param name="cancel">Gives up waiting; the commit may still happen.</param>
    /// <returns>The revision, once it is durable; or null where something that was seen has changed, and nothing was written.</returns>
    /// <exception cref="IOException">The disk doesn't take it; nothing was written.</exception>
    ValueTask<long?> Commit(Seen seen, IReadOnlyList<Change> changes, CancellationToken cancel);

    /// <summary>Waits for a picture that is newer than a revision.</summary>
    /// <returns>The newest picture; revisions may have been passed over.</returns>
    ValueTask<Image> Watch(long after, CancellationToken cancel);
}
