using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Fleet.Planning;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server;

/// <summary>
/// The running control plane: the pure library wired to a store, a clock and a source of randomness. Everything that
/// writes a resource passes through <see cref="Decide"/>; one decision at a time, because a site's writes are few and a
/// queue of one is easy to reason about.
/// </summary>
internal sealed class ControlPlane : IDisposable
{
    private const int MaxAttempts = 8;
    private readonly SemaphoreSlim _decisionLock = new(1, 1);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _poolLocks = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;

    public ControlPlane(IResourceStore store, Limits limits, TimeProvider time)
    {
        Store = store;
        Limits = limits;
        _time = time;
        Operations = new OperationTracker(AllKinds.List, limits, store.Watchers);
        Verbs = AllKinds.CreateVerbs(limits, Operations.EffectsOf);
        Plan = new SitePlan(AllKinds.List, AllKinds.CreateVerbs(limits, Operations.EffectsInPlan), limits);
        Holders = new HolderLookup(limits);
    }

    public IResourceStore Store { get; }

    /// <summary>Who had which address before; null where the store forgets.</summary>
    public ILeaseHistory? History => Store as ILeaseHistory;

    public Limits Limits { get; }

    public OperationTracker Operations { get; }

    public ResourceVerbs Verbs { get; }

    public SitePlan Plan { get; }

    public HolderLookup Holders { get; }

    /// <summary>The time, as ARM writes it.</summary>
    public string Now => _time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    public DateTimeOffset UtcNow => _time.GetUtcNow();

    /// <summary>A new name for an operation, which nobody can guess.</summary>
    public static string NewOperationName() =>
        $"{new Guid(RandomNumberGenerator.GetBytes(16))}*{Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}";

    /// <summary>
    /// Decides on the newest store state and commits; if what was seen has changed meanwhile, decides again.
    /// </summary>
    /// <param name="decide">The decision: pure, so it may be made as often as need be.</param>
    public async Task<Outcome<Decision>> Decide(
        Func<ReadTransaction, Outcome<Decision>> decide,
        CancellationToken cancel
    )
    {
        await _decisionLock.WaitAsync(cancel);
        var held = new List<SemaphoreSlim>();
        try
        {
            for (var attempt = 0; attempt < MaxAttempts; attempt++)
            {
                var transaction = new ReadTransaction(Store.Current);
                if (!decide(transaction).TryGet(out var decision, out var refusal))
                    return refusal;
                if (decision.Mutations.IsEmpty)
                    return decision;
                if (decision.Mutations.Sum(change => change.Count) is var count && count > Store.MaxMutations)
                    return new Refusal(
                        RefusalCode.RequestTooLarge,
                        $"it changes {count} rows and records, and the store takes {Store.MaxMutations} at once"
                    );
                if (await Store.Commit(transaction.ReadSet, decision.Mutations, cancel) is not null)
                    return decision;
                await LockPools(decision, held, cancel);
            }

            return new Refusal(RefusalCode.Contended, "others changed the same objects again and again; try once more");
        }
        finally
        {
            held.ForEach(pool => pool.Release());
            _decisionLock.Release();
        }
    }

    /// <summary>
    /// The gate of a network's pool: whoever leases in batches passes through it, and a decision that lost may hold it
    /// shut.
    /// </summary>
    public SemaphoreSlim PoolLockOf(string leasePartition) =>
        _poolLocks.GetOrAdd(leasePartition, _ => new SemaphoreSlim(1, 1));

    /// <summary>
    /// The desired state of a cluster, rendered once for each change of what it is rendered from, and what is done once
    /// it may have changed.
    /// </summary>
    public (DesiredState Desired, Task Changed) WatchDesiredState(ResourceId cluster) =>
        Operations.DesiredStates.Watch(Store.Current, cluster);

    public void Dispose()
    {
        _decisionLock.Dispose();
        foreach (var pool in _poolLocks.Values)
            pool.Dispose();
    }

    /// <summary>
    /// Shuts the pools that a lost decision leased from, so that the next attempt can't lose to them again.
    /// </summary>
    private async Task LockPools(Decision decision, List<SemaphoreSlim> held, CancellationToken cancel)
    {
        // A block rests on all that is leased of its network.
        var partitions = decision
            .Mutations.Select(c =>
                c is { Key: var key, Bytes: { } bytes }
                && key.StartsWith(AddressBlock.KeyOf(""), StringComparison.Ordinal)
                    ? NetworkPool.PartitionOf(AddressBlock.Of(new Row(key, 0, bytes)).Network)
                    : StoreKey.PartitionOf(c.Key)
            )
            .Where(p => p.StartsWith(StoreKey.LeasePrefix, StringComparison.Ordinal));
        foreach (
            var gate in partitions
                .Distinct()
                .Order(StringComparer.Ordinal)
                .Select(PoolLockOf)
                .Where(gate => !held.Contains(gate))
        )
        {
            await gate.WaitAsync(cancel);
            held.Add(gate);
        }
    }
}
