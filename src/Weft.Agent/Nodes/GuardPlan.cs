using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Weft.Agent.Nodes;

/// <summary>The filters on trunks' parents.</summary>
internal static partial class GuardPlan
{
    /// <summary>Writes their part of the plan.</summary>
    /// <param name="text">The rules that are wanted; empty for none.</param>
    public static void Write(NodeState state, PlanSheet sheet, string text)
    {
        var made = sheet.Made.Of("guards") as LoadGuards;
        if (text.Length == 0)
        {
            if (made is not null && state.Guards is not null)
                sheet.Guards.Add(new LoadGuards(made.Tables, "", state.GuardsText));
            else if (made is not null)
                sheet.Forgotten.Add(made.Key);
            return;
        }

        var tables = Tables(text);
        sheet.Keep("guards");
        if (made is null || made.Text != text || state.Guards is null || made.Shown != state.Guards)
            sheet.Guards.Add(new LoadGuards([.. tables.Union(made?.Tables ?? []).Order(StringComparer.Ordinal)], text, state.GuardsText));
    }

    /// <summary>The tables that a text makes.</summary>
    public static ImmutableArray<string> Tables(string text) => [.. Table().Matches(text).Select(match => match.Groups[1].Value).Distinct(StringComparer.Ordinal)];

    [GeneratedRegex(@"^\s*(?:add\s+|create\s+)?table\s+netdev\s+([^\s{;]+)", RegexOptions.Multiline)]
    private static partial Regex Table();
}
