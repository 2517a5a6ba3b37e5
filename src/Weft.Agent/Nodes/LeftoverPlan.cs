using Weft.Agent.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>What the agent made and nobody wants any longer: taken away, or put back to what it was, unless another's hand has changed it since.</summary>
internal static class LeftoverPlan
{
    /// <summary>Writes this part of the plan; all wanted keys are kept by then.</summary>
    public static void Write(NodeState state, PlanSheet sheet)
    {
        foreach (var step in sheet.Unwanted.ToList())
        {
            switch (step)
            {
                case RenameLink rename when state.Link(rename.To) is { } link:
                    PutNameBack(state, sheet, rename, link);
                    break;
                case AddVlan vlan when state.Link(vlan.Link) is { } link && sheet.IsMade(link):
                    TakeAway(state, sheet, link);
                    break;
                case AddAddress address when state.Link(address.Link) is { } link && Has(state, link, address):
                case SetMtu mtu when state.Link(mtu.Link)?.Mtu == mtu.Mtu:
                case SetUp up when state.Link(up.Link) is { } set && set.IsUp == up.Up && !IsUsed(state, sheet, set):
                case SetSetting setting when state.Settings.GetValueOrDefault((setting.Link, setting.Name)) == setting.Value:
                    sheet.TakenAway.Add(step.Undo()!);
                    break;
                case AddRoute route when state.Link(route.Link) is { } link && state.Routes.Any(r => r.Link == link.Index && LinkSettings.Is(r, route.Route)):
                    sheet.TakenAway.Add(step.Undo()!);
                    break;
                case LoadGuards or WriteFiles or SetAutoProbe or SetFunctionCount or SetFunction or BindDriver:
                    // Said by the plans of these.
                    break;
                default:
                    sheet.Forgotten.Add(step.Key!);
                    break;
            }
        }
    }

    /// <summary>Takes an interface that the agent made away, with a step for each thing that would go unsaid.</summary>
    public static void Remove(NodeState state, PlanSheet sheet, KernelLink link)
    {
        // What goes with the interface comes back with it, should it all be taken back.
        foreach (var route in state.Routes.Where(r => r.Link == link.Index && r.Protocol != 2))
            Once(new RemoveRoute(link.Name, LinkSettings.Of(route)));
        foreach (var address in state.Addresses.Where(a => a.Link == link.Index && a.Scope != LinkSettings.LinkScope))
            Once(new RemoveAddress(link.Name, address.Address.ToString(), address.Length));
        if (link.IsUp)
            Once(new SetUp(link.Name, false));
        sheet.TakenAway.Add(new RemoveVlan(link.Name, state.Link(link.Parent)?.Name ?? "", link.Vlan ?? 0, link.Mtu));

        void Once(NodeStep step)
        {
            if (!sheet.TakenAway.Any(there => there.Key == step.Key))
                sheet.TakenAway.Add(step);
        }
    }

    private static void TakeAway(NodeState state, PlanSheet sheet, KernelLink link)
    {
        if (state.Links.FirstOrDefault(child => child.Parent == link.Index && !child.IsParentElsewhere && !sheet.IsMade(child)) is { } child)
            sheet.Findings.Add($"{link.Name} is no longer wanted, but {child.Name} stands on it and the agent didn't make that; remove {child.Name} (`ip link delete {child.Name}`)");
        else
            Remove(state, sheet, link);
    }

    private static void PutNameBack(NodeState state, PlanSheet sheet, RenameLink rename, KernelLink link)
    {
        if (sheet.Names.OfType<RenameLink>().Any(step => step.From == link.Name))
            return;
        if (state.Link(rename.From) is { } other && other.Index != link.Index)
            sheet.Findings.Add($"{rename.To} is no longer wanted under this name, but its old name {rename.From} has been taken by another interface; rename that one");
        else
            sheet.Names.Insert(0, rename.Undo());
    }

    private static bool Has(NodeState state, KernelLink link, AddAddress step) =>
        state.Addresses.Any(a => a.Link == link.Index && a.Length == step.Length && a.Address.ToString() == step.Address);

    private static bool IsUsed(NodeState state, PlanSheet sheet, KernelLink link) =>
        state.Addresses.Any(a => a.Link == link.Index && a.Scope != LinkSettings.LinkScope && !sheet.IsMade(link, a))
        || state.Links.Any(child => child.Parent == link.Index && !child.IsParentElsewhere && child.Kind != "veth" && !sheet.IsMade(child));
}
