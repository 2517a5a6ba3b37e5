using System.Collections.Immutable;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>
/// How a network reaches pods or nodes. One sealed class per plugin; nothing outside of this folder asks which plugin
/// it is, only what it does.
/// </summary>
internal interface IPlugin
{
    /// <summary>Its name: a value of the member <c>pluginType</c>.</summary>
    string Name { get; }

    /// <summary>Whether pods are given its interfaces, by a NetworkAttachmentDefinition.</summary>
    bool ServesPods { get; }

    /// <summary>Whether the node itself leases an address on each L3 network that it reaches this way.</summary>
    bool LeasesForNode { get; }

    /// <summary>The driver that the devices must have which pods are given; null where it gives no devices.</summary>
    FunctionDriver? DeviceDriver { get; }

    /// <summary>Whether each pod is given a device of its own, from a pool.</summary>
    bool NeedsDevices => DeviceDriver is not null;

    /// <summary>
    /// Whether its interfaces stand on the port that carries the network. Devices are beside the port: the card sorts
    /// their frames out by MAC address and VLAN.
    /// </summary>
    bool StandsOnPort => !NeedsDevices;

    /// <summary>Whether the node has a sub-interface for each VLAN of a trunk.</summary>
    bool SplitsTrunks { get; }

    /// <summary>Whether a trunk's pods stand on the port itself and tag there.</summary>
    bool TagsOnPort { get; }

    /// <summary>
    /// Whether it renders one definition more for each VLAN of a trunk, whose pods lease from the L3 network there: true
    /// for those that can tag for the pod.
    /// </summary>
    bool HasPerVlanDefinitions { get; }

    /// <summary>
    /// Whether its definition is another one on virtual nodes than on bare metal, so that one can't serve both.
    /// </summary>
    bool DependsOnMachineType { get; }

    /// <summary>The CNI plugins that its definitions name, for lint.</summary>
    ImmutableArray<CniBinary> Binaries { get; }

    /// <summary>Why it can't serve a type of network.</summary>
    /// <returns>A clause that follows "because", or null where it can.</returns>
    string? ReasonNotServing(NetworkType type);

    /// <summary>The Kubernetes objects of an attachment.</summary>
    /// <returns>The objects; none where the plugin serves the node alone.</returns>
    IEnumerable<Manifest> RenderManifests(AttachedNetwork attached);

    /// <summary>What a node must have for an attachment.</summary>
    NodePart RenderNode(AttachedNetwork attached, AttachedNode node);
}
