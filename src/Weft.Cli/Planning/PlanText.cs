using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;

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
        new CapacityText(terminal, detailed).Write(plan.Response.Capacity);
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
            var (path, before, after) = member;
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
        var addresses = plan.Response.Addresses;
        WriteHeading("Addresses", addresses.Count);
        var widest = addresses.Select(a => a.Address.Length).DefaultIfEmpty(0).Max();
        var widestNetwork = addresses.Select(a => Label.For(a.Network).Length).DefaultIfEmpty(0).Max();
        foreach (var address in addresses)
        {
            var taken = address.Action == AddressAction.Take;
            var network = Label.For(address.Network).PadRight(widestNetwork);
            var line = $"{address.Address.PadRight(widest)}  {network}  {address.Holder}";
            terminal.WriteLine(
                $"  {(taken ? '+' : '-')} {line}".TrimEnd(),
                taken ? TextStyle.Added : TextStyle.Removed
            );
        }
    }

    private void WriteVlans(Plan plan)
    {
        var vlans = plan.Response.Vlans;
        WriteHeading("VLANs", vlans.Count);
        foreach (var machine in vlans.GroupBy(vlan => (vlan.Machine, vlan.Action)))
        {
            var ids = machine.Select(vlan => $"{vlan.Vlan} ({Label.For(vlan.Network)})");
            var opens = machine.Key.Action == VlanAction.Open;
            terminal.WriteLine(
                $"  {(opens ? '+' : '-')} {machine.Key.Machine}: {string.Join(", ", ids)}",
                opens ? TextStyle.Added : TextStyle.Removed
            );
        }
    }

    private void WriteManifests(Plan plan)
    {
        var manifests = plan.Response.Manifests;
        WriteHeading("Manifests", manifests.Count);
        foreach (var scope in manifests.GroupBy(manifest => manifest.Scope))
        {
            terminal.WriteLine($"  {Label.For(scope.Key)}");
            foreach (var manifest in scope)
                WriteManifest(manifest);
        }
    }

    private void WriteManifest(PlannedManifest manifest)
    {
        var (mark, style) = manifest.Action switch
        {
            ManifestAction.Add => ('+', TextStyle.Added),
            ManifestAction.Remove => ('-', TextStyle.Removed),
            _ => ('~', TextStyle.Changed),
        };
        terminal.WriteLine($"    {mark} {manifest.Name}", style);
        if (mark != '~' && !detailed)
            return;
        foreach (
            var line in UnifiedDiff.Create(manifest.Before ?? "", manifest.After ?? "", detailed ? int.MaxValue / 2 : 3)
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
        var disruptions = plan.Response.Disruptions;
        WriteHeading("Disruptions", disruptions.Count);
        foreach (var disruption in disruptions)
            terminal.WriteLine($"  ! {Label.For(disruption.Id)}: {disruption.What}", TextStyle.Error);
    }

    private void WriteWarnings(Plan plan)
    {
        var warnings = plan.Response.Warnings;
        WriteHeading("Warnings", warnings.Count);
        foreach (var warning in warnings)
            terminal.WriteLine($"  ? {Label.For(warning.Id)}: {warning.What}", TextStyle.Changed);
    }

    private void WriteHeading(string name, int count)
    {
        if (count == 0)
            return;
        terminal.WriteLine("");
        terminal.WriteLine(name, TextStyle.Heading);
    }
}
