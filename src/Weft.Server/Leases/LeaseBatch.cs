using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>One network's batch on one store state: thrown away whole if the commit is lost.</summary>
/// <param name="users">Who may lease of the network.</param>
/// <param name="last">The addresses that were picked last, one of a family.</param>
/// <param name="everywhere">What is held of all networks, open: what is decided is counted in it.</param>
/// <param name="draw">Draws a number, for pools that choose at random.</param>
internal sealed class LeaseBatch(
    ResourceId network,
    ReadTransaction transaction,
    LeaseQuota quota,
    NetworkUsers users,
    ImmutableArray<Address> last,
    HeldCounts everywhere,
    Func<ulong> draw
)
{
    private Refusal? _pending;
    private readonly List<Mutation> _claims = [];
    private readonly LeaseEdit _edit = LeaseEdit.WithClaims(transaction.State, network);
    private readonly Dictionary<string, bool> _attached = new(1, StringComparer.Ordinal);
    private readonly Dictionary<(string Cluster, string Node), bool> _leaving = [];
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
        // What the pool says is what the batch is decided by.
        _ = PoolSpec.Find(transaction, network);
        // A block that is granted meanwhile is nobody else's.
        _ = BlockBook.Of(transaction, network);
        // A claim that comes meanwhile keeps its address from everybody else.
        _ = transaction.View(NetworkPool.ClaimPartitionOf(network));
        _pending = Registration.RefusalFor(transaction.State, network);
        var pool = NetworkPool.PoolOf(transaction.State, _edit.Holdings, row, limits);
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

    public void CompleteRequests() => _results.ForEach(answer => answer.Pending.Complete(answer.Answer));

    private Outcome<ImmutableArray<Lease>> Decide(AddressPool pool, PendingLease pending, string now)
    {
        var (cluster, _, holder, wanted, isRelease) = pending.Request;
        var held = _edit.Holdings.Find(holder.Id);
        if (OtherNodeOf(pending.Request, held) is { } foreign)
            return foreign;
        if (isRelease)
        {
            if (held is not null)
                Replace(new HoldingChange(held, held.Without(holder.Id)));
            _claims.AddRange(NetworkPool.RemoveClaims(transaction.State, network, of => of.Id == holder.Id));
            return ImmutableArray<Lease>.Empty;
        }

        if (pending.Request.IsConfirmation)
            return held is null ? NothingHeldRefusal(pending.Request) : held.Leases;
        if (holder.Claim is null && pool.ClaimOf(holder) is { } claim)
            holder = holder with { Claim = claim };
        if (WhyNot(holder, cluster, pool) is { } refused)
            return refused;
        if (!pool.Choose(holder, wanted, now, LastAssigned, draw()).TryGet(out var chosen, out var refusal))
            return refusal;
        if (chosen.Change is not { } change)
            return chosen.Leases;
        if (_pending is { } pendingRegistration)
            return pendingRegistration;
        // What was asked for says nothing of where to go on, nor what its owner has again.
        foreach (var lease in change.New!.Leases.Where(lease => lease.Method == LeaseMethod.Dynamic))
        {
            if (change.Old?.Has(lease.Address) != true && _edit.Holdings.RestAt(lease.Address) is null)
                LastAssigned = [.. LastAssigned.Where(last => last.Family != lease.Address.Family), lease.Address];
        }

        Replace(change);
        return chosen.Leases;
    }

    private void Replace(HoldingChange change)
    {
        _edit.Replace(change);
        everywhere.Replace(change.Old, change.New);
    }

    private Refusal? WhyNot(Holder holder, ResourceId cluster, AddressPool pool) =>
        !IsAttached(cluster) ? LeaseAllocator.NotAttachedRefusal(cluster, network)
        : holder.Node is { } node && IsLeaving(cluster, node) && _edit.Holdings.Find(holder.Id) is null
            ? new Refusal(
                RefusalCode.Conflict,
                $"node {node} of {cluster.Name} is being deleted: that waits for the pods that are there, and "
                    + "new ones get no addresses",
                "node",
                cluster.Extend(Node.ResourceType, DnsLabel.From(node)).ToString()
            )
        // Who joins another takes nothing.
        : pool.Holdings.FindClaim(holder) is not null ? null
        : quota.Check(holder, pool, everywhere, users);

    /// <summary>Asked of the state that the commit rests on, so that a deletion and a lease can't both win.</summary>
    private bool IsLeaving(ResourceId cluster, string node)
    {
        if (!_leaving.TryGetValue((cluster.Key, node), out var leaving))
        {
            var id = cluster.Extend(Node.ResourceType, DnsLabel.From(node));
            _leaving[(cluster.Key, node)] = leaving =
                transaction.Get(StoreKey.ForResource(id)) is { } row && Provisioning.IsDeleting(row);
        }

        return leaving;
    }

    /// <summary>Why a lease can't be spoken for by the agent of a node: it is another node's.</summary>
    private static Refusal? OtherNodeOf(LeaseRequest request, Holding? held) =>
        request.OnlyOfNode is { } node
        && held?.NodeOf(request.Holder.Id) is { } of
        && !of.Equals(node, StringComparison.OrdinalIgnoreCase)
            ? new Refusal(
                RefusalCode.AuthorizationFailed,
                $"the addresses of this holder are of a pod on another node than {node}",
                "containerId"
            )
            : null;

    private static Refusal NothingHeldRefusal(LeaseRequest request) =>
        new(
            RefusalCode.ResourceNotFound,
            $"{request.Holder.Text} holds nothing of {request.Network.Name}",
            "containerId"
        );

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
