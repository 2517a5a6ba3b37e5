using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// An on-premises instance: it ties racks to a fabric, and its custom location is what networks and machines name as
/// their place.
/// </summary>
internal sealed class NexusCluster : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.ClusterType;

    private static readonly ResourceType CustomLocationType = new("Microsoft.ExtendedLocation", "customLocations");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    private const string LocationPath = "extendedLocation.name";

    /// <inheritdoc/>
    public override string Noun => "cluster";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["cl"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => NetworkCloudProvider.ApiVersions;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            SchemaMember
                .Id("networkFabricId", "the fabric its racks are wired to", NetworkFabric.ResourceType)
                .Required()
                .Immutable(),
            SchemaMember.Enum("clusterType", "SingleRack|MultiRack").Required(),
            SchemaMember.Text("clusterVersion").Required().Range(1, null),
            Rack("aggregatorOrSingleRackDefinition").Required().Patchable(),
            SchemaMember.List("computeRackDefinitions", Rack("")).Patchable(),
            SchemaMember.Text("clusterLocation").Range(0, 256).Patchable(),
            SchemaMember.Any("analyticsWorkspaceId"),
            SchemaMember.Any("analyticsOutputSettings").Patchable(),
            SchemaMember.Any("commandOutputSettings").Patchable(),
            SchemaMember.Any("clusterServicePrincipal").Patchable(),
            SchemaMember.Any("computeDeploymentThreshold").Patchable(),
            SchemaMember.Any("managedResourceGroupConfiguration"),
            SchemaMember.Any("runtimeProtectionConfiguration").Patchable(),
            SchemaMember.Any("secretArchive").Patchable(),
            SchemaMember.Any("secretArchiveSettings").Patchable(),
            SchemaMember.Any("updateStrategy").Patchable(),
            SchemaMember.Any("vulnerabilityScanningSettings").Patchable(),
            SchemaMember.Any("clusterExtendedLocation").ReadOnly(),
            SchemaMember.Text("clusterManagerId").ReadOnly(),
            SchemaMember.Text("clusterConnectionStatus").ReadOnly(),
            SchemaMember.Text("clusterManagerConnectionStatus").ReadOnly(),
            SchemaMember.Any("clusterCapacity").ReadOnly(),
            SchemaMember.Text("detailedStatus").ReadOnly(),
            SchemaMember.Text("detailedStatusMessage").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly(),
            SchemaMember.Any("workloadResourceIds").ReadOnly()
        );

    /// <summary>The fabric of a cluster.</summary>
    public static ResourceId FabricOf(Row row) => PropertiesOf(row).Id("networkFabricId")!;

    /// <summary>The custom location of a cluster.</summary>
    /// <returns>The location's id: in the cluster's group, by the cluster's name.</returns>
    public static ResourceId CustomLocationOf(ResourceId cluster)
    {
        return ResourceId
            .ForResourceGroup(cluster.Subscription, cluster.ResourceGroup!)
            .Extend(CustomLocationType, cluster.Name);
    }

    /// <summary>The cluster that a resource names in <c>extendedLocation.name</c>.</summary>
    /// <returns>The cluster's id, or null where the location is none of a cluster.</returns>
    public static ResourceId? HostOf(Row row)
    {
        return
            row.Json.Member("extendedLocation").Id("name") is { } location
            && location.Type == CustomLocationType
            && location.ResourceGroup is { } group
            ? ResourceId.ForResourceGroup(location.Subscription, group).Extend(ResourceType, location.Name)
            : null;
    }

    /// <summary>The cluster that a resource names in <c>extendedLocation.name</c>, as what it must be let join.</summary>
    public static IEnumerable<(string Path, ResourceId Id)> HostLinkOf(Row row) =>
        HostOf(row) is { } host ? [(LocationPath, host)] : [];

    /// <summary>Checks the place of a resource that runs on a cluster.</summary>
    /// <returns>The cluster's row, or null where there is none (and a finding says so).</returns>
    public static Row? CheckHost(ValidationContext context)
    {
        var name = context.Proposed.Json.Member("extendedLocation").Text("name");
        var host = HostOf(context.Proposed);
        var row = host is null ? null : context.Transaction.Get(host);
        if (row is null)
            context.AddError(
                RefusalCode.ReferenceNotFound,
                LocationPath,
                $"'{LocationPath}': {name} is the custom location of no cluster; write a cluster's clusterExtendedLocation",
                host
            );
        return row;
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> DependentsOf(Row row, ReadTransaction transaction)
    {
        var id = IdOf(row);
        return NetworkCloudProvider
            .HostedTypes.SelectMany(type => transaction.List(type))
            .Where(hosted => id.Equals(HostOf(hosted)))
            .Select(IdOf);
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        var id = IdOf(row);
        properties["clusterExtendedLocation"] = new JsonObject
        {
            ["name"] = CustomLocationOf(id).ToString(),
            ["type"] = "CustomLocation",
        };
        var users = DependentsOf(row, new ReadTransaction(state)).Select(user => (JsonNode)user.ToString());
        properties["workloadResourceIds"] = new JsonArray([.. users]);
        properties["clusterConnectionStatus"] = "Connected";
        properties["detailedStatus"] = "Running";
        properties["detailedStatusMessage"] = "";
    }

    private static SchemaMember Rack(string name) =>
        SchemaMember.Object(
            name,
            SchemaMember.Text("networkRackId").Required(),
            SchemaMember.Text("rackSerialNumber").Required().Range(1, 64),
            SchemaMember.Text("rackSkuId").Required(),
            SchemaMember.Text("availabilityZone").Pattern("^[a-zA-Z0-9]{1,10}$"),
            SchemaMember.Text("rackLocation").Range(0, 256),
            SchemaMember.Any("bareMetalMachineConfigurationData"),
            SchemaMember.Any("storageApplianceConfigurationData")
        );
}
