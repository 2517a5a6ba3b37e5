using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>Which subnets and destinations a policy refuses.</summary>
/// <param name="refuse">Takes each finding.</param>
internal sealed class PrefixRules(NodePolicy policy, NodeFacts facts, Action<PolicyFinding> refuse)
{
    private const string ReservedRule = "reserved",
        HalfRule = "half";

    /// <summary>RFC 6890, RFC 4291: what is the node itself, its link, or a group of receivers.</summary>
    private static readonly ImmutableArray<Prefix> Reserved =
    [
        .. new[] { "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10", "ff00::/8" }.Select(text =>
            Prefix.Parse(text).Value
        ),
    ];

    /// <summary>RFC 4291 §2.5.6.</summary>
    private static readonly Prefix LinkLocal = Prefix.Parse("fe80::/10").Value;

    /// <summary>RFC 4291 §2.4: all of IPv6 that is reached from elsewhere.</summary>
    private static readonly Prefix GlobalUnicast = Prefix.Parse("2000::/3").Value;

    /// <summary>Whether an address may be given to an interface.</summary>
    public bool AllowsAddress(string link, Address address, int length)
    {
        var subnet = Prefix.FromAddress(address, length);
        var member = $"links '{link}' addresses";
        // A link-local address is of its link alone, so it can't lead anything astray.
        return !LinkLocal.Contains(subnet)
            ? Allows(member, $"{address}/{length}", subnet, policy.Prefixes)
            : AllowsBy(policy.Prefixes, member, $"{address}/{length}", subnet);
    }

    /// <summary>Whether a route may be made.</summary>
    public bool AllowsRoute(string link, NodeRoute route)
    {
        var (member, value) = ($"links '{link}' routes", ValueOf(route));
        return AllowsBy(policy.Routes, member, value, route.To) && Allows(member, value, route.To, policy.Prefixes);
    }

    /// <summary>
    /// Takes routes and addresses away until what is left of a family covers less than half of its addresses: the widest
    /// first, all of one length together, so that halves of a half don't get on either.
    /// </summary>
    public ImmutableArray<NodeLink> WithoutHalves(ImmutableArray<NodeLink> links)
    {
        foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            while (WidestOf(links, family) is { } widest)
                links = [.. links.Select(link => Without(link, family, widest))];
        }

        return links;
    }

    /// <summary>A route as a person reads it.</summary>
    public static string ValueOf(NodeRoute route) => $"{route.To} via {route.Via}";

    private bool Allows(string member, string value, Prefix prefix, PrefixPolicy lists)
    {
        if (!AllowsBy(lists, member, value, prefix))
            return false;
        foreach (var reserved in Reserved.Where(reserved => reserved.Overlaps(prefix)))
        {
            refuse(new PolicyFinding(member, value, ReservedRule, $"{reserved} is no network's"));
            return false;
        }

        if (!policy.Management.IsProtected || policy.Management.MayOverlap.Any(within => within.Contains(prefix)))
            return true;
        if (facts.OwnPrefixes.FirstOrDefault(own => own.Prefix.Overlaps(prefix)) is not { } mine)
            return true;
        refuse(
            new PolicyFinding(
                member,
                value,
                ManagementPolicy.Rule,
                $"it overlaps {mine.Prefix}, {mine.What}; where that is meant, name it in management.mayOverlap"
            )
        );
        return false;
    }

    private bool AllowsBy(PrefixPolicy lists, string member, string value, Prefix prefix)
    {
        if (lists.RuleAgainst(prefix) is not { } rule)
            return true;
        refuse(new PolicyFinding(member, value, rule, $"weftd has no say about {prefix} here"));
        return false;
    }

    /// <summary>The least length that must go; null where half is not covered.</summary>
    private static int? WidestOf(ImmutableArray<NodeLink> links, AddressFamily family)
    {
        var prefixes = links.SelectMany(PrefixesOf).Where(prefix => prefix.Family == family).ToList();
        return
            CoversHalf(prefixes, Prefix.FromAddress(new Address(family, 0), 0))
            || (family == AddressFamily.IPv6 && CoversHalf(prefixes, GlobalUnicast))
            ? prefixes.Min(prefix => prefix.Length)
            : null;
    }

    private static IEnumerable<Prefix> PrefixesOf(NodeLink link) =>
        link
            .Routes.Select(route => route.To)
            .Concat(link.Addresses.Select(a => Prefix.FromAddress(a.Address, a.Length)));

    /// <summary>Whether prefixes together cover half of a space, each address counted once.</summary>
    private static bool CoversHalf(IEnumerable<Prefix> prefixes, Prefix space)
    {
        UInt128 covered = 0,
            next = space.Network.Value;
        // A prefix that is wider than the space covers all of it.
        var parts = prefixes.Select(prefix => prefix.Contains(space) ? space : prefix).Where(space.Contains);
        foreach (var part in parts.OrderBy(part => part.Network.Value).ThenBy(part => part.Length))
        {
            if (part == space)
                return true;
            // Prefixes nest or are apart: what begins before the next address lies in one that was counted.
            if (part.Network.Value < next)
                continue;
            covered += SizeOf(part);
            next = part.Last.Value == UInt128.MaxValue ? part.Last.Value : part.Last.Value + 1;
        }

        return covered >= UInt128.One << (space.Network.Bits - space.Length - 1);
    }

    private static UInt128 SizeOf(Prefix prefix) => prefix.Last.Value - prefix.Network.Value + 1;

    private NodeLink Without(NodeLink link, AddressFamily family, int length)
    {
        var (addresses, routes) = (
            link.Addresses.RemoveAll(a => a.Address.Family == family && a.Length == length),
            link.Routes.RemoveAll(route => route.To.Family == family && route.To.Length == length)
        );
        foreach (var (address, _) in link.Addresses.Except(addresses))
            RefuseHalf($"links '{link.Name}' addresses", $"{address}/{length}", family);
        foreach (var route in link.Routes.Except(routes))
            RefuseHalf($"links '{link.Name}' routes", ValueOf(route), family);
        return link with { Addresses = addresses, Routes = routes };
    }

    private void RefuseHalf(string member, string value, AddressFamily family) =>
        refuse(
            new PolicyFinding(
                member,
                value,
                HalfRule,
                $"all that is wanted of {family} together covers half of its addresses or more, and this is the widest of it"
            )
        );
}
