using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft relay rules TARGET</c>: every network rule between the site and a target. To change them, apply documents.
/// </summary>
internal static class RelayRulesCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var target = new Argument<string>("TARGET") { HelpName = "TARGET", Description = TargetNames.Syntax };
        target.CompletionSources.Add(context => RelayParameters.CompleteTargets(cli, context));
        var command = new Command(
            "rules",
            "Show every network rule on the way to a target; change them with weft apply"
        )
        {
            target,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var to = TargetNames.Require(session.Scope, session.Parsed.GetValue(target)!);
                var sets = await FindRuleSetsAsync(session, to, cancel);
                if (format != OutputFormat.Table)
                    ResourceText.Write(
                        session,
                        KindTable.Of(NetworkRuleSet.ResourceType),
                        sets,
                        format,
                        single: false,
                        withGroup: false
                    );
                else if (sets.Count == 0)
                    session.Error.WriteLine(
                        $"no network rules stand on the way to {TargetNames.Format(to)}: every address may come that has a token",
                        TextStyle.Changed
                    );
                else
                    Write(session, sets);
                return ExitCode.Success;
            }
        );
        return command;
    }

    // The server says which sets there are by saying which it looks at; a namespace that is shut by itself is one
    // without rules.
    private static async Task<List<JsonObject>> FindRuleSetsAsync(
        CommandSession session,
        ResourceId to,
        CancellationToken cancel
    )
    {
        var answer = await RelayCheckCommand.CheckAsync(
            session,
            new RelayCheckCommand.CheckRequest(to, null, null, null),
            cancel
        );
        var ids = answer["answers"]!
            .AsArray()
            .SelectMany(one => one!["lookedAt"]!.AsArray())
            .Select(look => look!["ruleSet"]!.ToString())
            .Distinct(StringComparer.OrdinalIgnoreCase);
        var sets = new List<JsonObject>();
        foreach (
            var id in ids.Select(text => ResourceId.Parse(text).Value)
                .Where(id => id.Type.Leaf.Equals("networkRuleSets", StringComparison.OrdinalIgnoreCase))
        )
        {
            var version = KindTable.FindByType(id.Type)?.ApiVersion ?? KindTable.WeftApiVersion;
            if (await session.Client.FindAsync($"{id}?api-version={version}", cancel) is { } found)
                sets.Add(found.Object);
        }

        return sets;
    }

    private static void Write(CommandSession session, List<JsonObject> sets)
    {
        var lines = new List<string[]>();
        foreach (var set in sets.Select(set => new ResourceRow(set, default)))
        {
            var place = set.Id?.Parent is { } parent ? TargetNames.Format(parent) : "";
            lines.AddRange(
                set.Objects("properties.ipRules")
                    .Select(
                        (rule, i) =>
                            new ResourceRow(rule, default) is var row
                                ? new[]
                                {
                                    place,
                                    i.ToString(CultureInfo.InvariantCulture),
                                    row.Text("action"),
                                    row.Text("ipMask"),
                                    row.Text("appliesTo"),
                                    row.Text("services"),
                                    row.Text("description"),
                                }
                                : []
                    )
            );
            lines.Add([place, "else", set.Text("properties.defaultAction"), "any", "", "", ""]);
        }

        TableText.Write(session.Out, ["AT", "RULE", "ACTION", "NETWORK", "FOR", "SERVICES", "DESCRIPTION"], lines);
    }
}
