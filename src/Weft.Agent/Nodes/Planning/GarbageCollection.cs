using System.Collections.Immutable;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// What the agent made and nobody wants any longer: taken away, or put back to what it was, unless another's hand has
/// changed it since.
/// </summary>
internal static class GarbageCollection
{
    /// <summary>Writes this part of the plan; all wanted keys are kept by then.</summary>
    public static void Plan(ObservedNode observed, PlanBuilder plan)
    {
        foreach (var name in plan.Unretained.Select(NameOf).Distinct(StringComparer.Ordinal).ToList())
        {
            if (observed.FindLink(name) is { } link && observed.Elsewhere.TryGetValue(link.Index, out var children))
                Hold(observed, plan, link, children);
        }

        foreach (var operation in plan.Unretained.ToList())
        {
            switch (operation)
            {
                case RenameLink rename when observed.FindLink(rename.To) is { } link:
                    RestoreName(observed, plan, rename, link);
                    break;
                case AddVlan vlan when observed.FindLink(vlan.Link) is { } link && plan.IsOwned(link):
                    RemoveLink(observed, plan, link);
                    break;
                case LoadGuards
                or WriteServiceFiles
                or SetAutoProbe
                or SetFunctionCount
                or SetFunctionSetting
                or BindDriver:
                    // Said by the plans of these.
                    break;
                case var _ when IsInEffect(observed, plan, operation):
                    plan.Removals.Add(operation.Undo()!);
                    break;
                default:
                    plan.Forgotten.Add(operation.Key!);
                    break;
            }
        }
    }

    /// <summary>The name that an operation's interface has now.</summary>
    private static string NameOf(NodeOperation operation) =>
        operation is RenameLink rename ? rename.To : operation.Subject;

    /// <summary>
    /// Leaves an interface, and what it stands on, as it is while pods' interfaces stand on it: without it their own plugin
    /// couldn't even delete them.
    /// </summary>
    private static void Hold(ObservedNode observed, PlanBuilder plan, KernelLink link, ImmutableArray<string> children)
    {
        plan.Held.Add(
            (
                link.Name,
                $"{children.Length} interfaces in other network namespaces stand on it ({string.Join(", ", children)}): "
                    + "it goes when they have gone; delete their pods"
            )
        );
        for (
            KernelLink? at = link;
            at is not null;
            at = at is { Kind: "vlan", IsParentElsewhere: false } ? observed.FindLink(at.Parent) : null
        )
            plan.RetainAll(at.Name);
    }

    /// <summary>Whether what an operation set is still so, and nobody else needs it.</summary>
    private static bool IsInEffect(ObservedNode observed, PlanBuilder plan, NodeOperation operation) =>
        operation switch
        {
            AddAddress address => observed.FindLink(address.Link) is { } link && Has(observed, link, address),
            SetMtu mtu => observed.FindLink(mtu.Link)?.Mtu == mtu.Mtu,
            SetLinkUp up => observed.FindLink(up.Link) is { } link
                && link.IsUp == up.Up
                && !IsUsed(observed, plan, link),
            SetSysctl setting => observed.Sysctls.GetValueOrDefault((setting.Link, setting.Name)) == setting.Value,
            AddRoute route => observed.FindLink(route.Link) is { } link
                && observed.Routes.Any(r => r.Link == link.Index && LinkSettings.Matches(r, route.Route)),
            _ => false,
        };

    /// <summary>
    /// Takes an interface that the agent made away, with an operation for each thing that would go unsaid.
    /// </summary>
    public static void Remove(ObservedNode observed, PlanBuilder plan, KernelLink link)
    {
        // What goes with the interface comes back with it, should it all be taken back.
        foreach (var route in observed.Routes.Where(r => r.Link == link.Index && r.Protocol != 2))
            Once(new RemoveRoute(link.Name, LinkSettings.ToRouteSpec(route)));
        foreach (
            var address in observed.Addresses.Where(a => a.Link == link.Index && a.Scope != LinkSettings.LinkScope)
        )
            Once(new RemoveAddress(link.Name, address.Address.ToString(), address.Length));
        if (link.IsUp)
            Once(new SetLinkUp(link.Name, false));
        plan.Removals.Add(
            new RemoveVlan(link.Name, observed.FindLink(link.Parent)?.Name ?? "", link.Vlan ?? 0, link.Mtu)
        );

        void Once(NodeOperation operation)
        {
            if (!plan.Removals.Any(there => there.Key == operation.Key))
                plan.Removals.Add(operation);
        }
    }

    private static void RemoveLink(ObservedNode observed, PlanBuilder plan, KernelLink link)
    {
        if (
            observed.Links.FirstOrDefault(child =>
                child.Parent == link.Index && !child.IsParentElsewhere && !plan.IsOwned(child)
            ) is
            { } child
        )
            plan.Findings.Add(
                $"{link.Name} is no longer wanted, but {child.Name} stands on it and the agent didn't make that; "
                    + $"remove {child.Name} (`ip link delete {child.Name}`)"
            );
        else
            Remove(observed, plan, link);
    }

    private static void RestoreName(ObservedNode observed, PlanBuilder plan, RenameLink rename, KernelLink link)
    {
        if (plan.Renames.OfType<RenameLink>().Any(operation => operation.From == link.Name))
            return;
        if (observed.FindLink(rename.From) is { } other && other.Index != link.Index)
            plan.Findings.Add(
                $"{rename.To} is no longer wanted under this name, but its old name {rename.From} has been taken "
                    + "by another interface; rename that one"
            );
        else
            plan.Renames.Insert(0, rename.Undo());
    }

    private static bool Has(ObservedNode observed, KernelLink link, AddAddress operation) =>
        observed.Addresses.Any(a =>
            a.Link == link.Index && a.Length == operation.Length && a.Address.ToString() == operation.Address
        );

    private static bool IsUsed(ObservedNode observed, PlanBuilder plan, KernelLink link) =>
        observed.Addresses.Any(a => a.Link == link.Index && a.Scope != LinkSettings.LinkScope && !plan.IsOwned(link, a))
        || observed.Links.Any(child =>
            child.Parent == link.Index && !child.IsParentElsewhere && child.Kind != "veth" && !plan.IsOwned(child)
        );
}
