using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What the relay leads to, and what stands above it.</summary>
public static class Targets
{
    /// <summary>The service of Kubernetes clusters: their API server.</summary>
    public const string Kubernetes = "kubernetes";

    /// <summary>The service of nodes and machines: their SSH server.</summary>
    public const string Ssh = "ssh";

    /// <summary>What a resource is called in answers and logs.</summary>
    /// <returns>Such as <c>cluster core-east</c>, <c>node w1 of core-east</c>.</returns>
    public static string PlaceOf(ResourceId id)
    {
        return id.Type == NexusCluster.ResourceType ? $"Nexus Cluster {id.Name}"
            : id.Type == KubernetesCluster.ResourceType ? $"cluster {id.Name}"
            : id.Type == Node.ResourceType ? $"node {id.Name} of {id.Parent!.Name}"
            : id.Type == VirtualMachine.ResourceType ? $"machine {id.Name}"
            : id.Type == RelayNamespace.ResourceType ? $"namespace {id.Name}"
            : id.Type == HybridConnection.ResourceType ? $"hybrid connection {id.Parent!.Name}/{id.Name}"
            : id.ToString();
    }

    /// <summary>The services that can be asked for at a resource or what it hosts; one empty name where they have no names.</summary>
    public static ImmutableArray<string> ServicesOf(ResourceType type) =>
        type == KubernetesCluster.ResourceType ? [Kubernetes]
        : type == Node.ResourceType || type == VirtualMachine.ResourceType ? [Ssh]
        : type == NexusCluster.ResourceType ? [Kubernetes, Ssh] : [""];

    /// <summary>Whether a resource can be asked about: it has a hybrid connection, or hosts what has one.</summary>
    public static bool IsTarget(ResourceType type) => NetworkRuleSet.Places.Contains(type) || type == RelayNamespace.ResourceType;

    /// <summary>The rule sets a caller must pass to reach a resource, the widest first.</summary>
    /// <returns>The sets; none where nobody wrote any.</returns>
    public static ImmutableArray<RuleSet> RuleSetsOf(Image image, ResourceId target)
    {
        return [.. PathTo(image, target).SelectMany(place => SetsAt(image, place))];
    }

    /// <summary>A resource and what hosts it, the widest first.</summary>
    private static IEnumerable<ResourceId> PathTo(Image image, ResourceId target)
    {
        if (target.Type == Node.ResourceType || target.Type == HybridConnection.ResourceType)
            return PathTo(image, target.Parent!).Append(target);
        return (target.Type == KubernetesCluster.ResourceType || target.Type == VirtualMachine.ResourceType)
            && image.Get(StoreKey.Of(target)) is { } row && NexusCluster.HostOf(row) is { } host ? [host, target] : [target];
    }

    private static IEnumerable<RuleSet> SetsAt(Image image, ResourceId place)
    {
        if (place.Type != RelayNamespace.ResourceType)
            return image.Get(StoreKey.Of(place.Extend(NetworkRuleSet.ResourceType, NetworkRuleSet.OnlyName))) is { } row ? [RuleSet.Of(row)] : [];
        // A namespace can be shut by itself, whatever its rule set says.
        var ofNamespace = image.Get(StoreKey.Of(place)) is { } own && RelayNamespace.IsShut(own) ? new RuleSet(place, PlaceOf(place), false, []) { IsShut = true } : null;
        var written = image.Get(StoreKey.Of(place.Child("networkRuleSets", NetworkRuleSet.OnlyName))) is { } set ? RuleSet.Of(set) : null;
        return new[] { ofNamespace, written }.OfType<RuleSet>();
    }
}
