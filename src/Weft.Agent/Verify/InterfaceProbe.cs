using Weft.Addressing;
using Weft.Attachments.Verification;
using Weft.Resources;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verify;

/// <summary>Proves one interface, hop by hop, nearest first. It runs in the namespace of the calling thread.</summary>
/// <param name="plan">What must be true.</param>
internal sealed class InterfaceProbe(InterfacePlan plan, ProbePace pace)
{
    // Each silent tag costs some seconds; a few tell as much as all.
    private const int MostTags = 8;

    // Of nobody, by RFC 5737: it is asked for where only the sending matters.
    private static readonly Address Nobody = Address.Parse("192.0.2.1").Value;

    private readonly List<Check> _checks = [];

    /// <summary>Makes the checks.</summary>
    public InterfaceReport Run()
    {
        var links = LinkState.All();
        if (Link(links) is { } link)
        {
            using var prober = new Prober(link, links.Values.Where(l => !l.Mac.IsEmpty).Select(l => Prober.Text(l.Mac.AsSpan())).ToHashSet(), pace);
            Duplicates(link, prober);
            Gateways(link, prober);
            Tags(prober);
        }

        return new InterfaceReport(plan.Network, plan.Interface, [.. _checks.OrderBy(c => c.Hop)]);
    }

    /// <summary>The interface itself; null where nothing can be asked over it.</summary>
    private LinkState? Link(Dictionary<string, LinkState> links)
    {
        if (!links.TryGetValue(plan.Interface, out var link))
        {
            var near = NearWords.Of(plan.Interface, links.Keys);
            Fail(Hop.Interface, $"there is no interface '{plan.Interface}'; {(near.Count > 0 ? $"near it: {string.Join(", ", near)}" : $"there are {string.Join(", ", links.Keys.Order(StringComparer.Ordinal))}")}");
            return null;
        }

        Pass(Hop.Interface, $"'{link.Name}' is there{(link.Mac.IsEmpty ? "" : $", {Prober.Text(link.Mac.AsSpan())}")}");
        if (!link.IsUp)
        {
            Fail(Hop.Up, "the interface is down");
            return null;
        }

        Pass(Hop.Up, "up");
        if (!link.HasCarrier)
        {
            Fail(Hop.Carrier, "the interface has no carrier: nothing is at the other end of the cable, or what it stands on is down");
            return null;
        }

        Pass(Hop.Carrier, "carrier");
        if (plan.Mtu is { } mtu)
            Say(Hop.Mtu, link.Mtu == mtu, link.Mtu == mtu ? $"{mtu} bytes" : $"the MTU is {link.Mtu}, and {mtu} is wanted");
        if (!plan.Addresses.IsEmpty)
        {
            var missing = plan.Addresses.Where(a => !link.Addresses.Contains(a)).Select(a => $"{a.Address}/{a.Length}").ToList();
            Say(Hop.Addresses, missing.Count == 0, missing.Count == 0 ? string.Join(", ", plan.Addresses.Select(a => $"{a.Address}/{a.Length}")) : $"{string.Join(" and ", missing)} {(missing.Count == 1 ? "is" : "are")} missing");
        }

        if (!link.Mac.IsEmpty)
            return link;
        Skip(Hop.Gateway, "the interface has no MAC address, so nobody can be asked over it");
        return null;
    }

    private void Duplicates(LinkState link, Prober prober)
    {
        foreach (var (address, _) in link.Addresses.Where(a => !IsLinkLocal(a.Address)))
        {
            var other = prober.Find(address, null).Mac;
            if (other is not null)
                Fail(Hop.Duplicate, $"{address} is {Prober.Text(other)}'s too", address.Family);
            else if (link.KnownDuplicates.Contains(address))
                Fail(Hop.Duplicate, $"{address}: the kernel found another host with it and doesn't use it", address.Family);
            else
                Pass(Hop.Duplicate, $"nobody else has {address}", address.Family);
        }
    }

    private void Gateways(LinkState link, Prober prober)
    {
        var found = plan.Gateways.Select(gateway => (Gateway: gateway, Source: SourceFor(link, gateway))).Select(g => (g.Gateway, g.Source, Neighbour: prober.Find(g.Gateway, g.Source))).ToList();
        // Whoever is heard on the VLAN, the switch lets it through.
        var isHeard = found.Any(f => f.Neighbour.HeardAny);
        foreach (var (gateway, source, neighbour) in found)
        {
            if (neighbour.Mac is { } mac)
            {
                Pass(Hop.Gateway, $"{gateway} is at {Prober.Text(mac)}", gateway.Family);
                PathMtu(prober, gateway, source, mac);
            }
            else if (neighbour.IsDropped)
            {
                Fail(Hop.Vlan, "the node's own filter drops what is sent", gateway.Family);
            }
            else if (!isHeard && plan.Vlan is { } vlan)
            {
                Fail(Hop.Vlan, $"{gateway} is silent, and no frame at all comes in: is VLAN {vlan} let through at the switch's port?", gateway.Family);
            }
            else
            {
                Fail(Hop.Gateway, $"{gateway} is silent{(isHeard ? ", and others are heard on the network" : "")}", gateway.Family);
            }
        }

        if (plan.Vlan is not null && isHeard)
            Pass(Hop.Vlan, $"frames of VLAN {plan.Vlan} come in");
    }

