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

/// <summary>One network's batch on one store state: thrown away whole if the commit is lost.</summary>
/// <param name="users">Who may lease of the network.</param>
/// <param name="pools">What is known of the network's pool between batches.</param>
/// <param name="last">The addresses that were picked last.</param>
/// <param name="everywhere">What is held of all networks, open: what is decided is counted in it.</param>
internal sealed class LeaseBatch(
    ResourceId network,
    ReadTransaction transaction,
    LeaseQuota quota,
    NetworkUsers users,
    PoolCache pools,
    ImmutableArray<Address> last,
    HeldCounts everywhere
)
{
    private Refusal? _pending;
    private readonly List<Mutation> _claims = [];
    private readonly LeaseEdit _edit = LeaseEdit.WithClaims(transaction.State, network);
    private readonly Dictionary<string, bool> _attached = new(1, StringComparer.Ordinal);
    private readonly List<(PendingLease Pending, Outcome<ImmutableArray<Lease>> Answer)> _results = [];

    /// <summary>How many rows and records are to change.</summary>
    public int CountChanges => _edit.Count + _claims.Count;

    /// <summary>Whether the leases that are committed are those that were decided on, and not those but for claims.</summary>
    public bool IsCommittedAsDecided => !_edit.HasClaims;

    public ImmutableArray<Address> LastAssigned { get; private set; } = last;

    /// <summary>How many of the requests are decided.</summary>
    public int CountDecided => _results.Count;

    /// <summary>Decides requests until the commit holds as much as it may.</summary>
    /// <param name="most">How many changes a commit may hold; the first request is decided in any case.</param>
    public void Decide(Row row, IEnumerable<PendingLease> batch, Limits limits, string now, int most)
    {
        // A claim that comes meanwhile keeps its address from everybody else.
        _ = transaction.View(NetworkPool.ClaimPartitionOf(network));
        _pending = Registration.RefusalFor(transaction.State, network);
        var pool = pools.Get(transaction, _edit.Holdings, row, limits);
        foreach (var pending in batch)
        {
            _results.Add((pending, Decide(pool, pending, now)));
            if (CountChanges >= most)
                break;
        }
    }

    /// <summary>What is to be written; nothing may be decided any more.</summary>
    public IEnumerable<Mutation> ToMutations() => _claims.Concat(_edit.ToMutations());

    public void RefuseAll(IEnumerable<PendingLease> batch, Refusal refusal) =>
        _results.AddRange(
            batch.Select(pending =>
                (
                    pending,
                    (Outcome<ImmutableArray<Lease>>)(pending.Request.IsRelease ? ImmutableArray<Lease>.Empty : refusal)
                )
            )
        );

    public void CompleteRequests() => _results.ForEach(answer => answer.Pending.Completion.TrySetResult(answer.Answer));

    private Outcome<ImmutableArray<Lease>> Decide(AddressPool pool, PendingLease pending, string now)
    {
        var (cluster, _, holder, wanted, isRelease) = pending.Request;
        var held = _edit.Holdings.Find(holder.Id);
        if (OtherNodeOf(pending.Request, held) is { } foreign)
            return foreign;
        if (isRelease)
        {
            if (held is not null)
                Replace(new HoldingChange(held, null));
            _claims.AddRange(NetworkPool.RemoveClaims(transaction.State, network, of => of.Id == holder.Id));
            return ImmutableArray<Lease>.Empty;
        }

        if (WhyNot(holder, cluster, pool) is { } refused)
            return refused;
        if (!pool.Choose(holder, wanted, now, LastAssigned).TryGet(out var chosen, out var refusal))
            return refusal;
        if (chosen.Change is not { } change)
            return chosen.Leases;
        if (_pending is { } pendingRegistration)
            return pendingRegistration;
        var before = held?.Leases ?? [];
        if (
            chosen.Leases.Any(lease =>
                lease.Method == LeaseMethod.Dynamic && before.All(h => h.Address != lease.Address)
            )
        )
            LastAssigned = [.. chosen.Leases.Select(lease => lease.Address)];
        Replace(change);
        return chosen.Leases;
    }

    private void Replace(HoldingChange change)
    {
        _edit.Replace(change);
        everywhere.Replace(change.Old, change.New);
    }

    private Refusal? WhyNot(Holder holder, ResourceId cluster, AddressPool pool) =>
        IsAttached(cluster)
            ? quota.Check(holder, pool, everywhere, users)
            : LeaseAllocator.NotAttachedRefusal(cluster, network);

    /// <summary>Why a lease can't be spoken for by the agent of a node: it is another node's.</summary>
    private static Refusal? OtherNodeOf(LeaseRequest request, Holding? held) =>
        request.OnlyOfNode is { } node && held?.Node is { } of && !of.Equals(node, StringComparison.OrdinalIgnoreCase)
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
