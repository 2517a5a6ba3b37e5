using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A lease that a machine or node must have.</summary>
/// <param name="Wanted">The addresses it must be; empty where the pool picks.</param>
public sealed record LeaseWish(ResourceId Network, string Interface, Holder Holder, ImmutableArray<Address> Wanted);

/// <summary>
/// The addresses of machines and nodes: which they must have follows from what is stored, so a write's leases are the difference of two
/// wishes. Pods ask for theirs (<see cref="PodHolder"/>).
/// </summary>
public static class MachineAddresses
{
    /// <summary>The interface of the CNI network on every node, as published samples have it.</summary>
    public const string CniInterface = "defaultcni";

    /// <summary>The holder of a machine's or node's interface.</summary>
    public static Holder HolderOf(ResourceId machine, string name)
    {
        return machine.Type == Node.ResourceType
            ? new Holder($"node:{machine.Key}#{name}", $"node {machine.Parent!.Name}/{machine.Name} {name}") { Cluster = machine.Parent.ToString(), Node = machine.Name }
            : new Holder($"machine:{machine.Key}#{name}", $"virtual machine {machine.Name} {name}");
    }

    /// <summary>The holder of a pod's interface: the container's id is never used twice.</summary>
    /// <param name="pod">Namespace and name, or null where the runtime didn't say.</param>
    /// <param name="node">The node, or null where that isn't known.</param>
    public static Holder PodHolder(ResourceId cluster, string containerId, string name, string? pod, string? node)
    {
        return new Holder($"pod:{cluster.Key}#{containerId}#{name}", $"pod {pod ?? containerId} {name} in {cluster.Name}{(node is null ? "" : $" on {node}")}") { Cluster = cluster.ToString(), Node = node };
    }

