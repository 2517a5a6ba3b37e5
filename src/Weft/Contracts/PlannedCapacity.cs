namespace Weft.Contracts;

/// <summary>How full things are after a plan.</summary>
/// <remarks>Source: docs/specs/resource-api.md, "Questions".</remarks>
internal sealed record PlannedCapacity(
    IReadOnlyList<AddressCapacity> Addresses,
    IReadOnlyList<FunctionCapacity> Functions,
    IReadOnlyList<VlanCapacity> Vlans,
    IReadOnlyList<HugepageCapacity> Hugepages
);

/// <summary>A subnet's addresses.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="Size">How many it has, in digits: an IPv6 subnet's number is no JSON number.</param>
/// <param name="Held">How many of the family are held before.</param>
/// <param name="FreeAfter">How many can be given away then, in digits.</param>
internal sealed record AddressCapacity(
    string Network,
    string Family,
    string Prefix,
    string Size,
    long Held,
    long HeldAfter,
    string FreeAfter
);

/// <summary>A port's virtual functions.</summary>
/// <param name="Node"><c>CLUSTER/NODE</c>.</param>
/// <param name="Declared">How many the node's uplink declares.</param>
/// <param name="Made">How many the node has made; null where it has reported no inventory.</param>
/// <param name="Total">How many the card can have; null where it has reported no inventory.</param>
internal sealed record FunctionCapacity(
    string Node,
    string Port,
    int Declared,
    int? Made = null,
    int? Total = null,
    IReadOnlyList<NetworkFunctionCapacity>? Networks = null
);

/// <summary>A network's virtual functions on a port.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="Pooled">How many the device plugin's pool would find; null where that is unknown.</param>
internal sealed record NetworkFunctionCapacity(string Network, int Declared, int? Pooled = null);

/// <summary>The VLANs of a node's trunk port, or of each virtual function whose workload tags for itself.</summary>
/// <param name="Node"><c>CLUSTER/NODE</c>.</param>
/// <param name="Network">The network's id, where it is about functions.</param>
/// <param name="Functions">How many functions carry them.</param>
/// <param name="Limit">How many VLANs the card lets one function have; null for no limit that is known.</param>
internal sealed record VlanCapacity(
    string Node,
    string Port,
    string? Network = null,
    int? Functions = null,
    int Vlans = 0,
    int? Limit = null
);

/// <summary>A node's huge pages.</summary>
/// <param name="Node"><c>CLUSTER/NODE</c>.</param>
/// <param name="Kilobytes">The size of one, in KiB.</param>
/// <param name="Total">How many there are; null where the node has reported no inventory.</param>
internal sealed record HugepageCapacity(string Node, int Kilobytes, long Wanted, long? Total = null, long? Free = null);
