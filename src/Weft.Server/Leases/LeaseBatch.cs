using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>A request that waits for its batch.</summary>
internal sealed record PendingLease(LeaseRequest Request)
{
    public TaskCompletionSource<Outcome<ImmutableArray<Lease>>> Completion { get; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>One batch on one store state: thrown away whole if the commit is lost.</summary>
/// <param name="users">Who may lease of the network.</param>
/// <param name="last">The addresses that were picked last.</param>
internal sealed class LeaseBatch(
    ResourceId network,
    ReadTransaction transaction,
    LeaseQuota quota,
    NetworkUsers users,
    ImmutableArray<Address> last
)
{
    private Refusal? _pending;

    // Of all networks. What others lease of another one meanwhile isn't in it: networks don't wait for each other, and the
    // bound on a node is passed by what is under way at most.
    private HeldCounts _everywhere = NetworkPool.CountsOf(transaction.State);
    private readonly Dictionary<string, bool> _attached = new(StringComparer.Ordinal);
    private readonly List<(PendingLease Pending, Outcome<ImmutableArray<Lease>> Answer)> _results = [];

    public List<Mutation> Mutations { get; } = [];

    public ImmutableArray<Address> LastAssigned { get; private set; } = last;

    public void Decide(Row row, List<PendingLease> batch, Limits limits, string now)
    {
        // What the pool says is what the batch is decided by.
        _ = PoolSpec.Find(transaction, network);
        // A claim that comes meanwhile keeps its address from everybody else.
        _ = transaction.View(NetworkPool.ClaimPartitionOf(network));
        _pending = Registration.RefusalFor(transaction.State, network);
        var pool = NetworkPool.PoolOf(transaction.State, row, limits);
        foreach (var pending in batch)
            pool = Decide(pool, pending, now);
        foreach (var mutation in Mutations)
            _ = transaction.Get(mutation.Key);
    }

    public void RefuseAll(List<PendingLease> batch, Refusal refusal) =>
        _results.AddRange(
            batch.Select(pending =>
                (
                    pending,
                    (Outcome<ImmutableArray<Lease>>)(pending.Request.IsRelease ? ImmutableArray<Lease>.Empty : refusal)
                )
            )
        );

    public void CompleteRequests() => _results.ForEach(answer => answer.Pending.Completion.TrySetResult(answer.Answer));

    private AddressPool Decide(AddressPool pool, PendingLease pending, string now)
    {
        var (cluster, _, holder, wanted, isRelease) = pending.Request;
        var held = pool.Holdings.LeasesOf(holder.Id);
        if (OtherNodeOf(pending.Request, held) is { } foreign)
        {
            _results.Add((pending, foreign));
            return pool;
        }

        if (isRelease)
        {
            (pool, var ended) = pool.Release(holder.Id);
            _everywhere = ended.Aggregate(_everywhere, (counts, lease) => counts.Without(lease));
            Mutations.AddRange(NetworkPool.RemoveLeases(network, ended));
            Mutations.AddRange(NetworkPool.RemoveClaims(transaction.State, network, of => of.Id == holder.Id));
            _results.Add((pending, ImmutableArray<Lease>.Empty));
            return pool;
        }

        if (WhyNot(holder, cluster, pool) is { } refused)
        {
            _results.Add((pending, refused));
            return pool;
        }

        if (!pool.Acquire(holder, wanted, now, LastAssigned).TryGet(out var got, out var refusal))
        {
            _results.Add((pending, refusal));
            return pool;
        }

        var replaced = NetworkPool.ReplaceLeases(network, held, got.Leases);
        if (!replaced.IsEmpty && _pending is { } pendingRegistration)
        {
            _results.Add((pending, pendingRegistration));
            return pool;
        }

        Mutations.AddRange(replaced);
        Count(held, got.Leases);
        if (got.Leases.Any(lease => lease.Method == LeaseMethod.Dynamic && held.All(h => h.Address != lease.Address)))
            LastAssigned = [.. got.Leases.Select(lease => lease.Address)];
        _results.Add((pending, got.Leases));
        return got.Next;
    }

    private Refusal? WhyNot(Holder holder, ResourceId cluster, AddressPool pool) =>
        IsAttached(cluster)
            ? quota.Check(holder, pool, _everywhere, users)
            : LeaseAllocator.NotAttachedRefusal(cluster, network);

    private void Count(ImmutableArray<Lease> held, ImmutableArray<Lease> got)
    {
        foreach (var lease in held.Where(h => got.All(g => g.Address != h.Address)))
            _everywhere = _everywhere.Without(lease);
        foreach (var lease in got.Where(g => held.All(h => h.Address != g.Address)))
            _everywhere = _everywhere.With(lease);
    }

    /// <summary>Why a lease can't be spoken for by the agent of a node: it is another node's.</summary>
    private static Refusal? OtherNodeOf(LeaseRequest request, IEnumerable<Lease> held) =>
        request.OnlyOfNode is { } node
        && held.Any(lease => lease.Holder.Node is { } of && !of.Equals(node, StringComparison.OrdinalIgnoreCase))
            ? new Refusal(
                RefusalCode.AuthorizationFailed,
                $"the addresses of this holder are of a pod on another node than {node}",
                "containerId"
            )
            : null;

    /// <summary>
    /// Asked of the state that the commit rests on: a lease and the end of its attachment can't both win.
    /// </summary>
    private bool IsAttached(ResourceId cluster)
    {
        if (!_attached.TryGetValue(cluster.Key, out var attached))
            _attached[cluster.Key] = attached = LeaseAllocator.IsAttached(transaction, cluster, network);
        return attached;
    }
}
