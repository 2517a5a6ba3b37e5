using Weft.Addressing;
using Weft.Attachments.Verification;
using Weft.Resources;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verification;

/// <summary>Proves one interface, hop by hop, nearest first. It runs in the namespace of the calling thread.</summary>
/// <param name="expectation">What must be true.</param>
internal sealed class InterfaceProbe(InterfaceExpectation expectation, ProbeTimings timings)
{
    // Each silent tag costs some seconds; a few tell as much as all.
    private const int MaxTags = 8;

    // An address for documentation (RFC 5737), which no host has: only whether the request can be sent matters.
    private static readonly Address Nobody = Address.Parse("192.0.2.1").Value;

    private readonly List<Check> _checks = [];

    /// <summary>Makes the checks.</summary>
    public InterfaceReport Run()
    {
        var links = LinkState.ReadAll();
        if (CheckLink(links) is { } link)
        {
            using var prober = new NeighbourProber(
                link,
                links.Values.Where(l => !l.Mac.IsEmpty).Select(l => MacAddress.Format(l.Mac.AsSpan())).ToHashSet(),
                timings
            );
            CheckDuplicates(link, prober);
            CheckGateways(link, prober);
            CheckTags(prober);
        }

        return new InterfaceReport(expectation.Network, expectation.Interface, [.. _checks.OrderBy(c => c.Hop)]);
    }

    /// <summary>The interface itself; null where nothing can be asked over it.</summary>
    private LinkState? CheckLink(Dictionary<string, LinkState> links)
    {
        if (!links.TryGetValue(expectation.Interface, out var link))
        {
            Fail(CheckHop.Interface, DescribeMissing(links.Keys));
            return null;
        }

        var mac = link.Mac.IsEmpty ? "" : $", {MacAddress.Format(link.Mac.AsSpan())}";
        Pass(CheckHop.Interface, $"'{link.Name}' is there{mac}");
        if (!CheckUp(link))
            return null;
        CheckMtu(link);
        CheckAddresses(link);
        if (!link.Mac.IsEmpty)
            return link;
        Skip(CheckHop.Gateway, "the interface has no MAC address, so nobody can be asked over it");
        return null;
    }

    private string DescribeMissing(IReadOnlyCollection<string> names)
    {
        var near = Suggestions.Find(expectation.Interface, names);
        var there =
            near.Count > 0
                ? $"near it: {string.Join(", ", near)}"
                : $"there are {string.Join(", ", names.Order(StringComparer.Ordinal))}";
        return $"there is no interface '{expectation.Interface}'; {there}";
    }

    private bool CheckUp(LinkState link)
    {
        AddCheck(CheckHop.Up, link.IsUp, link.IsUp ? "up" : "the interface is down");
        if (!link.IsUp)
            return false;
        AddCheck(
            CheckHop.Carrier,
            link.HasCarrier,
            link.HasCarrier
                ? "carrier"
                : "the interface has no carrier: nothing is at the other end of the cable, or what it stands on is down"
        );
        return link.HasCarrier;
    }

    private void CheckMtu(LinkState link)
    {
        if (expectation.Mtu is not { } mtu)
            return;
        var isRight = link.Mtu == mtu;
        AddCheck(CheckHop.Mtu, isRight, isRight ? $"{mtu} bytes" : $"the MTU is {link.Mtu}, and {mtu} is wanted");
    }

    private void CheckAddresses(LinkState link)
    {
        if (expectation.Addresses.IsEmpty)
            return;
        var missing = expectation.Addresses.Where(a => !link.Addresses.Contains(a)).Select(Text).ToList();
        AddCheck(
            CheckHop.Addresses,
            missing.Count == 0,
            missing.Count == 0
                ? string.Join(", ", expectation.Addresses.Select(Text))
                : $"{string.Join(" and ", missing)} {(missing.Count == 1 ? "is" : "are")} missing"
        );

        static string Text((Address Address, int Length) address) => $"{address.Address}/{address.Length}";
    }

