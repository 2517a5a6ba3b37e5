using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>Ports: found, named, up, wide enough, with addresses and routes.</summary>
internal sealed class PortPlanner(ObservedNode observed, PlanBuilder plan)
{
    // What has the MAC address of something else, or one that means nothing.
    private static readonly string[] DerivedKinds =
    [
        "vlan",
        "macvlan",
        "macvtap",
        "ipvlan",
        "ipvtap",
        "bridge",
        "vxlan",
        "vrf",
        "geneve",
        "gretap",
        "ifb",
    ];

    private readonly Dictionary<string, KernelLink> _found = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _mtus = new(StringComparer.Ordinal);

    /// <summary>The port that has a name, or will have it once the plan is done.</summary>
    /// <returns>The port as it is, or null where it isn't found.</returns>
    public KernelLink? FindPort(string name) => _found.GetValueOrDefault(name);

    /// <summary>The MTU that a port will have.</summary>
    /// <returns>The MTU in bytes.</returns>
    public int MtuOf(string name) => _mtus.GetValueOrDefault(name);

    /// <summary>Writes the ports' part of the plan.</summary>
    public void Plan(IEnumerable<NodeLink> wishes)
    {
        var wanted = wishes.ToList();
        var names = new List<(NodeLink Wish, KernelLink Port)>();
        foreach (var desired in wanted)
        {
            if (Find(desired) is not { } port)
                plan.RetainAll(desired.Name);
            else if (_found.FirstOrDefault(other => other.Value.Index == port.Index) is { Key: { } other })
                RefuseLink(
                    desired,
                    $"{desired.Name} and {other} are both the port {port.Name}: "
                        + "one interface can't have two names; give one of them another port"
                );
            else
                RecordPort(desired, port, names);
        }

        Rename(names);
        foreach (var desired in wanted.Where(desired => _found.ContainsKey(desired.Name)))
            SetUp(desired, _found[desired.Name]);
    }

    /// <summary>Finds the port that an uplink names, by its MAC address, its PCI address or its name.</summary>
    public IReadOnlyList<KernelLink> Candidates(Uplink uplink, string name)
    {
        if (uplink.MacAddress is { } mac)
            return CandidatesByMacAddress(uplink, name, mac);
        var onDevice = observed.Links.Where(link => uplink.PciAddress is { } pci && link.Device == pci).ToList();
        return onDevice.Count > 0 ? onDevice : CandidatesByName(uplink, name);
    }

    /// <summary>Whether an interface's MAC address says which one it is: others borrow theirs.</summary>
    public static bool IsFoundByMacAddress(KernelLink link) =>
        !link.IsEnslaved && link.LinkType != "loopback" && !DerivedKinds.Contains(link.Kind);

    private List<KernelLink> CandidatesByMacAddress(Uplink uplink, string name, string mac)
    {
        var hardware = observed.Links.Where(IsFoundByMacAddress).ToList();
        var same = hardware.FindAll(link => IsSame(link.PermanentMacAddress));
        if (same.Count == 0)
            same = hardware.FindAll(link => IsSame(link.MacAddress));
        // A port and its likes may have one address; its name says which then.
        return same.Count > 1 && same.Find(link => link.Name == name || link.Name == uplink.Name) is { } named
            ? [named]
            : same;

        bool IsSame(string? other) => string.Equals(other, mac, StringComparison.OrdinalIgnoreCase);
    }

    private IReadOnlyList<KernelLink> CandidatesByName(Uplink uplink, string name)
    {
        // It was found by that name once, and has another since.
        if (
            plan.Owned.Find($"name {name}") is RenameLink rename
            && rename.From == uplink.Name
            && observed.FindLink(name) is { } renamed
        )
            return [renamed];
        return
        [
            .. observed
                .Links.Where(link => link.Name == uplink.Name)
                .Concat(observed.Links.Where(link => link.AlternativeNames.Contains(uplink.Name)))
                .Take(1),
        ];
    }

    private KernelLink? Find(NodeLink desired)
    {
        var found = Candidates(desired.Uplink, desired.Name);
        if (found is [var only])
            return only;
        var by = desired.Uplink.MacAddress is { } mac ? $"the MAC address {mac}" : $"the name {desired.Uplink.Name}";
        plan.Findings.Add(
            found.Count == 0
                ? $"{desired.Name}: no port has {by}; look at `ip link` on the node, "
                    + $"and mend the node's uplink '{desired.Uplink.Name}' in Weft"
                : $"{desired.Name}: {string.Join(" and ", found.Select(link => link.Name))} both have {by}; "
                    + "give one of them another MAC address, or name the uplink as one of them is named"
        );
        return null;
    }

