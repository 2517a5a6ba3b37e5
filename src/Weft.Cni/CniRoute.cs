using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Weft.Addressing;

namespace Weft.Cni;

/// <summary>A route of the result.</summary>
/// <param name="Family">The destination's family; results before 0.3.0 keep the families apart.</param>
/// <param name="Destination">The prefix, as its author spelt it.</param>
/// <param name="Gateway">The next hop, or null for the one of the address.</param>
internal sealed record CniRoute(AddressFamily Family, string Destination, string? Gateway)
{
    /// <summary>Reads <c>ipam.routes</c>.</summary>
    /// <param name="root">The network configuration, whose <c>ipam</c> is known to be an object.</param>
    internal static bool TryReadAll(
        JsonElement root,
        out List<CniRoute> routes,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (routes, error) = ([], null);
        foreach (var item in root.GetProperty("ipam").ListOf("routes"))
        {
            var path = $"ipam.routes[{routes.Count}]";
            error = FindUnknownMember(item, path);
            if (error is not null)
                return false;
            if (!TryRead(item, out var route))
            {
                error = CniError.InvalidConfiguration(
                    $"'{path}' is {item.GetRawText()}; it must be {{\"dst\",\"gw\"}} with a prefix without host bits and an address"
                );
                return false;
            }

            routes.Add(route);
        }

        return true;
    }

    /// <summary>Reads one route.</summary>
    /// <returns>True if its destination is a prefix and its gateway, where it has one, an address.</returns>
    /// <exception cref="JsonException">A member is something else than text.</exception>
    internal static bool TryRead(JsonElement item, [NotNullWhen(true)] out CniRoute? route)
    {
        route = null;
        if (item.ValueKind != JsonValueKind.Object || item.TextOf("dst") is not { } destination)
            return false;
        var gateway = item.TextOf("gw");
        if (!Prefix.TryParse(destination, out var prefix) || (gateway is not null && !Address.TryParse(gateway, out _)))
            return false;
        route = new CniRoute(prefix.Family, destination, gateway);
        return true;
    }

    private static CniError? FindUnknownMember(JsonElement item, string path)
    {
        if (item.ValueKind != JsonValueKind.Object)
            return null;
        foreach (var member in item.EnumerateObject())
        {
            if (member.Name is not ("dst" or "gw"))
                return IpamSection.UnknownMember($"{path}.{member.Name}", member.Value);
        }

        return null;
    }
}
