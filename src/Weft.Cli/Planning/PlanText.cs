using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Planning;

/// <summary>A plan for people: what is made and changed, and everything that follows from it.</summary>
internal sealed class PlanText(Terminal terminal, bool detailed)
{
    /// <summary>Prints the plan; its last line is the sum.</summary>
    /// <param name="plan">A plan without refusals.</param>
    public void Write(Plan plan)
    {
        if (!plan.HasChanges && !detailed)
        {
            Warnings(plan);
            terminal.Line($"No changes: {plan.Count(PlanAction.Unchanged)} unchanged.");
            return;
        }

        Changes(plan);
        Addresses(plan);
        Vlans(plan);
        Manifests(plan);
        Disruptions(plan);
        new CapacityText(terminal, detailed).Write(plan);
        Warnings(plan);
        terminal.Line("");
        terminal.Line(Sum(plan), Ink.Heading);
    }

    private static string Sum(Plan plan)
    {
        var parts = new List<string> { $"{plan.Count(PlanAction.Create)} to create", $"{plan.Count(PlanAction.Update)} to change" };
        if (plan.Count(PlanAction.Enable) is > 0 and var enable)
            parts.Add($"{enable} to enable");
        parts.Add($"{plan.Count(PlanAction.Unchanged)} unchanged");
        return $"Plan: {string.Join(", ", parts)}.";
    }

    private void Changes(Plan plan)
    {
        terminal.Line("Resources", Ink.Heading);
        foreach (var change in plan.Changes)
        {
            var (mark, ink) = change.Action switch
            {
                PlanAction.Create => ('+', Ink.Added),
                PlanAction.Update => ('~', Ink.Changed),
                PlanAction.Enable => ('>', Ink.Added),
                _ => ('=', Ink.Faint),
            };
            if (change.Action == PlanAction.Unchanged && !detailed)
                continue;
            terminal.Line($"  {mark} {Label.Of(change.Id)}{(change.Action == PlanAction.Enable ? "  enable" : "")}", ink);
            if (change.Action == PlanAction.Update || detailed)
                Members(change);
        }
    }

    private void Members(PlanChange change)
    {
        foreach (var member in change.Members)
        {
            var path = member["path"]?.ToString() ?? "";
            var (before, after) = (member["before"], member["after"]);
            if (before is null)
                terminal.Line($"      + {path}: {JsonText.Compact(after)}", Ink.Added);
            else if (after is null)
                terminal.Line($"      - {path}: {JsonText.Compact(before)}", Ink.Removed);
            else
                terminal.Line($"      ~ {path}: {JsonText.Compact(before)} -> {JsonText.Compact(after)}", Ink.Changed);
        }
    }

    private void Addresses(Plan plan)
    {
        var addresses = plan.List("addresses");
        Section("Addresses", addresses.Length);
        var widest = addresses.Select(a => Text(a, "address").Length).DefaultIfEmpty(0).Max();
        var widestNetwork = addresses.Select(a => Label.Of(Text(a, "network")).Length).DefaultIfEmpty(0).Max();
        foreach (var address in addresses)
        {
            var taken = Text(address, "action") == "Take";
            var line = $"{Text(address, "address").PadRight(widest)}  {Label.Of(Text(address, "network")).PadRight(widestNetwork)}  {Text(address, "holder")}";
            terminal.Line($"  {(taken ? '+' : '-')} {line}".TrimEnd(), taken ? Ink.Added : Ink.Removed);
        }
    }

    private void Vlans(Plan plan)
    {
        var vlans = plan.List("vlans");
        Section("VLANs", vlans.Length);
        foreach (var machine in vlans.GroupBy(vlan => (Machine: Text(vlan, "machine"), Open: Text(vlan, "action") == "Open")))
        {
            var ids = machine.Select(vlan => $"{Text(vlan, "vlan")} ({Label.Of(Text(vlan, "network"))})");
            terminal.Line($"  {(machine.Key.Open ? '+' : '-')} {machine.Key.Machine}: {string.Join(", ", ids)}", machine.Key.Open ? Ink.Added : Ink.Removed);
        }
    }

    private void Manifests(Plan plan)
    {
        var manifests = plan.List("manifests");
        Section("Manifests", manifests.Length);
        foreach (var scope in manifests.GroupBy(manifest => Text(manifest, "scope")))
        {
            terminal.Line($"  {Label.Of(scope.Key)}");
            foreach (var manifest in scope)
                Manifest(manifest);
        }
    }

    private void Manifest(JsonObject manifest)
    {
        var (mark, ink) = Text(manifest, "action") switch
        {
            "Add" => ('+', Ink.Added),
            "Remove" => ('-', Ink.Removed),
            _ => ('~', Ink.Changed),
        };
        terminal.Line($"    {mark} {Text(manifest, "name")}", ink);
        if (mark != '~' && !detailed)
            return;
        foreach (var line in UnifiedDiff.Of(Text(manifest, "before"), Text(manifest, "after"), detailed ? int.MaxValue / 2 : 3))
        {
            // A manifest that is new or gone as a whole needs no hunk head.
            if (mark != '~' && line.StartsWith("@@", StringComparison.Ordinal))
                continue;
            terminal.Line($"        {line}", line[0] switch { '+' => Ink.Added, '-' => Ink.Removed, '@' => Ink.Faint, _ => Ink.Plain });
        }
    }

    private void Disruptions(Plan plan)
    {
        var disruptions = plan.List("disruptions");
        Section("Disruptions", disruptions.Length);
        foreach (var disruption in disruptions)
            terminal.Line($"  ! {Label.Of(Text(disruption, "id"))}: {Text(disruption, "what")}", Ink.Bad);
    }

    private void Warnings(Plan plan)
    {
        var warnings = plan.List("warnings");
        if (warnings.Length == 0)
            return;
        Section("Warnings", warnings.Length);
        foreach (var warning in warnings)
            terminal.Line($"  ? {Label.Of(Text(warning, "id"))}: {Text(warning, "what")}", Ink.Changed);
    }

    private void Section(string name, int count)
    {
        if (count == 0)
            return;
        terminal.Line("");
        terminal.Line(name, Ink.Heading);
    }

    private static string Text(JsonObject json, string name) => json[name]?.ToString() ?? "";
}
