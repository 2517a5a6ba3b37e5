using Weft.Agent.Netlink;
using Weft.Attachments;

namespace Weft.Agent.Nodes;

/// <summary>Ports: found, named, up, wide enough, with addresses and routes.</summary>
internal sealed class PortPlan(NodeState state, PlanSheet sheet)
{
    // What has the MAC address of something else, or one that means nothing.
    private static readonly string[] Derived = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "bridge", "vxlan", "vrf", "geneve", "gretap", "ifb"];

    private readonly Dictionary<string, KernelLink> _found = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _mtus = new(StringComparer.Ordinal);

    /// <summary>The port that has a name, or will have it once the plan is done.</summary>
    /// <returns>The port as it is, or null where it isn't found.</returns>
    public KernelLink? Of(string name) => _found.GetValueOrDefault(name);

    /// <summary>The MTU that a port will have.</summary>
    /// <returns>The MTU in bytes.</returns>
    public int MtuOf(string name) => _mtus.GetValueOrDefault(name);

    /// <summary>Writes the ports' part of the plan.</summary>
    public void Write(IEnumerable<LinkWish> wishes)
    {
        var wanted = wishes.ToList();
        var names = new List<(LinkWish Wish, KernelLink Port)>();
        foreach (var wish in wanted)
        {
            if (Find(wish) is not { } port)
                sheet.KeepAll(wish.Name);
            else if (_found.FirstOrDefault(other => other.Value.Index == port.Index) is { Key: { } other })
                Refuse(wish, $"{wish.Name} and {other} are both the port {port.Name}: one interface can't have two names; give one of them another port");
            else
                Note(wish, port, names);
        }

        Rename(names);
        foreach (var wish in wanted.Where(wish => _found.ContainsKey(wish.Name)))
            SetUp(wish, _found[wish.Name]);
    }

    /// <summary>Finds the port that an uplink names, by its MAC address, its PCI address or its name.</summary>
    public IReadOnlyList<KernelLink> Candidates(Uplink uplink, string name)
    {
        if (uplink.MacAddress is { } mac)
        {
            var could = state.Links.Where(link => !link.IsTakenIn && link.LinkType != "loopback" && !Derived.Contains(link.Kind)).ToList();
            var made = could.Where(link => string.Equals(link.PermanentMacAddress, mac, StringComparison.OrdinalIgnoreCase)).ToList();
            var same = made.Count > 0 ? made : could.Where(link => string.Equals(link.MacAddress, mac, StringComparison.OrdinalIgnoreCase)).ToList();
            // A port and its likes may have one address; its name says which then.
            return same.Count > 1 && same.FirstOrDefault(link => link.Name == name || link.Name == uplink.Name) is { } named ? [named] : same;
        }

        if (uplink.PciAddress is { } address && state.Links.Where(link => link.Device == address).ToList() is { Count: > 0 } on)
            return on;
        // It was found by that name once, and has another since.
        if (sheet.Made.Of($"name {name}") is RenameLink rename && rename.From == uplink.Name && state.Link(name) is { } renamed)
            return [renamed];
        return [.. state.Links.Where(link => link.Name == uplink.Name).Concat(state.Links.Where(link => link.OtherNames.Contains(uplink.Name))).Take(1)];
    }

    private KernelLink? Find(LinkWish wish)
    {
        var found = Candidates(wish.Uplink, wish.Name);
        if (found is [var only])
            return only;
        var by = wish.Uplink.MacAddress is { } mac ? $"the MAC address {mac}" : $"the name {wish.Uplink.Name}";
        sheet.Findings.Add(found.Count == 0
            ? $"{wish.Name}: no port has {by}; look at `ip link` on the node, and mend the node's uplink '{wish.Uplink.Name}' in Weft"
            : $"{wish.Name}: {string.Join(" and ", found.Select(link => link.Name))} both have {by}; give one of them another MAC address, or name the uplink as one of them is named");
        return null;
    }

    private void Refuse(LinkWish wish, string why)
    {
        sheet.Findings.Add(why);
        sheet.KeepAll(wish.Name);
    }

    private void Note(LinkWish wish, KernelLink port, List<(LinkWish Wish, KernelLink Port)> names)
    {
        _found[wish.Name] = port;
        if (port.Name == wish.Name)
            sheet.Keep($"name {wish.Name}");
        else
            names.Add((wish, port));
    }

    /// <summary>Names go from port to port in an order in which each is free when its turn comes.</summary>
    private void Rename(List<(LinkWish Wish, KernelLink Port)> names)
    {
        // Interfaces that aren't wanted any more are gone by then.
        var taken = state.Links.Where(link => !(sheet.IsMade(link) && IsLeaving(link))).ToDictionary(link => link.Name, link => link.Index, StringComparer.Ordinal);
        while (names.Count > 0)
        {
            var next = names.FindIndex(each => !taken.TryGetValue(each.Wish.Name, out var index) || index == each.Port.Index);
            if (next < 0)
                break;
            var (wish, port) = names[next];
            names.RemoveAt(next);
            var from = port.Name;
            if (sheet.Made.Of($"name {from}") is RenameLink before && before.To == from && (before.From == wish.Name || !taken.ContainsKey(before.From)))
            {
                // It had a name of ours already: back to its own first, so that this stays the one that is given back.
                sheet.Names.Add(sheet.Keep(before.Undo()));
                from = before.From;
            }

            // A name that another has given meanwhile is not one to go back to.
            if (from != wish.Name)
                sheet.Names.Add(new RenameLink(from, wish.Name, KeepsOld: sheet.Made.Of($"name {wish.Name}") is null));
            sheet.Keep($"name {wish.Name}");
            taken.Remove(port.Name);
            taken[wish.Name] = port.Index;
        }

        foreach (var (wish, port) in names)
        {
            _found.Remove(wish.Name);
            Refuse(wish, $"{port.Name} can't be named {wish.Name}: another interface that the agent didn't make has this name; rename or remove it (`ip link set {wish.Name} name …`)");
        }
    }

    private bool IsLeaving(KernelLink link) => sheet.Unwanted.Any(step => step is AddVlan vlan && vlan.Link == link.Name);

    private void SetUp(LinkWish wish, KernelLink port)
    {
        var name = wish.Name;
        // What the agent has quieted once stays so, whatever somebody puts on it later.
        var isOurs = !wish.IsForeign && (!CarriesOthers(port) || sheet.Made.Steps.Any(step => step is SetSetting setting && setting.Link == name));
        _mtus[name] = port.Mtu;
        sheet.Keep($"mtu {name}");
        sheet.Keep($"up {name}");
        if (isOurs)
            LinkSettings.Quiet(state, sheet, port, wish, isNew: false);
        // A wider port does no harm to what stands on it, and others may stand on it too.
        if (port.Mtu < wish.Mtu || (port.Mtu > wish.Mtu && isOurs))
        {
            sheet.Links.Add(new SetMtu(name, wish.Mtu, port.Mtu));
            _mtus[name] = wish.Mtu;
        }

        if (!port.IsUp)
            sheet.Links.Add(new SetUp(name, true));
        LinkSettings.Addresses(state, sheet, port, wish);
        LinkSettings.Routes(state, sheet, port, wish);
    }

    /// <summary>Whether a port carries what isn't Weft's: the node's own addresses, or interfaces that others have put on it.</summary>
    private bool CarriesOthers(KernelLink port) =>
        state.Addresses.Any(a => a.Link == port.Index && a.Scope != LinkSettings.LinkScope && !sheet.IsMade(port, a))
        || state.Links.Any(link => link.Parent == port.Index && !link.IsParentElsewhere && link.Index != port.Index && link.Kind != "veth" && !sheet.IsMade(link))
        || port.Master != 0;
}
