using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>The routes that a network configuration adds to those of the lease: <c>ipam.routes</c>.</summary>
internal static class ConfiguredRoutes
{
    /// <summary>Reads them.</summary>
    /// <param name="root">The network configuration, whose <c>ipam</c> is known to be an object.</param>
    internal static bool TryRead(
        JsonElement root,
        out List<LeaseRoute> routes,
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
            if (!LeaseRoute.TryRead(item, out var route))
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
