using System.Collections.Immutable;
using Weft.Access;
using Weft.Fleet;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Server.Verifications;

namespace Weft.Server.Computed;

/// <summary>The one list of types that are never stored.</summary>
internal sealed class ComputedTypes(
    VerificationResources verifications,
    RelayConnections connections,
    DesiredStates desiredStates,
    AddressPools pools,
    AddressBlocks blocks
)
{
    private readonly ImmutableArray<ComputedType> _types =
    [
        new(ResourceId.SubscriptionType, _ => true, Subscriptions.Serve),
        new(VerificationRuns.ResourceType, IsCluster, verifications.Serve),
        new(TargetConnection.ResourceType, HasConnection, connections.Serve),
        new(DesiredStates.ResourceType, HasDesiredState, desiredStates.Serve),
        new(DeclaredPool.ResourceType, IsL3Network, pools.ServePool),
        new(NetworkPool.LeaseType, IsL3Network, pools.ServeLease),
        new(AddressBlock.ResourceType, IsL3Network, blocks.ServeBlock),
    ];

    private readonly ImmutableArray<ComputedCollection> _collections =
    [
        // Of what leases nothing the list is empty.
        new(NetworkPool.LeaseType, _ => true, pools.ServeLeases),
        new(AddressBlock.ResourceType, IsNetwork, blocks.ServeBlocks),
        new(TargetConnection.ResourceType, TargetConnection.ExistsFor, connections.ServeAll),
    ];

    /// <summary>The type of a resource that is computed; null for what is stored, or unknown.</summary>
    public ComputedType? Find(ResourceId id) => _types.FirstOrDefault(type => type.Contains(id));

    /// <summary>The collection that a resource would be in; null where it isn't computed.</summary>
    public ComputedCollection? FindCollection(ResourceId id) =>
        _collections.FirstOrDefault(collection => collection.Contains(id));

    private static bool IsCluster(ResourceType? type) => type == KubernetesCluster.ResourceType;

    private static bool IsL3Network(ResourceType? type) => type == L3Network.ResourceType;

    private static bool IsNetwork(ResourceType type) => IsL3Network(type);

    private static bool HasConnection(ResourceType? type) => type is { } target && TargetConnection.ExistsFor(target);

    private static bool HasDesiredState(ResourceType? type) =>
        type == KubernetesCluster.ResourceType || type == VirtualMachine.ResourceType;
}
