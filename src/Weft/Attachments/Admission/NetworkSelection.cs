using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Networks;

namespace Weft.Attachments.Admission;

/// <summary>One attachment that a pod asks for.</summary>
/// <param name="Index">Its place in the annotation, from 0: without a name of its own its interface is <c>net{Index +
/// 1}</c>.</param>
/// <param name="Namespace">The definition's namespace; the pod's own where the annotation names none.</param>
internal sealed record NetworkSelection(int Index, string Path, string Name, string Namespace)
{
    /// <summary>Whether the annotation names the namespace.</summary>
    public bool HasNamespace { get; init; }

    /// <summary>The interface asked for, or null.</summary>
    public string? Interface { get; init; }

    /// <summary>The addresses asked for.</summary>
    public ImmutableArray<string> Ips { get; init; } = [];

    /// <summary>The MAC address asked for, or null.</summary>
    public string? Mac { get; init; }

    /// <summary>The default routes asked for.</summary>
    public ImmutableArray<string> DefaultRoutes { get; init; } = [];

    /// <summary><c>cni-args</c>; undefined where there is none.</summary>
    public JsonElement CniArgs { get; init; }

    /// <summary>The definition, or null where it isn't known.</summary>
    public NetworkAttachmentDefinition? Definition { get; init; }

    /// <summary>The definition's configuration, or null where it isn't known or can't be read.</summary>
    public CniConfig? Config { get; init; }

    /// <summary>What is known of its network, or null.</summary>
    public NetworkFacts? Network { get; init; }

    /// <summary>The VLANs the pod may tag with, where it is on a trunk; else null.</summary>
    public VlanSet? Vlans => Definition?.Vlans ?? Network?.Vlans;

    /// <summary>The subnets that addresses must be of; none where the site knows of none.</summary>
    public ImmutableArray<Subnet> Subnets =>
        Network is null ? []
        : Network.Type != NetworkType.Trunked ? Network.Subnets
        : Definition?.Vlans is { Count: 1 } one && Config?.Binary.HasInterfacePerVlan != true
            ? Network.VlanSubnets.GetValueOrDefault(one.First(), [])
        : [];

    /// <summary><c>namespace/name</c>.</summary>
    public string Title => $"{Namespace}/{Name}";

    /// <summary>The interface it gets.</summary>
    public string InterfaceOrDefault => Interface ?? $"net{Index + 1}";
}
