using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;

namespace Weft.Agent.Nodes.Planning;

/// <summary>Interfaces that tag, on ports.</summary>
internal sealed class VlanPlanner(ObservedNode observed, PlanBuilder plan, PortPlanner ports)
{
    /// <summary>Writes their part of the plan.</summary>
    public void Plan(IEnumerable<DesiredLink> wishes)
    {
        foreach (var desired in wishes)
        {
            if (ports.FindPort(desired.Parent) is { } parent)
                Plan(desired, parent);
            else
                RefuseLink(
                    desired,
                    $"{desired.Name}: its port {desired.Parent} isn't there, so the tag {desired.Vlan} has nothing to stand on"
                );
        }
    }

    private void Plan(DesiredLink desired, KernelLink parent)
    {
        var (name, vlan) = (desired.Name, desired.Vlan!.Value);
        var there = observed.FindLink(name);
        if (there is not null && !plan.IsOwned(there))
        {
            RefuseLink(
                desired,
                $"{name}: there is an interface of this name that the agent didn't make ({Describe(there)}); remove it (`ip link delete {name}`) or rename it"
            );
            return;
        }

        if (
            observed.Links.FirstOrDefault(l =>
                l.Kind == "vlan" && l.Parent == parent.Index && l.Vlan == vlan && l.Name != name
            )
                is { } rival
            && !plan.IsOwned(rival)
        )
        {
            RefuseLink(
                desired,
                $"{name}: {rival.Name} has the tag {vlan} on {desired.Parent} already, and the agent didn't make it; remove it (`ip link delete {rival.Name}`)"
            );
            return;
        }

        plan.Retain($"link {name}");
        plan.Retain($"up {name}");
        plan.Retain($"mtu {name}");
        if (there is not null && (there.Vlan != vlan || there.Parent != parent.Index))
        {
            // A tag and a parent are for life: it is made anew, with all that stands on it lost, so it is said in two
            // steps.
            GarbageCollection.Remove(observed, plan, there);
            there = null;
        }

        if (there is null)
            plan.Links.Add(new AddVlan(name, desired.Parent, vlan, desired.Mtu));
        else if (there.Mtu > desired.Mtu)
            plan.MtuDecreases.Add(new SetMtu(name, desired.Mtu, there.Mtu));
        else if (there.Mtu < desired.Mtu)
            plan.Links.Add(new SetMtu(name, desired.Mtu, there.Mtu));
        LinkSettings.DisableAutoconfiguration(observed, plan, there, desired, isNew: there is null);
        if (there is not { IsUp: true })
            plan.Links.Add(new SetLinkUp(name, true));
        LinkSettings.Addresses(observed, plan, there, desired);
        LinkSettings.Routes(observed, plan, there, desired);
    }

    private void RefuseLink(DesiredLink desired, string why)
    {
        plan.Findings.Add(why);
        plan.RetainAll(desired.Name);
    }

    private string Describe(KernelLink link) =>
        link.Kind switch
        {
            "" => "hardware",
            "vlan" => $"the tag {link.Vlan} on {observed.FindLink(link.Parent)?.Name ?? "another interface"}",
            _ => $"a {link.Kind}",
        };
}