    private void CheckDuplicates(LinkState link, NeighbourProber prober)
    {
        foreach (var (address, _) in link.Addresses.Where(a => !IsLinkLocal(a.Address)))
        {
            var other = prober.Find(address, null).Mac;
            if (other is not null)
                Fail(CheckHop.Duplicate, $"{address} is {MacAddress.Format(other)}'s too", address.Family);
            else if (link.KnownDuplicates.Contains(address))
                Fail(
                    CheckHop.Duplicate,
                    $"{address}: the kernel found another host with it and doesn't use it",
                    address.Family
                );
            else
                Pass(CheckHop.Duplicate, $"nobody else has {address}", address.Family);
        }
    }

    private void CheckGateways(LinkState link, NeighbourProber prober)
    {
        var found = expectation
            .Gateways.Select(gateway => (Gateway: gateway, Source: SourceFor(link, gateway)))
            .Select(g => (g.Gateway, g.Source, Neighbour: prober.Find(g.Gateway, g.Source)))
            .ToList();
        // If any host is heard on the VLAN, the switch lets it through.
        var isHeard = found.Any(f => f.Neighbour.ReceivedAny);
        foreach (var (gateway, source, neighbour) in found)
        {
            if (neighbour.Mac is { } mac)
            {
                Pass(CheckHop.Gateway, $"{gateway} is at {MacAddress.Format(mac)}", gateway.Family);
                CheckPathMtu(prober, gateway, source, mac);
            }
            else
            {
                FailSilent(gateway, neighbour, isHeard);
            }
        }

        if (expectation.Vlan is not null && isHeard)
            Pass(CheckHop.Vlan, $"frames of VLAN {expectation.Vlan} come in");
    }

    private void FailSilent(Address gateway, Neighbour neighbour, bool isHeard)
    {
        if (neighbour.IsDropped)
            Fail(CheckHop.Vlan, "the node's own filter drops what is sent", gateway.Family);
        else if (!isHeard && expectation.Vlan is { } vlan)
            Fail(
                CheckHop.Vlan,
                $"{gateway} is silent, and no frame at all comes in: is VLAN {vlan} let through at the switch's port?",
                gateway.Family
            );
        else
            Fail(
                CheckHop.Gateway,
                $"{gateway} is silent{(isHeard ? ", and others are heard on the network" : "")}",
                gateway.Family
            );
    }

    private void CheckPathMtu(NeighbourProber prober, Address gateway, Address? source, byte[] mac)
    {
        if (source is not { } from)
        {
            Skip(CheckHop.PathMtu, $"the interface has no {gateway.Family} address to be answered at", gateway.Family);
            return;
        }

        if (expectation.Mtu is not { } wanted)
            return;
        var size = prober.Measure(gateway, mac, from, wanted);
        if (size.Largest >= wanted)
            Pass(CheckHop.PathMtu, $"{wanted} bytes to {gateway} and back in one piece", gateway.Family);
        else if (size.Largest == 0)
            Skip(CheckHop.PathMtu, $"{gateway} answers no ping of any size", gateway.Family);
        else if (size.TooLong)
            Fail(
                CheckHop.PathMtu,
                $"the interface takes {size.Largest} bytes at most, and {wanted} are wanted",
                gateway.Family
            );
        else
            Fail(
                CheckHop.PathMtu,
                $"{size.Largest} bytes to {gateway} and back are the most, and {wanted} are wanted"
                    + (size.ReportedMtu is { } named ? $"; a router on the way names {named}" : ""),
                gateway.Family
            );
    }

    private void CheckTags(NeighbourProber prober)
    {
        string? control = null;
        foreach (var tag in expectation.Tags.Where(t => t.Passes).Take(MaxTags))
        {
            if (CheckPassingTag(prober, tag))
                control ??= $"{tag.Gateway} on VLAN {tag.Vlan}";
        }

        foreach (var tag in expectation.Tags.Where(t => !t.Passes).Take(MaxTags))
            CheckDroppedTag(prober, tag, control);
        if (
            expectation.Trunk is { } trunk
            && expectation.Tags.All(t => t.Passes)
            && Enumerable.Range(1, 4094).FirstOrDefault(v => !trunk.Contains(v)) is > 0 and var outside
        )
            CheckOutsideTag(prober, outside);
    }