    private void PathMtu(Prober prober, Address gateway, Address? source, byte[] mac)
    {
        if (source is not { } from)
        {
            Skip(Hop.PathMtu, $"the interface has no {gateway.Family} address to be answered at", gateway.Family);
            return;
        }

        if (plan.Mtu is not { } wanted)
            return;
        var size = prober.Measure(gateway, mac, from, wanted);
        if (size.Largest >= wanted)
            Pass(Hop.PathMtu, $"{wanted} bytes to {gateway} and back in one piece", gateway.Family);
        else if (size.Largest == 0)
            Skip(Hop.PathMtu, $"{gateway} answers no ping of any size", gateway.Family);
        else if (size.TooLong)
            Fail(Hop.PathMtu, $"the interface takes {size.Largest} bytes at most, and {wanted} are wanted", gateway.Family);
        else
            Fail(Hop.PathMtu, $"{size.Largest} bytes to {gateway} and back are the most, and {wanted} are wanted{(size.Named is { } named ? $"; a router on the way names {named}" : "")}", gateway.Family);
    }

    private void Tags(Prober prober)
    {
        string? control = null;
        foreach (var tag in plan.Tags.Where(t => t.Passes).Take(MostTags))
        {
            var neighbour = prober.Find(tag.Gateway, null, tag.Vlan);
            if (neighbour.Mac is not null)
                control ??= $"{tag.Gateway} on VLAN {tag.Vlan}";
            Say(Hop.TagPasses, neighbour.Mac is not null, neighbour.Mac is { } mac ? $"VLAN {tag.Vlan}: {tag.Gateway} is at {Prober.Text(mac)}"
                : neighbour.IsDropped ? $"VLAN {tag.Vlan} is of the trunk, and the node's own filter drops it" : $"VLAN {tag.Vlan}: {tag.Gateway} is silent{(neighbour.HeardAny ? "" : ", and nothing of that VLAN comes in")}", tag.Gateway.Family);
        }

        foreach (var tag in plan.Tags.Where(t => !t.Passes).Take(MostTags))
        {
            var neighbour = prober.Find(tag.Gateway, null, tag.Vlan);
            if (neighbour.Mac is { } mac)
                Fail(Hop.TagDropped, $"VLAN {tag.Vlan} isn't of the trunk, and {tag.Gateway} at {Prober.Text(mac)} answers on it", tag.Gateway.Family);
            else if (neighbour.IsDropped)
                Pass(Hop.TagDropped, $"VLAN {tag.Vlan} is dropped by the node's own filter", tag.Gateway.Family);
            else if (control is not null)
                Pass(Hop.TagDropped, $"VLAN {tag.Vlan}: {tag.Gateway} is silent, while {control} answers", tag.Gateway.Family);
            else
                Skip(Hop.TagDropped, $"VLAN {tag.Vlan}: nobody answers, but nobody answers on a VLAN of the trunk either", tag.Gateway.Family);
        }

        if (plan.Trunk is { } trunk && !plan.Tags.Any(t => !t.Passes) && Enumerable.Range(1, 4094).FirstOrDefault(v => !trunk.Contains(v)) is > 0 and var outside)
        {
            if (prober.Find(Nobody, null, outside).IsDropped)
                Pass(Hop.TagDropped, $"VLAN {outside} is dropped by the node's own filter");
            else
                Skip(Hop.TagDropped, $"VLAN {outside} isn't of the trunk; nothing on this node drops it, and nobody is known who would answer on it");
        }
    }

    /// <summary>An address of the interface's own to ask from: one in the target's subnet before any other, a link-local one last.</summary>
    private static Address? SourceFor(LinkState link, Address target)
    {
        var own = link.Addresses.Where(a => a.Address.Family == target.Family && !link.KnownDuplicates.Contains(a.Address))
            .OrderBy(a => Prefix.Of(a.Address, a.Length).Contains(target) ? 0 : IsLinkLocal(a.Address) ? 2 : 1).ToList();
        return own.Count > 0 ? own[0].Address : null;
    }

    private static bool IsLinkLocal(Address address) => address.Family == AddressFamily.IPv6 ? address.Value >> 118 == 0x3fa : address.Value >> 16 == 0xa9fe;

    private void Say(Hop hop, bool isGood, string message, AddressFamily? family = null) => _checks.Add(new Check(hop, isGood ? CheckState.Passed : CheckState.Failed, message, family?.ToString()));

    private void Pass(Hop hop, string message, AddressFamily? family = null) => Say(hop, true, message, family);

    private void Fail(Hop hop, string message, AddressFamily? family = null) => Say(hop, false, message, family);

    private void Skip(Hop hop, string message, AddressFamily? family = null) => _checks.Add(new Check(hop, CheckState.Skipped, message, family?.ToString()));
}
