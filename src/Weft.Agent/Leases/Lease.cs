using System.Text.Json.Serialization;
using Weft.Addressing;

namespace Weft.Agent.Leases;

/// <summary>One address of a lease.</summary>
/// <param name="Address">With the network's prefix length: <c>10.20.6.17/24</c>.</param>
/// <param name="Gateway">The network's gateway, or null where it has none.</param>
internal sealed record LeasedAddress(string Address, string? Gateway = null)
{
    /// <summary>The address alone, as a number; null where the text is none.</summary>
    [JsonIgnore]
    public Address? ParsedAddress
    {
        get
        {
            var slash = Address is null ? -1 : Address.IndexOf('/', StringComparison.Ordinal);
            return slash > 0 && Weft.Addressing.Address.TryParse(Address![..slash], out var address) ? address : null;
        }
    }
}

/// <summary>One route that goes with a lease.</summary>
/// <param name="Gw">The next hop; null for the gateway.</param>
internal sealed record LeaseRoute(string Dst, string? Gw = null);

/// <summary>What a holder got, as the control plane said it.</summary>
/// <param name="Addresses">One per family, IPv4 first.</param>
internal sealed record Lease(IReadOnlyList<LeasedAddress> Addresses, IReadOnlyList<LeaseRoute> Routes)
{
    /// <summary>Whether it holds at least one address and no text that is none.</summary>
    [JsonIgnore]
    public bool IsComplete =>
        Addresses is { Count: > 0 } && Routes is not null && Addresses.All(a => a.ParsedAddress is not null);

    /// <summary>Whether every one of some addresses is one of the lease.</summary>
    public bool Holds(IEnumerable<Address> addresses) =>
        addresses.All(wanted => Addresses.Any(held => held.ParsedAddress == wanted));
}

/// <summary>The answer to <c>acquire</c>.</summary>
internal sealed record LeaseResponse(Lease Lease);
