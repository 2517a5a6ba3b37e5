using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Server.Leases;

/// <summary>
/// A store that others write to, and whose disk may be full: what a test wants to happen between a decision and its
/// commit happens just before the commit. It counts the commits that were tried.
/// </summary>
internal sealed class ContestedStore : IResourceStore
{
    private readonly MemoryStore _store = new();

    /// <summary>What comes before each commit; it is told which one it is, from 1 on.</summary>
    public Func<int, Task>? BeforeCommit { get; set; }

    /// <summary>Whether the disk takes nothing.</summary>
    public bool IsFull { get; set; }

    public int Commits { get; private set; }

    /// <summary>What the commit that was tried last would have changed.</summary>
    public IReadOnlyList<Mutation> Changes { get; private set; } = [];

    public StoreState Current => _store.Current;

    /// <inheritdoc/>
    public int MaxMutations { get; set; } = int.MaxValue;

    /// <summary>Somebody else writes, and isn't counted.</summary>
    public async Task Write(params IReadOnlyList<Mutation> changes) =>
        Assert.NotNull(await _store.Commit(ReadSet.Empty, changes, CancellationToken.None));

    public async ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel)
    {
        Commits++;
        Changes = changes;
        Assert.InRange(changes.Sum(change => change.Count), 1, MaxMutations);
        if (BeforeCommit is { } before)
            await before(Commits);
        return IsFull
            ? throw new IOException("No space left on device")
            : await _store.Commit(readSet, changes, cancel);
    }

    public WatcherGroup Watchers => _store.Watchers;

    public ValueTask<StoreState> Watch(long after, IEnumerable<string> topics, CancellationToken cancel) =>
        _store.Watch(after, topics, cancel);

    public ValueTask DisposeAsync() => _store.DisposeAsync();
}
