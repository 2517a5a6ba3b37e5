using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;

namespace Weft.Cni;

/// <summary>One address of a lease.</summary>
/// <param name="Address">The address with the network's prefix length, as the agent spelt it.</param>
/// <param name="Gateway">The network's gateway, or null where it has none.</param>
internal sealed record IPConfig(AddressFamily Family, string Address, string? Gateway);

/// <summary>What the agent leases to an interface.</summary>
/// <param name="Addresses">One per family of the network, IPv4 first; never empty.</param>
/// <remarks>docs/specs/agent-socket.md, "Answer".</remarks>
internal sealed record AgentLease(IReadOnlyList<IPConfig> Addresses, IReadOnlyList<CniRoute> Routes)
{
    /// <summary>Reads a lease. A pod must not be wired with half of one, so anything odd makes it none.</summary>
    /// <param name="json">The <c>lease</c> of an answer.</param>
    /// <exception cref="JsonException">A member is of another kind.</exception>
    internal static bool TryRead(JsonElement json, [NotNullWhen(true)] out AgentLease? lease)
    {
        lease = null;
        var addresses = new List<IPConfig>();
        foreach (var item in json.ListOf("addresses"))
        {
            if (!TryReadAddress(item, out var address))
                return false;
            addresses.Add(address);
        }

        var routes = new List<CniRoute>();
        foreach (var item in json.ListOf("routes"))
        {
            if (!CniRoute.TryRead(item, out var route))
                return false;
            routes.Add(route);
        }

        if (addresses.Count == 0)
            return false;
        lease = new AgentLease(addresses, routes);
        return true;
    }

    private static bool TryReadAddress(JsonElement item, [NotNullWhen(true)] out IPConfig? leased)
    {
        leased = null;
        if (item.ValueKind != JsonValueKind.Object || item.TextOf("address") is not { } text)
            return false;
        var gateway = item.TextOf("gateway");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (
            slash < 0
            || !Address.TryParse(text[..slash], out var address)
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length > address.Bits
            || (gateway is not null && !Address.TryParse(gateway, out _))
        )
            return false;
        leased = new IPConfig(address.Family, text, gateway);
        return true;
    }
}
