using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// The provider <c>Microsoft.NetworkCloud</c>: its versions, and its types by name. They are declared here, below the
/// kinds that have them, because a kind may have to list resources of a kind that stands above it.
/// </summary>
internal static class NetworkCloudProvider
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Microsoft.NetworkCloud";

    public static readonly ResourceType ClusterType = new(Namespace, "clusters");

    public static readonly ResourceType L2NetworkType = new(Namespace, "l2Networks");

    public static readonly ResourceType L3NetworkType = new(Namespace, "l3Networks");

    public static readonly ResourceType TrunkedNetworkType = new(Namespace, "trunkedNetworks");

    public static readonly ResourceType CloudServicesNetworkType = new(Namespace, "cloudServicesNetworks");

    public static readonly ResourceType KubernetesClusterType = new(Namespace, "kubernetesClusters");

    public static readonly ResourceType AgentPoolType = new(Namespace, "kubernetesClusters/agentPools");

    public static readonly ResourceType VirtualMachineType = new(Namespace, "virtualMachines");

    /// <summary>The dates of the API, oldest first; the resources here are the same in all of them.</summary>
    public static readonly ImmutableArray<string> ApiVersions =
    [
        "2024-07-01",
        "2025-02-01",
        "2025-07-01-preview",
        "2025-09-01",
        "2026-01-01-preview",
        "2026-05-01-preview",
        "2026-07-01",
        "2026-08-01-preview",
        "2026-10-01",
    ];

    /// <summary>The types that name a cluster's custom location.</summary>
    public static readonly ImmutableArray<ResourceType> HostedTypes =
    [
        L2NetworkType,
        L3NetworkType,
        TrunkedNetworkType,
        CloudServicesNetworkType,
        KubernetesClusterType,
        VirtualMachineType,
    ];
}