    private void RefuseLink(NodeLink desired, string why)
    {
        plan.Findings.Add(why);
        plan.RetainAll(desired.Name);
    }

    private void RecordPort(NodeLink desired, KernelLink port, List<(NodeLink Wish, KernelLink Port)> names)
    {
        _found[desired.Name] = port;
        if (port.Name == desired.Name)
            plan.Retain($"name {desired.Name}");
        else
            names.Add((desired, port));
    }

    /// <summary>Names go from port to port in an order in which each is free when its turn comes.</summary>
    private void Rename(List<(NodeLink Wish, KernelLink Port)> names)
    {
        // Interfaces that aren't wanted any more are gone by then.
        var taken = observed
            .Links.Where(link => !(plan.IsOwned(link) && IsLeaving(link)))
            .ToDictionary(link => link.Name, link => link.Index, StringComparer.Ordinal);
        while (names.FindIndex(each => IsFree(each.Wish.Name, each.Port)) is >= 0 and var next)
        {
            var (desired, port) = names[next];
            names.RemoveAt(next);
            Rename(desired.Name, port, taken);
            taken.Remove(port.Name);
            taken[desired.Name] = port.Index;
        }

        foreach (var (desired, port) in names)
        {
            _found.Remove(desired.Name);
            RefuseLink(
                desired,
                $"{port.Name} can't be named {desired.Name}: another interface that the agent didn't make has "
                    + $"this name; rename or remove it (`ip link set {desired.Name} name …`)"
            );
        }

        bool IsFree(string name, KernelLink port) => !taken.TryGetValue(name, out var index) || index == port.Index;
    }

    private void Rename(string name, KernelLink port, Dictionary<string, int> taken)
    {
        var from = port.Name;
        if (
            plan.Owned.Find($"name {from}") is RenameLink before
            && before.To == from
            && (before.From == name || !taken.ContainsKey(before.From))
        )
        {
            // It had a name of ours already: back to its own first, so that this stays the one that is given back.
            plan.Renames.Add(plan.Retain(before.Undo()));
            from = before.From;
        }

        // A name that another has given meanwhile is not one to go back to.
        if (from != name)
            plan.Renames.Add(new RenameLink(from, name, KeepsOld: plan.Owned.Find($"name {name}") is null));
        plan.Retain($"name {name}");
    }

    private bool IsLeaving(KernelLink link) =>
        plan.Unretained.Any(operation => operation is AddVlan vlan && vlan.Link == link.Name);

    private void SetUp(NodeLink desired, KernelLink port)
    {
        var name = desired.Name;
        // What the agent has quieted once stays so, whatever somebody puts on it later.
        var isOurs =
            !desired.IsForeign
            && (
                !CarriesOthers(port)
                || plan.Owned.Steps.Any(operation => operation is SetSysctl setting && setting.Link == name)
            );
        _mtus[name] = port.Mtu;
        plan.Retain($"mtu {name}");
        plan.Retain($"up {name}");
        if (isOurs)
            LinkSettings.DisableAutoconfiguration(observed, plan, port, desired, isNew: false);
        // A wider port does no harm to what stands on it, and others may stand on it too.
        if (port.Mtu < desired.Mtu || (port.Mtu > desired.Mtu && isOurs))
        {
            plan.Links.Add(new SetMtu(name, desired.Mtu, port.Mtu));
            _mtus[name] = desired.Mtu;
        }

        if (!port.IsUp)
            plan.Links.Add(new SetLinkUp(name, true));
        LinkSettings.Addresses(observed, plan, port, desired);
        LinkSettings.Routes(observed, plan, port, desired);
    }

    /// <summary>
    /// Whether a port carries what isn't Weft's: the node's own addresses, or interfaces that others have put on it.
    /// </summary>
    private bool CarriesOthers(KernelLink port) =>
        observed.Addresses.Any(a => a.Link == port.Index && a.Scope != LinkSettings.LinkScope && !plan.IsOwned(port, a))
        || observed.Links.Any(link =>
            link.Parent == port.Index
            && !link.IsParentElsewhere
            && link.Index != port.Index
            && link.Kind != "veth"
            && !plan.IsOwned(link)
        )
        || port.Master != 0;
}
