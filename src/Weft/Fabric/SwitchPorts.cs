using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// A VLAN that is open on the fabric's ports of a machine: the unit in which a driver of a fabric would configure
/// switches (docs/checklists/add-a-fabric-driver.md).
/// </summary>
/// <param name="Machine">The machine behind the port, as plans name it.</param>
/// <param name="Network">The id of the network that wants the VLAN there.</param>
/// <param name="Id">The machine's or node's own id.</param>
internal sealed record SwitchPort(string Machine, int Vlan, string Network, ResourceId Id);

/// <summary>What becomes of one open VLAN.</summary>
/// <param name="Opens">Whether it is opened; otherwise it is closed.</param>
internal sealed record SwitchPortChange(bool Opens, SwitchPort Port);

/// <summary>All VLANs that are open in one state of the store.</summary>
/// <param name="Open">The open VLANs, in the order in which they were found.</param>
internal sealed record SwitchPorts(ImmutableArray<SwitchPort> Open)
{
    /// <summary>The changes that lead to another state, by machine and VLAN.</summary>
    /// <returns>Of one machine's VLAN what is closed stands before what is opened.</returns>
    public IEnumerable<SwitchPortChange> ChangesTo(SwitchPorts after)
    {
        var closed = Open.Except(after.Open).Select(port => new SwitchPortChange(false, port));
        var opened = after.Open.Except(Open).Select(port => new SwitchPortChange(true, port));
        return closed
            .Concat(opened)
            .OrderBy(change => change.Port.Machine, StringComparer.Ordinal)
            .ThenBy(change => change.Port.Vlan);
    }
}
