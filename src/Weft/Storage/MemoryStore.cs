using Weft.Resources;

namespace Weft.Storage;

/// <summary>A store that forgets: for tests, and for trying out.</summary>
public sealed class MemoryStore : IResourceStore
{
    private readonly Lock _commits = new();
    private readonly Publication _publication = new(AllKinds.EmptyImage);

    /// <inheritdoc/>
    public Image Current => _publication.Current;

    /// <inheritdoc/>
    public ValueTask<long?> Commit(Seen seen, IReadOnlyList<Change> changes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(changes.Count);
        lock (_commits)
        {
            if (!seen.StillHolds(Current))
                return ValueTask.FromResult<long?>(null);
            _publication.Publish(Current.Next(changes));
            return ValueTask.FromResult<long?>(Current.Revision);
        }
    }

    /// <inheritdoc/>
    public ValueTask<Image> Watch(long after, CancellationToken cancel) => _publication.Next(after, cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
