using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>Interfaces that tag, on ports.</summary>
internal sealed class VlanPlanner(ObservedNode observed, PlanBuilder plan, PortPlanner ports)
{
    /// <summary>Writes their part of the plan.</summary>
    public void Plan(IEnumerable<NodeLink> wishes)
    {
        foreach (var desired in wishes)
        {
            if (ports.FindPort(desired.Parent!) is { } parent)
                Plan(desired, parent);
            else
                RefuseLink(
                    desired,
                    $"{desired.Name}: its port {desired.Parent} isn't there, so the tag {desired.Vlan} has nothing to stand on"
                );
        }
    }

    private void Plan(NodeLink desired, KernelLink parent)
    {
        var name = desired.Name;
        var actual = observed.FindLink(name);
        if (ReasonTaken(desired, parent, actual) is { } taken)
        {
            RefuseLink(desired, taken);
            return;
        }

        plan.Retain($"link {name}");
        plan.Retain($"up {name}");
        plan.Retain($"mtu {name}");
        if (actual is not null && (actual.Vlan != desired.Vlan || actual.Parent != parent.Index))
        {
            // A tag and a parent are for life: it is made anew, with all that stands on it lost, so it is said in two
            // steps.
            GarbageCollection.Remove(observed, plan, actual);
            actual = null;
        }

        PlanLink(desired, actual);
        LinkSettings.DisableAutoconfiguration(observed, plan, actual, desired, isNew: actual is null);
        if (actual is not { IsUp: true })
            plan.Links.Add(new SetLinkUp(name, true));
        LinkSettings.Addresses(observed, plan, actual, desired);
        LinkSettings.Routes(observed, plan, actual, desired);
    }

    /// <summary>Why another's interface is in the way; null where none is.</summary>
    private string? ReasonTaken(NodeLink desired, KernelLink parent, KernelLink? actual)
    {
        var name = desired.Name;
        if (actual is not null && !plan.IsOwned(actual))
            return $"{name}: there is an interface of this name that the agent didn't make ({Describe(actual)}); "
                + $"remove it (`ip link delete {name}`) or rename it";
        var rival = observed.Links.FirstOrDefault(link =>
            link.Kind == "vlan" && link.Parent == parent.Index && link.Vlan == desired.Vlan && link.Name != name
        );
        return rival is null || plan.IsOwned(rival)
            ? null
            : $"{name}: {rival.Name} has the tag {desired.Vlan} on {desired.Parent} already, "
                + $"and the agent didn't make it; remove it (`ip link delete {rival.Name}`)";
    }

    private void PlanLink(NodeLink desired, KernelLink? actual)
    {
        if (actual is null)
            plan.Links.Add(new AddVlan(desired.Name, desired.Parent!, desired.Vlan!.Value, desired.Mtu));
        else if (actual.Mtu > desired.Mtu)
            plan.MtuDecreases.Add(new SetMtu(desired.Name, desired.Mtu, actual.Mtu));
        else if (actual.Mtu < desired.Mtu)
            plan.Links.Add(new SetMtu(desired.Name, desired.Mtu, actual.Mtu));
    }

    private void RefuseLink(NodeLink desired, string why)
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
