namespace Weft.Cni.Trunk;

/// <summary>One VLAN of a trunk.</summary>
/// <param name="Mtu">The MTU of its interface in bytes; 0 for the parent's.</param>
/// <param name="Network">The ARM id of the L3Network whose pool gives addresses there, or null where nobody
/// does.</param>
internal sealed record TrunkVlan(int Id, int Mtu, string? Network)
{
    /// <summary>The addresses the pod wants there; without a pool each with the length of its prefix.</summary>
    internal IReadOnlyList<string> RequestedAddresses { get; init; } = [];

    /// <summary>Whether the upstream plugin can make an interface there: it makes none without an address.</summary>
    internal bool HasAddresses => Network is not null || RequestedAddresses.Count > 0;
}
