using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A node of a Kubernetes cluster, as a record: which pool it is of, and how networks reach it.</summary>
/// <param name="IsVirtual">Whether it is a virtual machine, to which the host hands over one port per network.</param>
internal sealed record NodeSpec(ResourceId Id, string Pool, bool IsVirtual, ImmutableArray<Uplink> Uplinks)
{
    /// <summary>The cluster.</summary>
    public ResourceId Cluster => Id.Parent!;

    /// <summary>
    /// The port that carries every VLAN for the node itself: a bond above ports with virtual functions rather than one
    /// of these, which are all there for pods.
    /// </summary>
    public Uplink? TrunkPort =>
        Uplinks.FirstOrDefault(u => u.IsTrunkPort && u.Functions.IsEmpty) ?? Uplinks.FirstOrDefault(u => u.IsTrunkPort);

    /// <summary>The port that carries a network here: the one handed over for it, else the trunk port.</summary>
    /// <returns>The port, or null where none does.</returns>
    public Uplink? UplinkFor(ResourceId network)
    {
        return Uplinks.FirstOrDefault(u => u.Network == network.Key) ?? TrunkPort;
    }

    /// <summary>The ports by which a plugin reaches a network here.</summary>
    /// <returns>
    /// For one that needs devices all ports with functions for it, on a virtual node all that are handed over for it; for the
    /// others the one that carries it. None where none does.
    /// </returns>
    public ImmutableArray<Uplink> UplinksFor(ResourceId network, IPlugin plugin)
    {
        if (plugin.NeedsDevices)
            return
            [
                .. Uplinks.Where(u =>
                    IsVirtual ? u.Network == network.Key : u.Functions.Any(f => f.Network == network.Key)
                ),
            ];
        return UplinkFor(network) is { } port ? [port] : [];
    }
}

