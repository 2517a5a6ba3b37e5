using Weft.Agent.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>Interfaces that tag, on ports.</summary>
internal sealed class VlanPlan(NodeState state, PlanSheet sheet, PortPlan ports)
{
    /// <summary>Writes their part of the plan.</summary>
    public void Write(IEnumerable<LinkWish> wishes)
    {
        foreach (var wish in wishes)
        {
            if (ports.Of(wish.Parent) is { } parent)
                Write(wish, parent);
            else
                Refuse(wish, $"{wish.Name}: its port {wish.Parent} isn't there, so the tag {wish.Vlan} has nothing to stand on");
        }
    }

    private void Write(LinkWish wish, KernelLink parent)
    {
        var (name, vlan) = (wish.Name, wish.Vlan!.Value);
        var there = state.Link(name);
        if (there is not null && !sheet.IsMade(there))
        {
            Refuse(wish, $"{name}: there is an interface of this name that the agent didn't make ({Describe(there)}); remove it (`ip link delete {name}`) or rename it");
            return;
        }

        if (state.Links.FirstOrDefault(l => l.Kind == "vlan" && l.Parent == parent.Index && l.Vlan == vlan && l.Name != name) is { } rival && !sheet.IsMade(rival))
        {
            Refuse(wish, $"{name}: {rival.Name} has the tag {vlan} on {wish.Parent} already, and the agent didn't make it; remove it (`ip link delete {rival.Name}`)");
            return;
        }

        sheet.Keep($"link {name}");
        sheet.Keep($"up {name}");
        sheet.Keep($"mtu {name}");
        if (there is not null && (there.Vlan != vlan || there.Parent != parent.Index))
        {
            // A tag and a parent are for life: it is made anew, with all that stands on it lost, so it is said in two steps.
            LeftoverPlan.Remove(state, sheet, there);
            there = null;
        }

        if (there is null)
            sheet.Links.Add(new AddVlan(name, wish.Parent, vlan, wish.Mtu));
        else if (there.Mtu > wish.Mtu)
            sheet.Lowered.Add(new SetMtu(name, wish.Mtu, there.Mtu));
        else if (there.Mtu < wish.Mtu)
            sheet.Links.Add(new SetMtu(name, wish.Mtu, there.Mtu));
        LinkSettings.Quiet(state, sheet, there, wish, isNew: there is null);
        if (there is not { IsUp: true })
            sheet.Links.Add(new SetUp(name, true));
        LinkSettings.Addresses(state, sheet, there, wish);
        LinkSettings.Routes(state, sheet, there, wish);
    }

    private void Refuse(LinkWish wish, string why)
    {
        sheet.Findings.Add(why);
        sheet.KeepAll(wish.Name);
    }

    private string Describe(KernelLink link) => link.Kind switch
    {
        "" => "hardware",
        "vlan" => $"the tag {link.Vlan} on {state.Link(link.Parent)?.Name ?? "another interface"}",
        _ => $"a {link.Kind}",
    };
}