    /// <summary>A tag of the trunk: somebody must answer on it.</summary>
    private bool CheckPassingTag(NeighbourProber prober, TagProbe tag)
    {
        var neighbour = prober.Find(tag.Gateway, null, tag.Vlan);
        var isHeard = neighbour.ReceivedAny ? "" : ", and nothing of that VLAN comes in";
        var message =
            neighbour.Mac is { } mac ? $"VLAN {tag.Vlan}: {tag.Gateway} is at {MacAddress.Format(mac)}"
            : neighbour.IsDropped ? $"VLAN {tag.Vlan} is of the trunk, and the node's own filter drops it"
            : $"VLAN {tag.Vlan}: {tag.Gateway} is silent{isHeard}";
        AddCheck(CheckHop.TagPasses, neighbour.Mac is not null, message, tag.Gateway.Family);
        return neighbour.Mac is not null;
    }

    /// <summary>A tag that isn't of the trunk: nobody may answer on it.</summary>
    /// <param name="control">Who answered on a tag of the trunk: only beside them does silence say anything.</param>
    private void CheckDroppedTag(NeighbourProber prober, TagProbe tag, string? control)
    {
        var (vlan, gateway) = (tag.Vlan, tag.Gateway);
        var neighbour = prober.Find(gateway, null, vlan);
        if (neighbour.Mac is { } mac)
            Fail(
                CheckHop.TagDropped,
                $"VLAN {vlan} isn't of the trunk, and {gateway} at {MacAddress.Format(mac)} answers on it",
                gateway.Family
            );
        else if (neighbour.IsDropped)
            Pass(CheckHop.TagDropped, $"VLAN {vlan} is dropped by the node's own filter", gateway.Family);
        else if (control is not null)
            Pass(CheckHop.TagDropped, $"VLAN {vlan}: {gateway} is silent, while {control} answers", gateway.Family);
        else
            Skip(
                CheckHop.TagDropped,
                $"VLAN {vlan}: nobody answers, but nobody answers on a VLAN of the trunk either",
                gateway.Family
            );
    }

    /// <summary>A tag outside the trunk, with no known host to ask: only a filter of this node can be shown.</summary>
    private void CheckOutsideTag(NeighbourProber prober, int vlan)
    {
        if (prober.Find(Nobody, null, vlan).IsDropped)
            Pass(CheckHop.TagDropped, $"VLAN {vlan} is dropped by the node's own filter");
        else
            Skip(
                CheckHop.TagDropped,
                $"VLAN {vlan} isn't of the trunk; nothing on this node drops it, "
                    + "and nobody is known who would answer on it"
            );
    }

    /// <summary>
    /// An address of the interface's own to ask from: one in the target's subnet before any other, a link-local one
    /// last.
    /// </summary>
    private static Address? SourceFor(LinkState link, Address target)
    {
        var own = link
            .Addresses.Where(a => a.Address.Family == target.Family && !link.KnownDuplicates.Contains(a.Address))
            .OrderBy(a =>
                Prefix.FromAddress(a.Address, a.Length).Contains(target) ? 0
                : IsLinkLocal(a.Address) ? 2
                : 1
            )
            .ToList();
        return own.Count > 0 ? own[0].Address : null;
    }

    private static bool IsLinkLocal(Address address) =>
        address.Family == AddressFamily.IPv6 ? address.Value >> 118 == 0x3fa : address.Value >> 16 == 0xa9fe;

    private void AddCheck(CheckHop hop, bool isGood, string message, AddressFamily? family = null) =>
        _checks.Add(new Check(hop, isGood ? CheckState.Passed : CheckState.Failed, message, family?.ToString()));

    private void Pass(CheckHop hop, string message, AddressFamily? family = null) =>
        AddCheck(hop, true, message, family);

    private void Fail(CheckHop hop, string message, AddressFamily? family = null) =>
        AddCheck(hop, false, message, family);

    private void Skip(CheckHop hop, string message, AddressFamily? family = null) =>
        _checks.Add(new Check(hop, CheckState.Skipped, message, family?.ToString()));
}
