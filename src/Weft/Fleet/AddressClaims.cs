using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A lease that a machine or node must have.</summary>
/// <param name="RequestedAddresses">The addresses it must be; empty where the pool picks.</param>
internal sealed record AddressClaim(
    ResourceId Network,
    string InterfaceName,
    Holder Holder,
    ImmutableArray<Address> RequestedAddresses
);

/// <summary>
/// The addresses of machines and nodes: which they must have follows from what is stored, so a write's leases are the
/// difference of two sets of claims. Pods ask for theirs (<see cref="PodHolderOf"/>).
/// </summary>
internal static class AddressClaims
{
    /// <summary>The holder of a machine's or node's interface.</summary>
    public static Holder HolderOf(ResourceId machine, string name)
    {
        return machine.Type == Node.ResourceType
            ? new Holder($"node:{machine.Key}#{name}", $"node {machine.Parent!.Name}/{machine.Name} {name}")
            {
                Cluster = machine.Parent.ToString(),
                Node = machine.Name,
            }
            : new Holder($"machine:{machine.Key}#{name}", $"virtual machine {machine.Name} {name}");
    }

    /// <summary>The holder of a pod's interface: the container's id is never used twice.</summary>
    /// <param name="pod">Namespace and name, or null where the runtime didn't say.</param>
    /// <param name="node">The node, or null where that isn't known.</param>
    public static Holder PodHolderOf(ResourceId cluster, string containerId, string name, string? pod, string? node)
    {
        return AddressHolders.OfPod(cluster.ToString(), cluster.Key, cluster.Name, containerId, name, pod, node);
    }

    /// <summary>The container and interface of a holder that is a pod's.</summary>
    /// <returns>Null where it is a machine's or a node's.</returns>
    public static (string ContainerId, string Interface)? PodInterfaceOf(Holder holder) =>
        holder.Id.StartsWith(AddressHolders.PodPrefix, StringComparison.Ordinal)
        && holder.Id.Split('#') is [_, var container, var name]
            ? (container, name)
            : null;

    /// <summary>The pod that a holder is of.</summary>
    /// <returns>Null where it is none's, or the runtime didn't say which.</returns>
    public static (string Namespace, string Name)? PodOf(Holder holder) =>
        PodInterfaceOf(holder) is not null && holder.Pod?.Split('/') is [{ Length: > 0 } space, { Length: > 0 } name]
            ? (space, name)
            : null;

    /// <summary>What the ids of all holders that are pods of a cluster begin with.</summary>
    public static string PodPrefixOf(ResourceId cluster) => $"{AddressHolders.PodPrefix}{cluster.Key}#";

    /// <summary>
    /// The MAC address of a machine's interface: locally administered, and the same whenever it is computed.
    /// </summary>
    public static string MacAddressOf(ResourceId machine, string name) =>
        MacAddress.FromSeed($"{machine.Key}#{name}").ToString();

    /// <summary>The leases that a machine or node must have.</summary>
    public static IEnumerable<AddressClaim> ClaimsOf(StoreState state, Row row)
    {
        var id = ResourceKind.IdOf(row);
        return id.Type == Node.ResourceType
            ? NodeClaimsOf(state, Node.Read(row))
            : VirtualMachine
                .AttachmentsOf(row, state)
                .Where(a => a.LeasesAddresses)
                .Select(a => new AddressClaim(a.Network, a.Name, HolderOf(id, a.Name), a.StaticAddresses));
    }

    /// <summary>The layer-3 networks that a trunk's VLANs carry, by VLAN.</summary>
    public static ImmutableDictionary<int, Network> L3NetworksOf(StoreState state, ResourceId trunk, Limits limits)
    {
        var transaction = new ReadTransaction(state);
        if (transaction.Get(trunk) is not { } row)
            return ImmutableDictionary<int, Network>.Empty;
        var domains = TrunkedNetwork.DomainsOf(row).ToHashSet();
        var vlans = TrunkedNetwork.VlansOf(row);
        return transaction
            .List(L3Network.ResourceType)
            .Where(l3 => domains.Contains(L3Network.DomainOf(l3)) && vlans.Contains(L3Network.VlanOf(l3)))
            .DistinctBy(L3Network.VlanOf)
            .ToImmutableDictionary(L3Network.VlanOf, l3 => Network.Find(state, ResourceKind.IdOf(l3), limits)!);
    }

    /// <summary>
    /// The changes of leases that follow a write, as the difference of the claims before and after it.
    /// </summary>
    /// <param name="before">The store state without the write.</param>
    /// <param name="now">The time, RFC 3339.</param>
    public static Outcome<ImmutableArray<Mutation>> LeaseEffectsOf(
        StoreState before,
        StoreState after,
        ResourceId written,
        Limits limits,
        string now
    )
    {
        var keys = AffectedKeys(before, after, written).ToList();
        var old = keys.SelectMany(key => before.Get(key) is { } row ? ClaimsOf(before, row) : []).ToList();
        var wanted = keys.SelectMany(key => after.Get(key) is { } row ? ClaimsOf(after, row) : []).ToList();
        return DiffClaims(after, old, wanted, limits, now);
    }

    /// <summary>Whether a machine or node still wants a lease that it holds.</summary>
    /// <returns>False also where the machine or node is gone.</returns>
    internal static bool IsClaimed(StoreState state, Lease lease)
    {
        var holder = lease.Holder.Id;
        var from = holder.IndexOf(':', StringComparison.Ordinal) + 1;
        return ResourceId.TryParse(holder[from..Math.Max(from, holder.LastIndexOf('#'))], out var machine)
            && state.Get(StoreKey.ForResource(machine)) is { } row
            && ClaimsOf(state, row).Any(claim => claim.Holder.Id == holder);
    }