    /// <summary>The MAC address of a machine's interface: locally administered, and the same whenever it is drawn.</summary>
    /// <returns>Six bytes in lower-case hex.</returns>
    public static string MacOf(ResourceId machine, string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{machine.Key}#{name}"));
        // 02: locally administered and not a group address (IEEE 802-2014 §8.2).
        return string.Join(':', new byte[] { 0x02 }.Concat(hash.Take(5)).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }

    /// <summary>The leases that a machine or node must have.</summary>
    public static IEnumerable<LeaseWish> WishesOf(Image image, Stored row)
    {
        var id = ResourceKind.IdOf(row);
        return id.Type == Node.ResourceType
            ? OfNode(image, Node.Of(row))
            : VirtualMachine.AttachmentsOf(row, image).Where(a => a.Leases).Select(a => new LeaseWish(a.Network, a.Name, HolderOf(id, a.Name), a.Wanted));
    }

    /// <summary>The layer-3 networks that a trunk's VLANs carry, by VLAN.</summary>
    public static ImmutableDictionary<int, Network> LayerThreeOf(Image image, ResourceId trunk, Limits limits)
    {
        var seen = new Snapshot(image);
        if (seen.Get(trunk) is not { } row)
            return ImmutableDictionary<int, Network>.Empty;
        var domains = TrunkedNetwork.DomainsOf(row).ToHashSet();
        var vlans = TrunkedNetwork.VlansOf(row);
        return seen.List(L3Network.ResourceType)
            .Where(l3 => domains.Contains(L3Network.DomainOf(l3)) && vlans.Contains(L3Network.VlanOf(l3)))
            .DistinctBy(L3Network.VlanOf)
            .ToImmutableDictionary(L3Network.VlanOf, l3 => Network.Of(image, ResourceKind.IdOf(l3), limits)!);
    }

    /// <summary>The changes of leases that follow a write, as the difference of the wishes before and after it.</summary>
    /// <param name="before">The image without the write.</param>
    /// <param name="now">The time, RFC 3339.</param>
    public static Outcome<ImmutableArray<Change>> Follow(Image before, Image after, ResourceId written, Limits limits, string now)
    {
        if ((Network.Is(written.Type) || written.Type == L2IsolationDomain.ResourceType || written.Type == InternalNetwork.ResourceType)
            && NodePorts.Objection(before, after, written, limits) is { } objection)
            return objection;
        var keys = Touched(before, after, written).ToList();
        var old = keys.SelectMany(key => before.Get(key) is { } row ? WishesOf(before, row) : []).ToList();
        var wanted = keys.SelectMany(key => after.Get(key) is { } row ? WishesOf(after, row) : []).ToList();
        return Difference(after, old, wanted, limits, now);
    }

    /// <summary>Whether a machine or node still wants a lease that it holds.</summary>
    /// <returns>False also where the machine or node is gone.</returns>
    internal static bool IsWanted(Image image, Lease lease)
    {
        var holder = lease.Holder.Id;
        var from = holder.IndexOf(':', StringComparison.Ordinal) + 1;
        return ResourceId.TryParse(holder[from..Math.Max(from, holder.LastIndexOf('#'))], out var machine)
            && image.Get(StoreKey.Of(machine)) is { } row && WishesOf(image, row).Any(wish => wish.Holder.Id == holder);
    }

    private static Outcome<ImmutableArray<Change>> Difference(Image after, List<LeaseWish> old, List<LeaseWish> wanted, Limits limits, string now)
    {
        var changes = ImmutableArray.CreateBuilder<Change>();
        foreach (var group in old.Concat(wanted).GroupBy(w => w.Network.Key).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var network = group.First().Network;
            var mine = wanted.Where(w => w.Network.Equals(network)).ToList();
            var gone = old.Where(o => o.Network.Equals(network) && mine.TrueForAll(w => w.Holder.Id != o.Holder.Id));
            if (after.Get(StoreKey.Of(network)) is not { } row)
                continue;
            var pool = NetworkPool.Of(after, row, limits);
            // Those who need a certain address come first, so that no pick takes it from under them.
            foreach (var wish in mine.OrderBy(w => w.Wanted.IsEmpty))
            {
                var held = pool.Holdings.Of(wish.Holder.Id);
                if (!pool.Acquire(wish.Holder, wish.Wanted, now).TryGet(out var got, out var refusal))
                    return refusal;
                changes.AddRange(NetworkPool.Replace(network, held, got.Leases));
                pool = got.Next;
            }

            // Given back last, so that nobody is given in this very step what another may still have on an interface.
            foreach (var wish in gone)
            {
                (pool, var ended) = pool.Release(wish.Holder.Id);
                changes.AddRange(NetworkPool.End(network, ended));
            }
        }

        return changes.ToImmutable();
    }

    private static IEnumerable<LeaseWish> OfNode(Image image, NodeFacts node)
    {
        var seen = new Snapshot(image);
        if (image.Get(StoreKey.Of(node.Cluster)) is not { } cluster)
            yield break;
        if (KubernetesCluster.CniNetworkOf(cluster) is var cni && node.Carrying(cni) is not null)
            yield return new LeaseWish(cni, CniInterface, HolderOf(node.Id, CniInterface), []);
        foreach (var attachment in ClusterAttachments.Of(seen, node.Cluster, node.Pool).Where(a => a.Plugin == PluginType.OSDevice))
        {
            if (seen.Get(attachment.Network) is not { } row)
                continue;
            var name = Network.InterfaceNameOf(row);
            if (attachment.Network.Type == L3Network.ResourceType)
                yield return new LeaseWish(attachment.Network, name, HolderOf(node.Id, name), []);
            else if (attachment.Network.Type == TrunkedNetwork.ResourceType)
            {
                foreach (var (vlan, layer3) in LayerThreeOf(image, attachment.Network, Limits.Standard).OrderBy(v => v.Key))
                {
                    var sub = string.Create(CultureInfo.InvariantCulture, $"{name}.{vlan}");
                    yield return new LeaseWish(layer3.Id, sub, HolderOf(node.Id, sub), []);
                }
            }
        }
    }

    /// <summary>The keys of the machines and nodes whose wishes a write may change: of a network, everybody's.</summary>
    private static IEnumerable<string> Touched(Image before, Image after, ResourceId written)
    {
        if (written.Type == Node.ResourceType || written.Type == VirtualMachine.ResourceType)
            return [StoreKey.Of(written)];
        var nodes = $"{StoreKey.PartitionOf(Node.ResourceType)}|";
        if (written.Type == KubernetesCluster.ResourceType || written.Type == AgentPool.ResourceType)
            nodes += $"{(written.Type == AgentPool.ResourceType ? written.Parent! : written).Key}/";
        else if (!Network.Is(written.Type))
            return [];
        var machines = Network.Is(written.Type) ? $"{StoreKey.PartitionOf(VirtualMachine.ResourceType)}|" : nodes;
        return before.Range(nodes).Concat(after.Range(nodes)).Concat(after.Range(machines)).Select(row => row.Key).Distinct();
    }
}
