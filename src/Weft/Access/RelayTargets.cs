using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What the relay leads to, and what stands above it.</summary>
internal static class RelayTargets
{
    /// <summary>The service of Kubernetes clusters: their API server.</summary>
    public const string KubernetesService = "kubernetes";

    /// <summary>The service of nodes and machines: their SSH server.</summary>
    public const string SshService = "ssh";

    /// <summary>What a resource is called in answers and logs.</summary>
    /// <returns>Such as <c>cluster core-east</c>, <c>node w1 of core-east</c>.</returns>
    public static string DisplayNameOf(ResourceId id)
    {
        return id.Type == NexusCluster.ResourceType ? $"Nexus Cluster {id.Name}"
            : id.Type == KubernetesCluster.ResourceType ? $"cluster {id.Name}"
            : id.Type == Node.ResourceType ? $"node {id.Name} of {id.Parent!.Name}"
            : id.Type == VirtualMachine.ResourceType ? $"machine {id.Name}"
            : id.Type == RelayNamespace.ResourceType ? $"namespace {id.Name}"
            : id.Type == HybridConnection.ResourceType ? $"hybrid connection {id.Parent!.Name}/{id.Name}"
            : id.ToString();
    }

    /// <summary>
    /// The services that can be asked for at a resource or what it hosts; one empty name where they have no names.
    /// </summary>
    public static ImmutableArray<string> ServicesOf(ResourceType type) =>
        type == KubernetesCluster.ResourceType ? [KubernetesService]
        : type == Node.ResourceType || type == VirtualMachine.ResourceType ? [SshService]
        : type == NexusCluster.ResourceType ? [KubernetesService, SshService]
        : [""];

    /// <summary>Whether a resource can be asked about: it has a hybrid connection, or hosts what has one.</summary>
    public static bool IsTarget(ResourceType type) =>
        NetworkRuleSet.ScopeTypes.Contains(type) || type == RelayNamespace.ResourceType;

    /// <summary>The rule sets a caller must pass to reach a resource, the widest first.</summary>
    /// <returns>The sets; none where nobody wrote any.</returns>
    public static ImmutableArray<RuleSet> RuleSetsOf(StoreState state, ResourceId target)
    {
        return [.. ScopesOf(state, target).SelectMany(place => RuleSetsAt(state, place))];
    }

    /// <summary>A resource and what hosts it, the widest first.</summary>
    private static IEnumerable<ResourceId> ScopesOf(StoreState state, ResourceId target)
    {
        if (target.Type == Node.ResourceType || target.Type == HybridConnection.ResourceType)
            return ScopesOf(state, target.Parent!).Append(target);
        return
            (target.Type == KubernetesCluster.ResourceType || target.Type == VirtualMachine.ResourceType)
            && state.Get(StoreKey.ForResource(target)) is { } row
            && NexusCluster.HostOf(row) is { } host
            ? [host, target]
            : [target];
    }

    private static IEnumerable<RuleSet> RuleSetsAt(StoreState state, ResourceId place)
    {
        if (place.Type != RelayNamespace.ResourceType)
            return
                state.Get(StoreKey.ForResource(place.Extend(NetworkRuleSet.ResourceType, NetworkRuleSet.DefaultName)))
                    is { } row
                ? [RuleSet.Read(row)]
                : [];
        // A namespace can be shut by itself, whatever its rule set says.
        var ofNamespace =
            state.Get(StoreKey.ForResource(place)) is { } own && RelayNamespace.IsPublicAccessDisabled(own)
                ? new RuleSet(place, DisplayNameOf(place), false, []) { IsClosed = true }
                : null;
        var written = state.Get(StoreKey.ForResource(NamespaceRuleSet.IdOf(place))) is { } set
            ? RuleSet.Read(set)
            : null;
        return new[] { ofNamespace, written }.OfType<RuleSet>();
    }
}
