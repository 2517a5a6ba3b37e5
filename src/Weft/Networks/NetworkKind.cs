using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>What the four kinds of workload networks have in common.</summary>
public abstract class NetworkKind : ResourceKind
{
    /// <summary>The interface name of a network, in all kinds.</summary>
    private protected static readonly Member InterfaceName =
        Member.Text("interfaceName", "the interface's name in nodes and machines; derived from the network's name if left out")
            .Within(1, 12).Like(@"^(?!\.{1,2}$)[a-zA-Z0-9@._-]*$").AtCreation();

    /// <summary>What older clients send and newer ones ignore.</summary>
    private protected static readonly Member DeprecatedPlugin = Member.Choice("hybridAksPluginType", "DPDK|SRIOV|OSDevice", "deprecated and ignored");

    /// <summary>The members that the server draws, in all kinds.</summary>
    private protected static readonly ImmutableArray<Member> DrawnMembers =
    [
        Member.List("associatedResourceIds", Member.Text(""), "who attaches it").Drawn(),
        Member.Text("clusterId", "the cluster that hosts it").Drawn(),
        Member.Text("detailedStatus").Drawn(),
        Member.Text("detailedStatusMessage").Drawn(),
        Member.Any("hybridAksClustersAssociatedIds").Drawn(),
        Member.Any("virtualMachinesAssociatedIds").Drawn(),
        Member.Text("provisioningState").Drawn(),
    ];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => CloudVersions.All;

    /// <inheritdoc/>
    public override void Complete(ResourceId id, JsonObject body, Snapshot seen)
    {
        (body["properties"] as JsonObject)?.Remove(DeprecatedPlugin.Name);
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        var id = IdOf(row);
        properties["associatedResourceIds"] = new JsonArray([.. Associated(id, now).Select(user => (JsonNode)user.ToString())]);
        if (NexusCluster.HostOf(row) is { } host)
            properties["clusterId"] = host.ToString();
        var (status, message) = Provisioning.StateOf(row) switch
        {
            Provisioning.Succeeded => ("Available", $"{Noun} is up"),
            Provisioning.Failed => ("Error", Provisioning.MessageOf(row)),
            _ => ("Provisioning", Provisioning.MessageOf(row)),
        };
        properties["detailedStatus"] = status;
        properties["detailedStatusMessage"] = message;
    }

    /// <summary>Checks a domain that a network stands on: it must be enabled, and on the fabric of the network's cluster.</summary>
    /// <param name="cluster">The cluster's row, or null where it wasn't found.</param>
    private protected static void CheckDomain(Proposal proposal, string path, Stored domain, ResourceId fabric, Stored? cluster)
    {
        var id = IdOf(domain);
        if (AdministrativeState.Of(domain) != AdministrativeState.Enabled)
            proposal.Find(RefusalCode.Conflict, path, $"'{path}': {id.Name} is not enabled; POST {id}/{AdministrativeState.Action} {{\"state\": \"Enable\"}} first", id);
        if (cluster is not null && !NexusCluster.FabricOf(cluster).Equals(fabric))
            proposal.Find(RefusalCode.Mismatch, path, $"'{path}': {id.Name} is on fabric {fabric.Name}, the cluster {IdOf(cluster).Name} on {NexusCluster.FabricOf(cluster).Name}", fabric);
    }

    private static IEnumerable<ResourceId> Associated(ResourceId network, Image now)
    {
        ResourceType machines = new(CloudVersions.Namespace, "virtualMachines"), clusters = new(CloudVersions.Namespace, "kubernetesClusters");
        var pools = clusters with { Path = "kubernetesClusters/agentPools" };
        return new[] { machines, clusters, pools }
            .SelectMany(type => now.Range($"{StoreKey.PartitionOf(type)}|").Where(row => Mentions(PropertiesOf(row), network)))
            .Select(row => IdOf(row) is var id && id.Type == pools ? id.Parent! : id).DistinctBy(id => id.Key);
    }

    private static bool Mentions(JsonElement value, ResourceId id) => value.ValueKind switch
    {
        JsonValueKind.String => string.Equals(value.GetString(), id.Key, StringComparison.OrdinalIgnoreCase),
        JsonValueKind.Array => value.EnumerateArray().Any(element => Mentions(element, id)),
        JsonValueKind.Object => value.EnumerateObject().Any(member => Mentions(member.Value, id)),
        _ => false,
    };
}