/// <summary>
/// The kind of nodes, an extension of Kubernetes clusters: Azure's own API only shows nodes, here they are declared.
/// </summary>
internal sealed class Node : ResourceKind
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
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember.Text("agentPool", "the name of its agent pool").Required(),
            SchemaMember
                .Enum("machineType", "*BareMetal|Virtual", "Virtual: the host hands over one port per network")
                .Immutable(),
            (
                SchemaMember.List(
                    "uplinks",
                    SchemaMember.Object(
                        "",
                        SchemaMember
                            .Text("name", "the interface as the system finds it")
                            .Required()
                            .Pattern(InterfaceName.PortablePattern),
                        SchemaMember.Text("macAddress").Pattern(MacAddress.CanonicalPattern),
                        SchemaMember.Integer("mtu", "the largest payload it carries").Range(576, 65535).Default("9000"),
                        SchemaMember.Id(
                            "networkId",
                            "the network it is handed over for; left out, it is a trunk port that carries every VLAN",
                            L2Network.ResourceType,
                            L3Network.ResourceType,
                            TrunkedNetwork.ResourceType
                        ),
                        SchemaMember
                            .Text("pciAddress", "where it is on the PCI bus; needed where a user-space driver has it")
                            .Pattern(PciAddress.Pattern),
                        SchemaMember.List(
                            "virtualFunctions",
                            SchemaMember.Object(
                                "",
                                SchemaMember
                                    .Text("functions", "their indexes: 3, or 0-7")
                                    .Required()
                                    .Pattern("^[0-9]{1,3}(-[0-9]{1,3})?$"),
                                SchemaMember
                                    .Id(
                                        "networkId",
                                        "the network they are for",
                                        L2Network.ResourceType,
                                        L3Network.ResourceType,
                                        TrunkedNetwork.ResourceType
                                    )
                                    .Required()
                            )
                        ) with
                        {
                            Description = "which of its virtual functions are for which network",
                        }
                    )
                ) with
                {
                    Description = "its ports to the fabric",
                }
            )
                .Required()
                .Range(1, 64),
            SchemaMember.Any("networkAttachments", "its interfaces and addresses").ReadOnly(),
            SchemaMember.Any("inventory", "what its agent found there: devices, huge pages, CNI plugins").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly(),
            SchemaMember.Text("detailedStatus").ReadOnly(),
            SchemaMember.Text("detailedStatusMessage").ReadOnly()
        );

    /// <summary>Reads a node.</summary>
    public static NodeSpec Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var properties = PropertiesOf(r);
            var uplinks = properties
                .Elements("uplinks")
                .Select(u => new Uplink(
                    u.Text("name")!,
                    u.Text("macAddress"),
                    (int)(u.Integer("mtu") ?? 9000),
                    u.Id("networkId")?.Key
                )
                {
                    PciAddress = u.Text("pciAddress"),
                    Functions = [.. u.Elements("virtualFunctions").Select(ReadFunctionRange)],
                });
            return new NodeSpec(
                IdOf(r),
                properties.Text("agentPool")!,
                properties.Text("machineType") == "Virtual",
                [.. uplinks]
            );
        });
    }

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var node = Read(context.Proposed);
        if (!DnsLabel.IsValid(DnsLabel.From(node.Id.Name)))
            context.AddError(
                RefusalCode.InvalidResourceName,
                "name",
                $"'{node.Id.Name}' is no DNS label, even as '{DnsLabel.From(node.Id.Name)}'"
            );
        foreach (
            var other in context
                .Transaction.List(ResourceType, node.Cluster)
                .Select(IdOf)
                .Where(o => !o.Equals(node.Id) && DnsLabel.From(o.Name) == DnsLabel.From(node.Id.Name))
        )
            context.AddError(
                RefusalCode.Overlap,
                "name",
                $"'{node.Id.Name}' and '{other.Name}' are both '{DnsLabel.From(other.Name)}' in Kubernetes",
                other
            );
        if (context.Transaction.Get(AgentPool.IdOf(node.Cluster, node.Pool)) is null)
            context.AddError(
                RefusalCode.ReferenceNotFound,
                "properties.agentPool",
                $"'properties.agentPool': cluster {node.Cluster.Name} has no agent pool '{node.Pool}'",
                AgentPool.IdOf(node.Cluster, node.Pool)
            );
        CheckUplinks(context, node);
        CheckVirtualFunctions(context, node);
        if (context.Findings.Count > 0)
            return;
        UplinkRules.Check(context, node, context.Transaction, "properties.uplinks");
        UplinkRules.CheckMachineTypes(
            context,
            node.Cluster,
            [
                .. context
                    .Transaction.List(ResourceType, node.Cluster)
                    .Select(Read)
                    .Where(other => !other.Id.Equals(node.Id)),
                node,
            ],
            context.Transaction,
            "properties.machineType"
        );
        DevicePoolRules.Check(context, node.Cluster, [node], "properties.uplinks");
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        [Mutation.Remove(InventoryRows.KeyOf(IdOf(row)))];

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        properties["networkAttachments"] = NodeBodies.RenderAttachments(Read(row), state);
        if (InventoryBodies.Render(Read(row), state) is { } inventory)
            properties["inventory"] = inventory;
        DetailedStatus.AddTo(row, properties, "Node is configured");
    }

    private static FunctionRange ReadFunctionRange(System.Text.Json.JsonElement functions)
    {
        var ends = functions
            .Text("functions")!
            .Split('-')
            .Select(end => int.Parse(end, System.Globalization.CultureInfo.InvariantCulture))
            .ToArray();
        return new FunctionRange(ends[0], ends[^1], functions.Id("networkId")!.Key);
    }

    private static void CheckUplinks(ValidationContext context, NodeSpec node)
    {
        void Twice(IEnumerable<string?> values, string member)
        {
            foreach (
                var value in values
                    .OfType<string>()
                    .GroupBy(v => v, StringComparer.Ordinal)
                    .Where(g => g.Count() > 1)
                    .Select(g => g.Key)
            )
                context.AddError(
                    RefusalCode.Overlap,
                    "properties.uplinks",
                    $"'properties.uplinks': two of them have the {member} {value}"
                );
        }

        Twice(node.Uplinks.Select(u => u.Name), "name");
        Twice(node.Uplinks.Select(u => u.MacAddress), "macAddress");
        Twice(node.Uplinks.Select(u => u.PciAddress), "pciAddress");
        if (node.Uplinks.Count(u => u.IsTrunkPort && u.Functions.IsEmpty) > 1)
            context.AddError(
                RefusalCode.Overlap,
                "properties.uplinks",
                "'properties.uplinks': more than one of them names no networkId; "
                    + "a node has one trunk port (make the others a bond, name their networks, or give them virtualFunctions)"
            );
        if (node.IsVirtual && node.Uplinks.FirstOrDefault(u => u.IsTrunkPort) is { } trunk)
            context.AddError(
                RefusalCode.Mismatch,
                "properties.uplinks",
                $"'properties.uplinks': '{trunk.Name}' names no networkId, but the node is Virtual: "
                    + "its host hands over one port per network"
            );
    }

    /// <summary>What can be said of virtual functions without knowing what is attached.</summary>
    private static void CheckVirtualFunctions(ValidationContext context, NodeSpec node)
    {
        foreach (
            var (uplink, i) in node.Uplinks.Select((uplink, i) => (uplink, i)).Where(u => !u.uplink.Functions.IsEmpty)
        )
        {
            var path = $"properties.uplinks[{i}].virtualFunctions";
            if (node.IsVirtual)
                context.AddError(
                    RefusalCode.Mismatch,
                    path,
                    $"'{path}': node {node.Id.Name} is Virtual, so the functions of '{uplink.Name}' are its host's "
                        + "doing; declare each device that is handed over as an uplink with its networkId"
                );
            else if (!uplink.IsTrunkPort)
                context.AddError(
                    RefusalCode.Mismatch,
                    path,
                    $"'{path}': '{uplink.Name}' is handed over for one network, "
                        + "but the card tags the frames of its functions, so the port must carry every VLAN: leave its networkId out"
                );
            if (uplink.Name.Contains('#', StringComparison.Ordinal))
                context.AddError(
                    RefusalCode.InvalidMember,
                    $"properties.uplinks[{i}].name",
                    $"'properties.uplinks[{i}].name': '{uplink.Name}' has a '#', "
                        + "behind which the device plugin reads the indexes of functions; give the port another name"
                );
            CheckFunctionRanges(context, uplink, path);
        }
    }

    /// <summary>Ranges must be ranges, and a function is one network's.</summary>
    private static void CheckFunctionRanges(ValidationContext context, Uplink uplink, string path)
    {
        for (var j = 0; j < uplink.Functions.Length; j++)
        {
            var range = uplink.Functions[j];
            if (range.Last < range.First)
                context.AddError(
                    RefusalCode.InvalidMember,
                    $"{path}[{j}].functions",
                    $"'{path}[{j}].functions': {range.First}-{range.Last} is no range, write the lower index first"
                );
            else if (
                uplink
                    .Functions.Take(j)
                    .Select((other, k) => (other, k))
                    .FirstOrDefault(o => o.other.First <= range.Last && range.First <= o.other.Last) is
                { other: { } taken } overlap
            )
                context.AddError(
                    RefusalCode.Overlap,
                    $"{path}[{j}].functions",
                    $"'{path}[{j}].functions': function {Math.Max(range.First, taken.First)} of '{uplink.Name}' is "
                        + $"in {path}[{overlap.k}] already; a function is one network's"
                );
        }
    }
}

/// <summary>The provider <c>Weft.Fleet</c>.</summary>
internal static class FleetVersions
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Weft.Fleet";

    /// <summary>The newest date of the API.</summary>
    public const string Newest = WeftVersions.Newest;

    /// <summary>The dates of the API.</summary>
    public static readonly ImmutableArray<string> All = WeftVersions.All;
}
