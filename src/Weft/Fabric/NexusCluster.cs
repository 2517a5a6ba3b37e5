using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// An on-premises instance: it ties racks to a fabric, and its custom location is what networks and machines name as their place.
/// </summary>
public sealed class NexusCluster : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "clusters");

    private static readonly ResourceType CustomLocation = new("Microsoft.ExtendedLocation", "customLocations");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "cluster";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["nexuscluster", "nexusclusters", "nc"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => CloudVersions.All;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
        Member.Id("networkFabricId", "the fabric its racks are wired to", NetworkFabric.ResourceType).Demanded().AtCreation(),
        Member.Choice("clusterType", "SingleRack|MultiRack").Demanded(),
        Member.Text("clusterVersion").Demanded().Within(1, null),
        Rack("aggregatorOrSingleRackDefinition").Demanded().ByPatch(),
        Member.List("computeRackDefinitions", Rack("")).ByPatch(),
        Member.Text("clusterLocation").Within(0, 256).ByPatch(),
        Member.Any("analyticsWorkspaceId"),
        Member.Any("analyticsOutputSettings").ByPatch(),
        Member.Any("commandOutputSettings").ByPatch(),
        Member.Any("clusterServicePrincipal").ByPatch(),
        Member.Any("computeDeploymentThreshold").ByPatch(),
        Member.Any("managedResourceGroupConfiguration"),
        Member.Any("runtimeProtectionConfiguration").ByPatch(),
        Member.Any("secretArchive").ByPatch(),
        Member.Any("secretArchiveSettings").ByPatch(),
        Member.Any("updateStrategy").ByPatch(),
        Member.Any("vulnerabilityScanningSettings").ByPatch(),
        Member.Any("clusterExtendedLocation").Drawn(),
        Member.Text("clusterManagerId").Drawn(),
        Member.Text("clusterConnectionStatus").Drawn(),
        Member.Text("clusterManagerConnectionStatus").Drawn(),
        Member.Any("clusterCapacity").Drawn(),
        Member.Text("detailedStatus").Drawn(),
        Member.Text("detailedStatusMessage").Drawn(),
        Member.Text("provisioningState").Drawn(),
        Member.Any("workloadResourceIds").Drawn());

    /// <summary>The fabric of a cluster.</summary>
    public static ResourceId FabricOf(Stored row) => PropertiesOf(row).Id("networkFabricId")!;

    /// <summary>The custom location of a cluster.</summary>
    /// <returns>The location's id: in the cluster's group, by the cluster's name.</returns>
    public static ResourceId LocationOf(ResourceId cluster)
    {
        return ResourceId.OfResourceGroup(cluster.Subscription, cluster.ResourceGroup!).Extend(CustomLocation, cluster.Name);
    }

    /// <summary>The cluster that a resource names in <c>extendedLocation.name</c>.</summary>
    /// <returns>The cluster's id, or null where the location is none of a cluster.</returns>
    public static ResourceId? HostOf(Stored row)
    {
        return row.Json.Member("extendedLocation").Id("name") is { } location && location.Type == CustomLocation && location.ResourceGroup is { } group
            ? ResourceId.OfResourceGroup(location.Subscription, group).Extend(ResourceType, location.Name)
            : null;
    }

    /// <summary>Checks the place of a resource that runs on a cluster.</summary>
    /// <returns>The cluster's row, or null where there is none (and a finding says so).</returns>
    public static Stored? CheckHost(Proposal proposal)
    {
        const string Path = "extendedLocation.name";
        var name = proposal.Wanted.Json.Member("extendedLocation").Text("name");
        var host = HostOf(proposal.Wanted);
        var row = host is null ? null : proposal.Seen.Get(host);
        if (row is null)
            proposal.Find(RefusalCode.ReferenceNotFound, Path, $"'{Path}': {name} is the custom location of no cluster; write a cluster's clusterExtendedLocation", host);
        return row;
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> UsersOf(Stored row, Snapshot seen)
    {
        var id = IdOf(row);
        return CloudVersions.Hosted.SelectMany(type => seen.List(type)).Where(hosted => id.Equals(HostOf(hosted))).Select(IdOf);
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        var id = IdOf(row);
        properties["clusterExtendedLocation"] = new JsonObject { ["name"] = LocationOf(id).ToString(), ["type"] = "CustomLocation" };
        var users = UsersOf(row, new Snapshot(now)).Select(user => (JsonNode)user.ToString());
        properties["workloadResourceIds"] = new JsonArray([.. users]);
        properties["clusterConnectionStatus"] = "Connected";
        properties["detailedStatus"] = "Running";
        properties["detailedStatusMessage"] = "";
    }

    private static Member Rack(string name) => Member.Group(name,
        Member.Text("networkRackId").Demanded(),
        Member.Text("rackSerialNumber").Demanded().Within(1, 64),
        Member.Text("rackSkuId").Demanded(),
        Member.Text("availabilityZone").Like("^[a-zA-Z0-9]{1,10}$"),
        Member.Text("rackLocation").Within(0, 256),
        Member.Any("bareMetalMachineConfigurationData"),
        Member.Any("storageApplianceConfigurationData"));
}

/// <summary>The provider <c>Microsoft.NetworkCloud</c>: its versions, and the types that run on a cluster.</summary>
public static class CloudVersions
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Microsoft.NetworkCloud";

    /// <summary>The dates of the API, oldest first; the resources here are the same in all of them.</summary>
    public static readonly ImmutableArray<string> All =
        ["2024-07-01", "2025-02-01", "2025-07-01-preview", "2025-09-01", "2026-01-01-preview", "2026-05-01-preview", "2026-07-01", "2026-08-01-preview", "2026-10-01"];

    /// <summary>The types that name a cluster's custom location.</summary>
    public static readonly ImmutableArray<ResourceType> Hosted =
    [
        new(Namespace, "l2Networks"), new(Namespace, "l3Networks"), new(Namespace, "trunkedNetworks"), new(Namespace, "cloudServicesNetworks"),
        new(Namespace, "kubernetesClusters"), new(Namespace, "virtualMachines"),
    ];
}
