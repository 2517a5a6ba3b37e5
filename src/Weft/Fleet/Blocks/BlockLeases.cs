using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>Which leases are taken in that an agent says it has given of its blocks.</summary>
/// <param name="agent">The agent's row.</param>
internal sealed class BlockLeases(ReadTransaction transaction, Row agent, string node, BlockContext around)
{
    private readonly ResourceId _id = ResourceKind.IdOf(agent);
    private readonly LeaseQuota _quota = new(around.Leases);

    /// <summary>Takes them in.</summary>
    /// <param name="mine">The agent's blocks, lost ones among them.</param>
    public (ImmutableArray<Mutation> Changes, ImmutableArray<RefusedLease> Refused) Take(
        IReadOnlyList<BlockLease> leases,
        IReadOnlyCollection<AddressBlock> mine
    )
    {
        var own = mine.ToLookup(block => block.Network.Key, block => block.Addresses);
        var (taken, refused) = (new List<RegisteredLease>(), ImmutableArray.CreateBuilder<RefusedLease>());
        foreach (var lease in leases)
        {
            var registered = lease.ToRegistered()!;
            if (WhyNot(registered, own[registered.Holder.Network.Key]) is { } reason)
                refused.AddRange(lease.Addresses.Select(address => Refuse(lease, address, reason)));
            else
                taken.Add(registered);
        }

        var adoption = new LeaseAdoption(transaction, agent, () => [], around.Now);
        var (changes, conflicts) = adoption.Take(
            taken,
            (network, address) => mine.Any(block => block.Gives(network, address))
        );
        foreach (var conflict in conflicts)
        {
            var lease = leases.First(l =>
                l.Addresses.Contains(conflict.Address)
                && conflict.Network.Equals(l.Network, StringComparison.OrdinalIgnoreCase)
            );
            refused.Add(
                Refuse(
                    lease,
                    conflict.Address,
                    conflict.HeldBy is { } other ? $"{other} has it" : "the network has no such address"
                )
            );
        }

        return (changes, refused.ToImmutable());
    }

    /// <summary>
    /// Why one can't be taken in: it is in somebody else's block; or in none of the agent's, and more than the agent would be
    /// given if it asked. What its blocks hold it was given already.
    /// </summary>
    private string? WhyNot(RegisteredLease lease, IEnumerable<AddressSet> own)
    {
        var outside = lease.Addresses.Where(address => !own.Any(set => set.Contains(address))).ToList();
        var network = lease.Holder.Network;
        if (outside.Count == 0 || transaction.Get(network) is not { } row)
            return null;
        var holder = AddressClaims.PodHolderOf(
            _id.Parent!,
            lease.Holder.ContainerId,
            lease.Holder.Interface,
            lease.Pod,
            node
        );
        var holdings = NetworkPool.HoldingsOf(transaction.State, network);
        if (outside.TrueForAll(address => holdings.At(address)?.IsOf(holder.Id) == true))
            return null;
        var others = outside.SelectMany(BlockBook.Of(transaction, network).At).ToList();
        if (others.Count > 0)
            return $"it is in {others[0].Text}";
        if (!ClusterAttachments.PodsMayLease(transaction, _id.Parent!, network))
            return $"the network isn't attached to {_id.Parent!.Name}";
        var pool = NetworkPool.PoolOf(transaction.State, row, around.Limits);
        var everywhere = NetworkPool.CountsOf(transaction.State);
        return _quota.Check(holder, pool, everywhere, around.UsersOf(transaction.State, network))?.Message;
    }

    private static RefusedLease Refuse(BlockLease lease, string address, string reason) =>
        new(lease.Network, lease.ContainerId, lease.Interface, address, reason);
}