    private static Outcome<ImmutableArray<Mutation>> DiffClaims(
        StoreState after,
        List<AddressClaim> old,
        List<AddressClaim> wanted,
        Limits limits,
        string now
    )
    {
        var changes = ImmutableArray.CreateBuilder<Mutation>();
        foreach (
            var group in old.Concat(wanted).GroupBy(w => w.Network.Key).OrderBy(g => g.Key, StringComparer.Ordinal)
        )
        {
            var network = group.First().Network;
            var mine = wanted.Where(w => w.Network.Equals(network)).ToList();
            var gone = old.Where(o => o.Network.Equals(network) && mine.TrueForAll(w => w.Holder.Id != o.Holder.Id));
            if (after.Get(StoreKey.ForResource(network)) is not { } row)
                continue;
            var edit = LeaseEdit.WithClaims(after, network);
            if (
                Grant(edit, NetworkPool.PoolOf(after, edit.Holdings, row, limits), mine, after, network, now) is
                { } refusal
            )
                return refusal;
            // Given back last, so that nobody is given in this very step what another may still have on an interface.
            foreach (var claim in gone)
            {
                if (edit.Holdings.Find(claim.Holder.Id) is { } held)
                    edit.Remove(held);
            }

            changes.AddRange(edit.ToMutations());
        }

        return changes.ToImmutable();
    }

    private static Refusal? Grant(
        LeaseEdit edit,
        AddressPool pool,
        IEnumerable<AddressClaim> claims,
        StoreState state,
        ResourceId network,
        string now
    )
    {
        // Those who need a certain address come first, so that no pick takes it from under them.
        foreach (var claim in claims.OrderBy(w => w.RequestedAddresses.IsEmpty))
        {
            if (!pool.Choose(claim.Holder, claim.RequestedAddresses, now).TryGet(out var chosen, out var refusal))
                return refusal with { Discloses = [.. refusal.Discloses, network.ToString(), claim.Holder.Owner] };
            if (chosen.Change is not { } change)
                continue;
            if (Registration.RefusalFor(state, network) is { } pending)
                return pending;
            edit.Replace(change);
        }

        return null;
    }

    private static IEnumerable<AddressClaim> NodeClaimsOf(StoreState state, NodeSpec node)
    {
        var transaction = new ReadTransaction(state);
        if (state.Get(StoreKey.ForResource(node.Cluster)) is not { } cluster)
            yield break;
        if (KubernetesCluster.CniNetworkOf(cluster) is var cni && node.UplinkFor(cni) is not null)
            yield return new AddressClaim(
                cni,
                Network.CniInterfaceName,
                HolderOf(node.Id, Network.CniInterfaceName),
                []
            );
        foreach (
            var attachment in ClusterAttachments
                .OfPool(transaction, node.Cluster, node.Pool)
                .Where(a => a.Plugin.LeasesForNode)
        )
        {
            if (transaction.Get(attachment.Network) is not { } row)
                continue;
            var name = Network.InterfaceNameOf(row);
            if (attachment.Network.Type == L3Network.ResourceType)
                yield return new AddressClaim(attachment.Network, name, HolderOf(node.Id, name), []);
            else if (attachment.Network.Type == TrunkedNetwork.ResourceType)
            {
                foreach (
                    var (vlan, layer3) in L3NetworksOf(state, attachment.Network, Limits.Default).OrderBy(v => v.Key)
                )
                {
                    var sub = string.Create(CultureInfo.InvariantCulture, $"{name}.{vlan}");
                    yield return new AddressClaim(layer3.Id, sub, HolderOf(node.Id, sub), []);
                }
            }
        }
    }

    /// <summary>
    /// The keys of the machines and nodes whose claims a write may change: of a network, those of all whom it reaches.
    /// </summary>
    private static IEnumerable<string> AffectedKeys(StoreState before, StoreState after, ResourceId written)
    {
        if (written.Type == Node.ResourceType || written.Type == VirtualMachine.ResourceType)
            return [StoreKey.ForResource(written)];
        if (written.Type == KubernetesCluster.ResourceType)
            return NodeKeysOf(before, after, [written]);
        if (written.Type == AgentPool.ResourceType)
            return NodeKeysOf(before, after, [written.Parent!]);
        if (!Network.IsNetworkType(written.Type))
            return [];
        return NodeKeysOf(
                before,
                after,
                NetworkReach.ClustersOf(before, written).Concat(NetworkReach.ClustersOf(after, written))
            )
            .Concat(
                NetworkReach
                    .UsersOf(after, written)
                    .Where(user => user.Type == VirtualMachine.ResourceType)
                    .Select(StoreKey.ForResource)
            );
    }

    /// <summary>The keys of the nodes that clusters have or had, as the store orders them.</summary>
    private static IEnumerable<string> NodeKeysOf(
        StoreState before,
        StoreState after,
        IEnumerable<ResourceId> clusters
    ) =>
        clusters
            .Select(cluster => $"{StoreKey.PartitionOf(Node.ResourceType)}|{cluster.Key}/")
            .Distinct(StringComparer.Ordinal)
            .SelectMany(nodes => before.Range(nodes).Concat(after.Range(nodes)))
            .Select(row => row.Key)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
}
