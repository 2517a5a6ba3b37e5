using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A node of a Kubernetes cluster, as a record: which pool it is of, and how networks reach it.</summary>
/// <param name="Id">The resource.</param>
/// <param name="Pool">The name of its agent pool.</param>
/// <param name="IsVirtual">Whether it is a virtual machine, to which the host hands over one port per network.</param>
/// <param name="Uplinks">Its ports.</param>
public sealed record NodeFacts(ResourceId Id, string Pool, bool IsVirtual, ImmutableArray<Uplink> Uplinks)
{
    /// <summary>The cluster.</summary>
    public ResourceId Cluster => Id.Parent!;

    /// <summary>The port that carries a network here: the one handed over for it, else the trunk port.</summary>
    /// <param name="network">The network.</param>
    /// <returns>The port, or null where none does.</returns>
    public Uplink? Carrying(ResourceId network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return Uplinks.FirstOrDefault(u => u.Network == network.Key) ?? Uplinks.FirstOrDefault(u => u.IsTrunkPort);
    }
}

/// <summary>The kind of nodes, an extension of Kubernetes clusters: Azure's own API only shows nodes, here they are declared.</summary>
public sealed class Node : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "nodes");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "node";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["no"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => FleetVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => [KubernetesCluster.ResourceType];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Text("agentPool", "the name of its agent pool").Demanded(),
        Member.Choice("machineType", "*BareMetal|Virtual", "Virtual: the host hands over one port per network").AtCreation(),
        (Member.List("uplinks", Member.Group("",
            Member.Text("name", "the interface as the system finds it").Demanded().Like("^[A-Za-z0-9._@+-]{1,15}$"),
            Member.Text("macAddress").Like("^([0-9a-f]{2}:){5}[0-9a-f]{2}$"),
            Member.Whole("mtu", "the largest payload it carries").Within(576, 65535).Or("9000"),
            Member.Id("networkId", "the network it is handed over for; left out, it is a trunk port that carries every VLAN",
                L2Network.ResourceType, L3Network.ResourceType, TrunkedNetwork.ResourceType),
            Member.Text("pciAddress", "where it is on the PCI bus; needed where a user-space driver has it").Like("^[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]$"),
            Member.List("virtualFunctions", Member.Group("",
                Member.Text("functions", "their indexes: 3, or 0-7").Demanded().Like("^[0-9]{1,3}(-[0-9]{1,3})?$"),
                Member.Id("networkId", "the network they are for", L2Network.ResourceType, L3Network.ResourceType, TrunkedNetwork.ResourceType).Demanded())) with
            { Says = "which of its virtual functions are for which network" })) with
        { Says = "its ports to the fabric" }).Demanded().Within(1, 64),
        Member.Any("networkAttachments", "its interfaces and addresses").Drawn(),
        Member.Text("provisioningState").Drawn(),
        Member.Text("detailedStatus").Drawn(),
        Member.Text("detailedStatusMessage").Drawn());

    /// <summary>Reads a node.</summary>
    /// <param name="row">Its row.</param>
    /// <returns>The record.</returns>
    public static NodeFacts Of(Stored row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.As(r =>
        {
            var properties = PropertiesOf(r);
            var uplinks = properties.Each("uplinks").Select(u => new Uplink(u.Text("name")!, u.Text("macAddress"), (int)(u.Whole("mtu") ?? 9000), u.Id("networkId")?.Key)
            {
                PciAddress = u.Text("pciAddress"),
                Functions = [.. u.Each("virtualFunctions").Select(FunctionsOf)],
            });
            return new NodeFacts(IdOf(r), properties.Text("agentPool")!, properties.Text("machineType") == "Virtual", [.. uplinks]);
        });
    }

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        var node = Of(proposal.Wanted);
        if (!DnsLabel.Is(DnsLabel.Of(node.Id.Name)))
            proposal.Find(RefusalCode.InvalidResourceName, "name", $"'{node.Id.Name}' is no DNS label, even as '{DnsLabel.Of(node.Id.Name)}'");
        foreach (var other in proposal.Seen.List(ResourceType, node.Cluster).Select(IdOf).Where(o => !o.Equals(node.Id) && DnsLabel.Of(o.Name) == DnsLabel.Of(node.Id.Name)))
            proposal.Find(RefusalCode.Overlap, "name", $"'{node.Id.Name}' and '{other.Name}' are both '{DnsLabel.Of(other.Name)}' in Kubernetes", other);
        if (proposal.Seen.Get(node.Cluster.Child("agentPools", node.Pool)) is null)
            proposal.Find(RefusalCode.ReferenceNotFound, "properties.agentPool", $"'properties.agentPool': cluster {node.Cluster.Name} has no agent pool '{node.Pool}'", node.Cluster.Child("agentPools", node.Pool));
        CheckUplinks(proposal, node);
        if (proposal.Findings.Count == 0)
            NodePorts.Check(proposal, node, proposal.Seen, "properties.uplinks");
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        ArgumentNullException.ThrowIfNull(properties);
        properties["networkAttachments"] = NodeBodies.Attachments(Of(row), now);
        Status.Draw(row, properties, "Node is configured");
    }

    private static FunctionRange FunctionsOf(System.Text.Json.JsonElement functions)
    {
        var ends = functions.Text("functions")!.Split('-').Select(end => int.Parse(end, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        return new FunctionRange(ends[0], ends[^1], functions.Id("networkId")!.Key);
    }

    private static void CheckUplinks(Proposal proposal, NodeFacts node)
    {
        void Twice(IEnumerable<string?> values, string member)
        {
            foreach (var value in values.OfType<string>().GroupBy(v => v, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key))
                proposal.Find(RefusalCode.Overlap, "properties.uplinks", $"'properties.uplinks': two of them have the {member} {value}");
        }

        Twice(node.Uplinks.Select(u => u.Name), "name");
        Twice(node.Uplinks.Select(u => u.MacAddress), "macAddress");
        Twice(node.Uplinks.Select(u => u.Network), "networkId");
        if (node.Uplinks.Count(u => u.IsTrunkPort) > 1)
            proposal.Find(RefusalCode.Overlap, "properties.uplinks", "'properties.uplinks': more than one of them names no networkId; a node has one trunk port (make the others a bond, or name their networks)");
        if (node.IsVirtual && node.Uplinks.FirstOrDefault(u => u.IsTrunkPort) is { } trunk)
            proposal.Find(RefusalCode.Mismatch, "properties.uplinks", $"'properties.uplinks': '{trunk.Name}' names no networkId, but the node is Virtual: its host hands over one port per network");
    }
}

/// <summary>The provider <c>Weft.Fleet</c>.</summary>
public static class FleetVersions
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Weft.Fleet";

    /// <summary>The dates of the API.</summary>
    public static readonly ImmutableArray<string> All = ["2026-11-01"];
}
