using System.Collections.Immutable;
using Weft.Access;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Storage;

/// <summary>
/// The one list of kinds: to add one, write its file and a line here (docs/checklists/add-a-resource-kind.md).
/// </summary>
internal static class AllKinds
{
    /// <summary>The kinds, in the order in which a site is built up.</summary>
    public static readonly Kinds List = new([
        new ResourceGroup(),
        new NetworkFabric(),
        new L2IsolationDomain(),
        new L3IsolationDomain(),
        new InternalNetwork(),
        new NexusCluster(),
        new L2Network(),
        new L3Network(),
        new DeclaredPool(),
        new TrunkedNetwork(),
        new CloudServicesNetwork(),
        new KubernetesCluster(),
        new AgentPool(),
        new Node(),
        new Agent(),
        new VirtualMachine(),
        new RelayNamespace(),
        new NamespaceRuleSet(),
        new HybridConnection(),
        new RelayAuthorizationRule(RelayNamespace.ResourceType),
        new RelayAuthorizationRule(HybridConnection.ResourceType),
        new NetworkRuleSet(),
    ]);

    /// <summary>What is kept up to date beside the rows.</summary>
    public static readonly ImmutableArray<MaterializedView> Views =
    [
        OperationTracker.PendingView,
        ReferenceIndex.CreateView(List.All.Select(kind => kind.Type)),
        Agent.ByClusterView,
        AddressBlock.View,
    ];

    /// <summary>What writes of lower rooms must leave right in upper ones.</summary>
    public static readonly ImmutableArray<WriteGuard> WriteGuards =
    [
        new([TrunkedNetwork.ResourceType], ClusterAttachments.CheckTrunk),
        new([InternalNetwork.ResourceType], NetworkSubnets.CheckFabric),
        new([L3Network.ResourceType], NetworkSubnets.CheckPool),
        new(
            [
                L2IsolationDomain.ResourceType,
                InternalNetwork.ResourceType,
                L2Network.ResourceType,
                L3Network.ResourceType,
                TrunkedNetwork.ResourceType,
            ],
            UplinkRules.CheckAll
        ),
    ];

    /// <summary>A state without rows, with the views.</summary>
    public static StoreState EmptyState => StoreState.Empty(Views);

    /// <summary>The verbs over all kinds.</summary>
    public static ResourceVerbs CreateVerbs(Limits limits, FindAgentEffects findAgentEffects) =>
        new(
            List,
            limits,
            WriteGuards,
            (before, after, written, now) => AddressClaims.LeaseEffectsOf(before, after, written, limits, now),
            findAgentEffects,
            Draining.Insist
        );
}
