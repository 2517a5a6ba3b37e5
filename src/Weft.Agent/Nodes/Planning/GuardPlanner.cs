using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Weft.Agent.Nodes.Operations;

namespace Weft.Agent.Nodes.Planning;

/// <summary>The filters on trunks' parents.</summary>
internal static partial class GuardPlanner
{
    /// <summary>Writes their part of the plan.</summary>
    /// <param name="text">The rules that are wanted; empty for none.</param>
    public static void Plan(ObservedNode observed, PlanBuilder plan, string text)
    {
        var made = plan.Owned.Find("guards") as LoadGuards;
        if (text.Length == 0)
        {
            if (made is not null && observed.Guards is not null)
                plan.Guards.Add(new LoadGuards(made.Tables, "", observed.GuardsText));
            else if (made is not null)
                plan.Forgotten.Add(made.Key);
            return;
        }

        var tables = Tables(text);
        plan.Retain("guards");
        if (made is null || made.Text != text || observed.Guards is null || made.Shown != observed.Guards)
            plan.Guards.Add(
                new LoadGuards(
                    [.. tables.Union(made?.Tables ?? []).Order(StringComparer.Ordinal)],
                    text,
                    observed.GuardsText
                )
            );
    }

    /// <summary>The tables that a text makes.</summary>
    public static ImmutableArray<string> Tables(string text) =>
        [.. Table().Matches(text).Select(match => match.Groups[1].Value).Distinct(StringComparer.Ordinal)];

    [GeneratedRegex(@"^\s*(?:add\s+|create\s+)?table\s+netdev\s+([^\s{;]+)", RegexOptions.Multiline)]
    private static partial Regex Table();
}
