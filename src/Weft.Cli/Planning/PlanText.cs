using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

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
            WriteWarnings(plan);
            terminal.WriteLine($"No changes: {plan.Count(PlanAction.Unchanged)} unchanged.");
            return;
        }

        WriteChanges(plan);
        WriteAddresses(plan);
        WriteVlans(plan);
        WriteManifests(plan);
        WriteDisruptions(plan);
        new CapacityText(terminal, detailed).Write(plan);
        WriteWarnings(plan);
        terminal.WriteLine("");
        terminal.WriteLine(FormatSummary(plan), TextStyle.Heading);
    }

    private static string FormatSummary(Plan plan)
    {
        var parts = new List<string>
        {
            $"{plan.Count(PlanAction.Create)} to create",
            $"{plan.Count(PlanAction.Update)} to change",
        };
        if (plan.Count(PlanAction.Enable) is > 0 and var enable)
            parts.Add($"{enable} to enable");
        parts.Add($"{plan.Count(PlanAction.Unchanged)} unchanged");
        return $"Plan: {string.Join(", ", parts)}.";
    }

    private void WriteChanges(Plan plan)
    {
        terminal.WriteLine("Resources", TextStyle.Heading);
        foreach (var change in plan.Changes)
        {
            var (mark, style) = change.Action switch
            {
                PlanAction.Create => ('+', TextStyle.Added),
                PlanAction.Update => ('~', TextStyle.Changed),
                PlanAction.Enable => ('>', TextStyle.Added),
                _ => ('=', TextStyle.Faint),
            };
            if (change.Action == PlanAction.Unchanged && !detailed)
                continue;
            terminal.WriteLine(
                $"  {mark} {Label.For(change.Id)}{(change.Action == PlanAction.Enable ? "  enable" : "")}",
                style
            );
            if (change.Action == PlanAction.Update || detailed)
                WriteMembers(change);
        }
    }

    private void WriteMembers(PlanChange change)
    {
        foreach (var member in change.Members)
        {
            var path = member["path"]?.ToString() ?? "";
            var (before, after) = (member["before"], member["after"]);
            if (before is null)
                terminal.WriteLine($"      + {path}: {JsonFormatter.Compact(after)}", TextStyle.Added);
            else if (after is null)
                terminal.WriteLine($"      - {path}: {JsonFormatter.Compact(before)}", TextStyle.Removed);
            else
                terminal.WriteLine(
                    $"      ~ {path}: {JsonFormatter.Compact(before)} -> {JsonFormatter.Compact(after)}",
                    TextStyle.Changed
                );
        }
    }

    private void WriteAddresses(Plan plan)
    {
        var addresses = plan.ListOf("addresses");
        WriteHeading("Addresses", addresses.Length);
        var widest = addresses.Select(a => TextOf(a, "address").Length).DefaultIfEmpty(0).Max();
        var widestNetwork = addresses.Select(a => Label.For(TextOf(a, "network")).Length).DefaultIfEmpty(0).Max();
        foreach (var address in addresses)
        {
            var taken = TextOf(address, "action") == "Take";
            var network = Label.For(TextOf(address, "network")).PadRight(widestNetwork);
            var line = $"{TextOf(address, "address").PadRight(widest)}  {network}  {TextOf(address, "holder")}";
            terminal.WriteLine(
                $"  {(taken ? '+' : '-')} {line}".TrimEnd(),
                taken ? TextStyle.Added : TextStyle.Removed
            );
        }
    }

    private void WriteVlans(Plan plan)
    {
        var vlans = plan.ListOf("vlans");
        WriteHeading("VLANs", vlans.Length);
        foreach (
            var machine in vlans.GroupBy(vlan =>
                (Machine: TextOf(vlan, "machine"), Open: TextOf(vlan, "action") == "Open")
            )
        )
        {
            var ids = machine.Select(vlan => $"{TextOf(vlan, "vlan")} ({Label.For(TextOf(vlan, "network"))})");
            terminal.WriteLine(
                $"  {(machine.Key.Open ? '+' : '-')} {machine.Key.Machine}: {string.Join(", ", ids)}",
                machine.Key.Open ? TextStyle.Added : TextStyle.Removed
            );
        }
    }

    private void WriteManifests(Plan plan)
    {
        var manifests = plan.ListOf("manifests");
        WriteHeading("Manifests", manifests.Length);
        foreach (var scope in manifests.GroupBy(manifest => TextOf(manifest, "scope")))
        {
            terminal.WriteLine($"  {Label.For(scope.Key)}");
            foreach (var manifest in scope)
                WriteManifest(manifest);
        }
    }

    private void WriteManifest(JsonObject manifest)
    {
        var (mark, style) = TextOf(manifest, "action") switch
        {
            "Add" => ('+', TextStyle.Added),
            "Remove" => ('-', TextStyle.Removed),
            _ => ('~', TextStyle.Changed),
        };
        terminal.WriteLine($"    {mark} {TextOf(manifest, "name")}", style);
        if (mark != '~' && !detailed)
            return;
        foreach (
            var line in UnifiedDiff.Create(
                TextOf(manifest, "before"),
                TextOf(manifest, "after"),
                detailed ? int.MaxValue / 2 : 3
            )
        )
        {
            // A manifest that is new or gone as a whole needs no hunk head.
            if (mark != '~' && line.StartsWith("@@", StringComparison.Ordinal))
                continue;
            terminal.WriteLine(
                $"        {line}",
                line[0] switch
                {
                    '+' => TextStyle.Added,
                    '-' => TextStyle.Removed,
                    '@' => TextStyle.Faint,
                    _ => TextStyle.Plain,
                }
            );
        }
    }

    private void WriteDisruptions(Plan plan)
    {
        var disruptions = plan.ListOf("disruptions");
        WriteHeading("Disruptions", disruptions.Length);
        foreach (var disruption in disruptions)
            terminal.WriteLine(
                $"  ! {Label.For(TextOf(disruption, "id"))}: {TextOf(disruption, "what")}",
                TextStyle.Error
            );
    }

    private void WriteWarnings(Plan plan)
    {
        var warnings = plan.ListOf("warnings");
        if (warnings.Length == 0)
            return;
        WriteHeading("Warnings", warnings.Length);
        foreach (var warning in warnings)
            terminal.WriteLine($"  ? {Label.For(TextOf(warning, "id"))}: {TextOf(warning, "what")}", TextStyle.Changed);
    }

    private void WriteHeading(string name, int count)
    {
        if (count == 0)
            return;
        terminal.WriteLine("");
        terminal.WriteLine(name, TextStyle.Heading);
    }

    private static string TextOf(JsonObject json, string name) => json[name]?.ToString() ?? "";
}
