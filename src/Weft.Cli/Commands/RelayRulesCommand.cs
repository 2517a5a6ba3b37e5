using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft relay rules TARGET</c>: every network rule between the site and a target. To change them, apply documents.</summary>
internal static class RelayRulesCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var target = new Argument<string>("TARGET") { HelpName = "TARGET", Description = TargetNames.Form };
        target.CompletionSources.Add(context => RelayParameters.Targets(shell, context));
        var command = new Command("rules", "Show every network rule on the way to a target; change them with weft apply") { target };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
            var to = TargetNames.Need(session.Scope, session.Parsed.GetValue(target)!);
            var sets = await OnTheWayAsync(session, to, cancel);
            if (format != OutputFormat.Table)
                ResourceText.Write(session, KindTable.Need("networkrulesets"), sets, format, single: false, withGroup: false);
            else if (sets.Count == 0)
                session.Error.Line($"no network rules stand on the way to {TargetNames.Written(to)}: every address may come that has a token", Ink.Changed);
            else
                Write(session, sets);
            return ExitCode.Done;
        });
        return command;
    }

    // The server says which sets there are by saying which it looks at; a namespace that is shut by itself is one without rules.
    private static async Task<List<JsonObject>> OnTheWayAsync(Session session, ResourceId to, CancellationToken cancel)
    {
        var answer = await RelayCheckCommand.AskAsync(session, new RelayCheckCommand.Question(to, null, null, null), cancel);
        var ids = answer["answers"]!.AsArray().SelectMany(one => one!["lookedAt"]!.AsArray()).Select(look => look!["ruleSet"]!.ToString()).Distinct(StringComparer.OrdinalIgnoreCase);
        var sets = new List<JsonObject>();
        foreach (var id in ids.Select(text => ResourceId.Parse(text).Value).Where(id => id.Type.Leaf.Equals("networkRuleSets", StringComparison.OrdinalIgnoreCase)))
        {
            var version = KindTable.Of(id.Type)?.ApiVersion ?? KindTable.WeftVersion;
            if (await session.Client.FindAsync($"{id}?api-version={version}", cancel) is { } found)
                sets.Add(found.Object);
        }

        return sets;
    }

    private static void Write(Session session, List<JsonObject> sets)
    {
        var lines = new List<string[]>();
        foreach (var set in sets.Select(set => new Row(set, default)))
        {
            var place = set.Id?.Parent is { } parent ? TargetNames.Written(parent) : "";
            lines.AddRange(set.Objects("properties.ipRules").Select((rule, i) => new Row(rule, default) is var row
                ? new[] { place, i.ToString(CultureInfo.InvariantCulture), row.Text("action"), row.Text("ipMask"), row.Text("appliesTo"), row.Text("services"), row.Text("description") } : []));
            lines.Add([place, "else", set.Text("properties.defaultAction"), "any", "", "", ""]);
        }

        TableText.Write(session.Out, ["AT", "RULE", "ACTION", "NETWORK", "FOR", "SERVICES", "DESCRIPTION"], lines);
    }
}
