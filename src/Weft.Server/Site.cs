using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Weft.Fleet;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server;

/// <summary>
/// The running control plane: the pure rooms wired to a store, a clock and the dice. Everything that writes a resource passes through
/// <see cref="Decide"/>; one decision at a time, because a site's writes are few and a queue of one is easy to reason about.
/// </summary>
internal sealed class Site : IDisposable
{
    private const int Attempts = 8;
    private readonly SemaphoreSlim _decisions = new(1, 1);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _pools = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;

    public Site(IResourceStore store, Limits limits, TimeProvider time)
    {
        Store = store;
        Limits = limits;
        _time = time;
        Settlement = new Settlement(AllKinds.List, limits);
        Verbs = new Verbs(AllKinds.List, limits, (before, after, written, now) => MachineAddresses.Follow(before, after, written, limits, now), Settlement.Concerned);
        Plan = new SitePlan(AllKinds.List, Verbs, limits);
        Who = new WhoHas(limits);
    }

    public IResourceStore Store { get; }

    public Limits Limits { get; }

    public Settlement Settlement { get; }

    public Verbs Verbs { get; }

    public SitePlan Plan { get; }

    public WhoHas Who { get; }

    /// <summary>The time, as ARM writes it.</summary>
    public string Now => _time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    public DateTimeOffset Clock => _time.GetUtcNow();

    /// <summary>A new name for an operation, which nobody can guess.</summary>
    public static string NewOperationName() => $"{new Guid(RandomNumberGenerator.GetBytes(16))}*{Convert.ToHexString(RandomNumberGenerator.GetBytes(16))}";

    /// <summary>Decides on the newest picture and commits; if what was seen has changed meanwhile, decides again.</summary>
    /// <param name="decide">The decision: pure, so it may be made as often as need be.</param>
    public async Task<Outcome<Decision>> Decide(Func<Snapshot, Outcome<Decision>> decide, CancellationToken cancel)
    {
        await _decisions.WaitAsync(cancel);
        var held = new List<SemaphoreSlim>();
        try
        {
            for (var attempt = 0; attempt < Attempts; attempt++)
            {
                var seen = new Snapshot(Store.Current);
                if (!decide(seen).TryGet(out var decision, out var refusal))
                    return refusal;
                if (decision.Changes.IsEmpty)
                    return decision;
                if (await Store.Commit(seen.Seen, decision.Changes, cancel) is not null)
                    return decision;
                await Hold(decision, held, cancel);
            }

            return new Refusal(RefusalCode.Contended, "others changed the same objects again and again; try once more");
        }
        finally
        {
            held.ForEach(pool => pool.Release());
            _decisions.Release();
        }
    }

    /// <summary>The gate of a network's pool: whoever leases in batches passes through it, and a decision that lost may hold it shut.</summary>
    public SemaphoreSlim Gate(string leasePartition) => _pools.GetOrAdd(leasePartition, _ => new SemaphoreSlim(1, 1));

    /// <summary>The picture of a cluster, drawn once for each change of what it is drawn from.</summary>
    public DesiredState Picture(ResourceId cluster) => Settlement.Pictures.Of(Store.Current, cluster);

    /// <summary>The revision that last changed a resource or an inventory: leases of pods, reports and operations change no picture.</summary>
    public static long RevisionOf(Image image) => Math.Max(image.LastChange(Inventories.Partition), AllKinds.List.All.Max(kind => image.LastChange(StoreKey.PartitionOf(kind.Type))));

    public void Dispose()
    {
        _decisions.Dispose();
        foreach (var pool in _pools.Values)
            pool.Dispose();
    }

    /// <summary>Shuts the pools that a lost decision leased from, so that the next attempt can't lose to them again.</summary>
    private async Task Hold(Decision decision, List<SemaphoreSlim> held, CancellationToken cancel)
    {
        var partitions = decision.Changes.Select(c => StoreKey.PartitionOf(c.Key)).Where(p => p.StartsWith("lease:", StringComparison.Ordinal));
        foreach (var gate in partitions.Distinct().Order(StringComparer.Ordinal).Select(Gate).Where(gate => !held.Contains(gate)))
        {
            await gate.WaitAsync(cancel);
            held.Add(gate);
        }
    }
}
