using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>What a manifest is judged against.</summary>
internal sealed record LintContext(ImmutableArray<NetworkAttachmentDefinition> Definitions)
{
    /// <summary>Nothing known.</summary>
    public static LintContext Unknown { get; } = new([]) { IsComplete = false };

    /// <summary>
    /// Whether <see cref="Definitions"/> is all that the cluster has; where it isn't, a definition that isn't found may
    /// still be there.
    /// </summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>Whether Multus runs with <c>namespaceIsolation</c>.</summary>
    public bool NamespaceIsolation { get; init; }

    /// <summary>
    /// Namespaces that all may refer to under isolation; <c>default</c> always is one. Source: Multus,
    /// <c>globalNamespaces</c>.
    /// </summary>
    public ImmutableArray<string> GlobalNamespaces { get; init; } = ["default"];

    /// <summary>What is known of Weft's networks, by the key of their id.</summary>
    public ImmutableDictionary<string, NetworkFacts> Networks { get; init; } =
        ImmutableDictionary<string, NetworkFacts>.Empty;

    /// <summary>
    /// The device pools that the cluster's device plugins make, by full resource name (<c>weft.dev/n6</c>); empty where
    /// none is known.
    /// </summary>
    public ImmutableDictionary<string, DevicePluginResource> Pools { get; init; } =
        ImmutableDictionary<string, DevicePluginResource>.Empty;

    /// <summary>How many devices of a resource the best node has; a resource that isn't here is unknown.</summary>
    public ImmutableDictionary<string, long> Capacity { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>
    /// The release of the installed CNI plugins where the nodes say it (<c>1.4.0</c>): the oldest of all nodes.
    /// </summary>
    public ImmutableDictionary<string, string> PluginReleases { get; init; } =
        ImmutableDictionary<string, string>.Empty;

    /// <summary>The context of an agent: the desired state of its cluster.</summary>
    /// <param name="manifests">What is rendered for the cluster.</param>
    /// <param name="networks">What is known of the networks that are rendered.</param>
    /// <param name="foreign">Definitions of the cluster that aren't Weft's.</param>
    public static LintContext FromDesiredState(
        IEnumerable<JsonElement> manifests,
        IEnumerable<NetworkFacts> networks,
        IEnumerable<NetworkAttachmentDefinition>? foreign = null
    )
    {
        var drawn = FromManifests(manifests);
        var known = drawn.Definitions.Select(d => d.Title).ToHashSet(StringComparer.Ordinal);
        return drawn with
        {
            Definitions = [.. drawn.Definitions, .. (foreign ?? []).Where(d => !known.Contains(d.Title))],
            IsComplete = foreign is not null,
            Networks = networks.ToImmutableDictionary(network => network.Id.Key),
        };
    }

    /// <summary>The context that a folder of manifests makes.</summary>
    public static LintContext FromManifests(IEnumerable<JsonElement> manifests)
    {
        var all = manifests.ToList();
        var pools = ImmutableDictionary.CreateBuilder<string, DevicePluginResource>();
        foreach (var pool in all.SelectMany(DevicePluginResource.ReadAll))
            pools.TryAdd(pool.Name, pool);
        return new LintContext([
            .. all.Select(m => NetworkAttachmentDefinition.Read(m)).OfType<NetworkAttachmentDefinition>(),
        ])
        {
            Pools = pools.ToImmutable(),
            Capacity = MaxAllocatable(all),
        };
    }

    /// <summary>
    /// The most devices that one node has, where nodes are among the manifests (<c>kubectl get nodes -o yaml</c>).
    /// </summary>
    private static ImmutableDictionary<string, long> MaxAllocatable(List<JsonElement> manifests)
    {
        var most = ImmutableDictionary.CreateBuilder<string, long>();
        foreach (
            var resource in manifests
                .Where(m => m.Text("kind") == "Node")
                .Select(m => m.Member("status").Member("allocatable"))
                .Where(a => a.ValueKind == JsonValueKind.Object)
                .SelectMany(a => a.EnumerateObject())
                .Where(r => r.Name.Contains('/', StringComparison.Ordinal))
        )
        {
            if (
                long.TryParse(resource.Value.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            )
                most[resource.Name] = Math.Max(count, most.GetValueOrDefault(resource.Name));
        }

        return most.ToImmutable();
    }

    /// <summary>What is known of the network that a definition was rendered for.</summary>
    /// <returns>The facts, or null.</returns>
    public NetworkFacts? NetworkOf(NetworkAttachmentDefinition definition)
    {
        return ResourceId.TryParse(definition.Network, out var id) ? Networks.GetValueOrDefault(id.Key) : null;
    }
}
