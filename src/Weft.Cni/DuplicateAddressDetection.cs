using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>
/// IPv6's duplicate address detection of a pod's interface (RFC 4862, section 5.4), for which upstream plugins wait one to
/// two seconds. Nobody else is leased the address, so it is switched off before they set it, unless the pool says otherwise.
/// </summary>
/// <remarks>
/// macvlan, ipvlan, sriov and host-device have made the interface by the time they ask for addresses, so it is there to be
/// told. docs/specs/cni.md, "Duplicate address detection".
/// </remarks>
internal static class DuplicateAddressDetection
{
    /// <summary>Switches it off for the interface that a lease is for.</summary>
    /// <remarks>A pod gets its address all the same where that can't be done: it waits as it would without.</remarks>
    internal static void SkipFor(PodLease lease, IHost host, Invocation invocation)
    {
        if (
            lease.DetectsDuplicates == true
            || !lease.Addresses.Any(leased => leased.ParsedAddress?.Family == AddressFamily.IPv6)
            || host.GetVariable("CNI_NETNS") is not { } space
        )
            return;
        var file = $"/proc/sys/net/ipv6/conf/{invocation.Interface}/accept_dad";
        if (host.TryWriteInNamespace(space, file, "0"u8) is { } why)
            host.Log($"{file} in {space} can't be written, so the address is tested for duplicates: {why}");
    }
}
