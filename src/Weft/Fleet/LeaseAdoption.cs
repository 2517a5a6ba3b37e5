using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet.Blocks;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// The decision about one part of what an agent registers: what is free, or held by nobody any more, is the pod's again;
/// what another holds is a conflict, and kept from everybody else.
/// </summary>
/// <param name="agent">The agent's row.</param>
/// <param name="candidates">What leases are called that pods of this agent had at the restore; asked for at the last part
/// alone.</param>
/// <param name="now">The time, RFC 3339.</param>
internal sealed class LeaseAdoption(
    ReadTransaction transaction,
    Row agent,
    Func<IEnumerable<string>> candidates,
    string now
)
{
    private readonly ResourceId _id = ResourceKind.IdOf(agent);
    private readonly Dictionary<string, Mutation> _changes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LeaseEdit> _edits = new(StringComparer.Ordinal);
    private readonly List<LeaseConflict> _conflicts = [];
    private Func<ResourceId, Address, bool> _gives = (_, _) => false;
    private int _adopted;
    private HashSet<string>? _unclaimed;

    /// <summary>Decides.</summary>
    /// <returns>The rows to write, and the answer to the agent; or why the part isn't taken.</returns>
    public Outcome<(ImmutableArray<Mutation> Mutations, LeaseRegistrationResponse Response)> Decide(
        LeaseRegistration part
    )
    {
        if (transaction.Get(Epoch.Key) is not { } row || Epoch.Of(row) is var epoch && epoch.Id != part.Epoch)
            return new Refusal(RefusalCode.Conflict, $"'epoch': {part.Epoch} isn't the epoch of today", "epoch");
        var before = transaction.Get(Registration.KeyOf(_id)) is { } old ? Registration.Of(old) : null;
        if (part.Part > 0 && (before is null || before.Epoch != epoch.Id || before.Parts != part.Part))
            return new Refusal(
                RefusalCode.Conflict,
                $"'part': {part.Part} doesn't follow what has come so far; begin anew with part 0",
                "part"
            );
        foreach (var lease in part.Leases)
            Adopt(lease);
        var so = part.Part == 0 ? null : before;
        ImmutableArray<string> holders = [.. so?.Holders ?? [], .. part.Leases.Select(lease => HolderOf(lease).Id)];
        var unclaimed = part.IsLast ? FindUnclaimed(holders) : [];
        if (part.IsLast)
            HandOver(unclaimed);
        var registration = new Registration(
            epoch.Id,
            now,
            part.Part + 1,
            part.IsLast,
            (so?.Leases ?? 0) + part.Leases.Length,
            (so?.Adopted ?? 0) + _adopted,
            part.IsLast ? [] : holders,
            unclaimed
        );
        AdoptBlocks(part);
        Put(Mutation.Put(Registration.KeyOf(_id), registration.ToJson()));
        ImmutableArray<Mutation> changes = [.. Changes()];
        return (
            [.. changes, .. part.IsLast ? Registration.Settle(transaction.State.Next(changes)) : []],
            new LeaseRegistrationResponse(_adopted, _conflicts)
        );
    }

    /// <summary>Takes leases in that an agent has given by itself, out of any epoch.</summary>
    /// <param name="gives">
    /// Whether the agent alone gives an address of a network. A pod of its own node that has such an address was deleted there,
    /// and the agent has yet to tell: only then does it give the address again.
    /// </param>
    /// <returns>The changes, and what isn't taken in.</returns>
    public (ImmutableArray<Mutation> Mutations, IReadOnlyList<LeaseConflict> Conflicts) Take(
        IEnumerable<RegisteredLease> leases,
        Func<ResourceId, Address, bool> gives
    )
    {
        _gives = gives;
        foreach (var lease in leases)
            Adopt(lease);
        return ([.. Changes()], _conflicts);
    }

    private void AdoptBlocks(LeaseRegistration part)
    {
        if (!part.IsLast)
            return;
        foreach (var block in BlockRegistration.Adopt(transaction, agent, part, now))
            Put(block.ToMutation());
    }

    private IEnumerable<Mutation> Changes() =>
        _changes.Values.Concat(
            _edits.OrderBy(edit => edit.Key, StringComparer.Ordinal).SelectMany(edit => edit.Value.ToMutations())
        );

    private Holder HolderOf(RegisteredLease lease) =>
        AddressClaims.PodHolderOf(
            _id.Parent!,
            lease.Holder.ContainerId,
            lease.Holder.Interface,
            lease.Pod,
            Agent.NodeOf(agent)
        ) with
        {
            PodUid = lease.Uid,
        };

    private void Adopt(RegisteredLease lease)
    {
        var (network, holder) = (lease.Holder.Network, HolderOf(lease));
        var prefixes = transaction.Get(network) is { } row
            ? NetworkSubnets.PrefixesOf(row, PoolSpec.Find(transaction, network))
            : [];
        foreach (var address in lease.Addresses)
        {
            if (!prefixes.Any(prefix => prefix.Contains(address)))
                _conflicts.Add(new LeaseConflict(network.ToString(), address.ToString(), holder.Text, null));
            else
                Adopt(network, new Lease(address, holder, LeaseMethod.Dynamic, now));
        }
    }

    private void Adopt(ResourceId network, Lease lease)
    {
        var key = NetworkPool.KeyOf(network, lease.Address);
        var edit = EditOf(network.Key);
        var held = edit.Holdings.LeaseOf(lease.Address);
        var isMine = edit.Holdings.At(lease.Address)?.IsOf(lease.Holder.Id) == true;
        if (held is not null && !isMine && !IsUnclaimed(key, held) && !IsDeleted(network, held))
        {
            _conflicts.Add(
                new LeaseConflict(network.ToString(), lease.Address.ToString(), lease.Holder.Text, held.Holder.Text)
            );
            Put(NetworkPool.PutClaim(network, lease));
            // It is none once the other has given it back.
            _ = transaction.View(NetworkPool.PartitionOf(network));
            return;
        }

        foreach (
            var other in edit
                .Holdings.LeasesOf(lease.Holder.Id)
                .Where(other => other.Address.Family == lease.Address.Family && other.Address != lease.Address)
        )
            edit.Remove(other.Address);
        Put(NetworkPool.RemoveClaim(network, lease));
        if (isMine)
            return;
        _adopted++;
        edit.Put(lease);
    }

    private LeaseEdit EditOf(string networkKey)
    {
        if (!_edits.TryGetValue(networkKey, out var edit))
            _edits[networkKey] = edit = new LeaseEdit(transaction.State, networkKey);
        return edit;
    }

    /// <summary>The lease of an address, as it is after what was decided so far.</summary>
    private Lease? LeaseAt(string key) =>
        NetworkPool.ParseKey(key) is { } at ? EditOf(at.NetworkKey).Holdings.LeaseOf(at.Address) : null;

    private bool IsDeleted(ResourceId network, Lease held) =>
        _gives(network, held.Address) && IsOfThisAgent(held.Holder);

    /// <summary>Whether the agent of the pod that has a lease by the backup has said that it doesn't know it.</summary>
    private bool IsUnclaimed(string key, Lease held)
    {
        _unclaimed ??=
        [
            .. transaction
                .State.Range($"{Registration.Partition}|")
                .Select(Registration.Of)
                .Where(registration =>
                    registration.IsComplete && registration.Epoch == Epoch.Find(transaction.State)?.Id
                )
                .SelectMany(registration => registration.Unclaimed),
        ];
        return _unclaimed.Contains(Registration.UnclaimedOf(key, held.Holder.Id));
    }

    /// <summary>
    /// What the store has for pods of the agent's node and its journal hasn't. Where several agents speak for the same
    /// pods, one's journal says nothing about those of another.
    /// </summary>
    private ImmutableArray<string> FindUnclaimed(ImmutableArray<string> holders)
    {
        if (
            Agent.NodeOf(agent) is not { } node
            || Agent
                .ListIn(transaction.State, _id.Parent!)
                .Count(other => node.Equals(Agent.NodeOf(other), StringComparison.OrdinalIgnoreCase)) > 1
        )
            return [];
        var known = holders.ToHashSet(StringComparer.Ordinal);
        return
        [
            .. candidates()
                .Select(key => (Key: key, Lease: LeaseAt(key)))
                .Where(item =>
                    item.Lease is { } lease && !known.Contains(lease.Holder.Id) && IsOfThisAgent(lease.Holder)
                )
                .Select(item => Registration.UnclaimedOf(item.Key, item.Lease!.Holder.Id)),
        ];
    }

    /// <summary>Gives what nobody claims to the running pods whose agents have claimed it in vain.</summary>
    private void HandOver(ImmutableArray<string> unclaimed)
    {
        if (unclaimed.IsEmpty)
            return;
        var free = unclaimed.ToHashSet(StringComparer.Ordinal);
        foreach (var (network, claim) in NetworkPool.AllClaims(transaction.State))
        {
            var key = NetworkPool.KeyOf(network, claim.Address);
            if (LeaseAt(key) is not { } held || !free.Contains(Registration.UnclaimedOf(key, held.Holder.Id)))
                continue;
            EditOf(network.Key).Put(claim);
            Put(NetworkPool.RemoveClaim(network, claim));
        }
    }

    private bool IsOfThisAgent(Holder holder) =>
        holder.Id.StartsWith(AddressClaims.PodPrefixOf(_id.Parent!), StringComparison.Ordinal)
        && string.Equals(holder.Node, Agent.NodeOf(agent), StringComparison.OrdinalIgnoreCase);

    private void Put(Mutation mutation)
    {
        _ = transaction.Get(mutation.Key);
        _changes[mutation.Key] = mutation;
    }
}
