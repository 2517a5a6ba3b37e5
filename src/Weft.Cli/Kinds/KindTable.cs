using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Cli.Kinds;

/// <summary>The kinds that <c>weft</c> knows by name, what is depended upon first.</summary>
internal static class KindTable
{
    /// <summary>The version of Weft's own types and questions.</summary>
    public const string WeftApiVersion = FleetVersions.Newest;

    private static readonly KindIndex Index = new(AllKinds.List.All);

    /// <summary>Resource groups.</summary>
    public static readonly Kind Groups = Of(ResourceId.ResourceGroupType);

    /// <summary>L2 isolation domains.</summary>
    public static readonly Kind L2Domains = Of(L2IsolationDomain.ResourceType);

    /// <summary>L3 isolation domains.</summary>
    public static readonly Kind L3Domains = Of(L3IsolationDomain.ResourceType);

    /// <summary>L3 networks.</summary>
    public static readonly Kind L3Networks = Of(L3Network.ResourceType);

    /// <summary>Kubernetes clusters.</summary>
    public static readonly Kind KubernetesClusters = Of(KubernetesCluster.ResourceType);

    /// <summary>Virtual machines.</summary>
    public static readonly Kind VirtualMachines = Of(VirtualMachine.ResourceType);

    /// <summary>Nodes of Kubernetes clusters.</summary>
    public static readonly Kind Nodes = Of(Node.ResourceType);

    /// <summary>Agents of Kubernetes clusters.</summary>
    public static readonly Kind Agents = Of(Agent.ResourceType);

    /// <summary>All kinds, in the order in which they depend on each other.</summary>
    public static ImmutableArray<Kind> All => Index.All;

    /// <summary>The kind of a type that is surely there.</summary>
    public static Kind Of(ResourceType declared) => Index.FindByType(declared)!;

    /// <inheritdoc cref="KindIndex.Find"/>
    public static Kind? Find(string text) => Index.Find(text);

    /// <inheritdoc cref="KindIndex.FindByType"/>
    public static Kind? FindByType(ResourceType type) => Index.FindByType(type);

    /// <summary>The kind that somebody means on the command line.</summary>
    /// <exception cref="CliError">There is none; the near ones are named.</exception>
    public static Kind Require(string text) =>
        Find(text) ?? throw CliError.Usage($"there is no kind '{text}'", KindSuggestions.HintFor(text));

    /// <inheritdoc cref="KindIndex.Rank"/>
    public static int Rank(ResourceType type) => Index.Rank(type);
}
