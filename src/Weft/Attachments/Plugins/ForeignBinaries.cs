using System.Collections.Immutable;

namespace Weft.Attachments.Plugins;

/// <summary>CNI plugins that nothing here renders a definition for, but that people's own definitions name.</summary>
/// <remarks>Source: containernetworking/plugins, <c>plugins/main</c>.</remarks>
internal static class ForeignBinaries
{
    /// <summary>A bridge on the node, whose ports pods are.</summary>
    public static readonly CniBinary Bridge = new("bridge") { ReadsVlanTrunkSince = new Version(1, 3, 0) };

    private static readonly CniBinary Vlan = new("vlan") { IgnoresMac = true };

    /// <summary>All of them.</summary>
    public static ImmutableArray<CniBinary> All { get; } = [Bridge, Vlan];
}
