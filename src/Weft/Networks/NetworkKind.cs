using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>What the four kinds of workload networks have in common.</summary>
internal abstract class NetworkKind : ResourceKind
{
    /// <summary>The interface name of a network, in all kinds.</summary>
    private protected static readonly SchemaMember InterfaceName = SchemaMember
        .Text(
            "interfaceName",
            "the interface's name in nodes and machines; derived from the network's name if left out"
        )
        .Range(1, 12)
        .Pattern(Addressing.InterfaceName.DeclaredPattern)
        .Immutable();

    /// <summary>What older clients send and newer ones ignore.</summary>
    private protected static readonly SchemaMember DeprecatedPlugin = SchemaMember.Enum(
        "hybridAksPluginType",
        "DPDK|SRIOV|OSDevice",
        "deprecated and ignored"
    );

    /// <summary>The members that the server computes, in all kinds.</summary>
    private protected static readonly ImmutableArray<SchemaMember> ReadOnlyMembers =
    [
        SchemaMember.List("associatedResourceIds", SchemaMember.Text(""), "who attaches it").ReadOnly(),
        SchemaMember.Text("clusterId", "the cluster that hosts it").ReadOnly(),
        SchemaMember.Text("detailedStatus").ReadOnly(),
        SchemaMember.Text("detailedStatusMessage").ReadOnly(),
        SchemaMember.Any("hybridAksClustersAssociatedIds").ReadOnly(),
        SchemaMember.Any("virtualMachinesAssociatedIds").ReadOnly(),
        SchemaMember.Text("provisioningState").ReadOnly(),
    ];

    /// <summary>The types whose resources attach networks.</summary>
    private static readonly ImmutableArray<ResourceType> AttachingTypes =
    [
        NetworkCloudProvider.VirtualMachineType,
        NetworkCloudProvider.KubernetesClusterType,
        NetworkCloudProvider.AgentPoolType,
    ];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => NetworkCloudProvider.ApiVersions;

    /// <inheritdoc/>
    public override void ApplyDefaults(ResourceId id, JsonObject body, ReadTransaction transaction)
    {
        (body["properties"] as JsonObject)?.Remove(DeprecatedPlugin.Name);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Path, ResourceId Id)> HostsOf(Row row) => NexusCluster.HostLinkOf(row);

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        var id = IdOf(row);
        properties["associatedResourceIds"] = new JsonArray([
            .. Associated(id, state).Select(user => (JsonNode)user.ToString()),
        ]);
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

    /// <summary>
    /// Checks a domain that a network stands on: it must be enabled, and on the fabric of the network's cluster.
    /// </summary>
    /// <param name="cluster">The cluster's row, or null where it wasn't found.</param>
    private protected static void CheckDomain(
        ValidationContext context,
        string path,
        Row domain,
        ResourceId fabric,
        Row? cluster
    )
    {
        var id = IdOf(domain);
        if (AdministrativeState.Read(domain) != AdministrativeState.Enabled)
            context.AddError(
                RefusalCode.Conflict,
                path,
                $"'{path}': {id.Name} is not enabled; POST {id}/{AdministrativeState.Action} {{\"state\": \"Enable\"}} first",
                id
            );
        if (cluster is not null && !NexusCluster.FabricOf(cluster).Equals(fabric))
            context
                .About(id, IdOf(cluster), NexusCluster.FabricOf(cluster))
                .AddError(
                    RefusalCode.Mismatch,
                    path,
                    $"'{path}': {id.Name} is on fabric {fabric.Name}, the cluster {IdOf(cluster).Name} on "
                        + $"{NexusCluster.FabricOf(cluster).Name}",
                    fabric
                );
    }

    private static IEnumerable<ResourceId> Associated(ResourceId network, StoreState state)
    {
        var users = ReferenceIndex.UsersOf(state, network).ToLookup(user => user.Type);
        return AttachingTypes
            .SelectMany(type => users[type])
            .Select(id => id.Type == NetworkCloudProvider.AgentPoolType ? id.Parent! : id)
            .DistinctBy(id => id.Key);
    }
}
