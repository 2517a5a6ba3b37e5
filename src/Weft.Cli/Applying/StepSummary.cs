using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Applying;

/// <summary>What came of all steps, in a line.</summary>
internal static class StepSummary
{
    /// <summary>The line, such as <c>12 created, 1 updated, 3 unchanged</c>.</summary>
    public static string FormatLine(ImmutableArray<StepResult> results)
    {
        var parts = Enum.GetValues<StepOutcome>()
            .Select(outcome => (outcome, count: results.Count(result => result.Outcome == outcome)))
            .Where(part => part.count > 0)
            .Select(part => $"{part.count} {part.outcome.ToString().ToLowerInvariant()}")
            .ToArray();
        return parts.Length == 0 ? "nothing to do" : string.Join(", ", parts);
    }

    /// <summary>Prints the results, and says how the program ends.</summary>
    public static int Write(CommandSession session, ImmutableArray<StepResult> results, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Writer.WriteLine(JsonFormatter.Indented(ToJson(results)));
                break;
            case OutputFormat.Yaml:
                session.Out.Writer.Write(Yaml.Write(ToJson(results)));
                break;
            case OutputFormat.Name:
                foreach (
                    var id in results
                        .Where(result => result.Succeeded && result.Outcome != StepOutcome.Unchanged)
                        .Select(result => result.Step.Id)
                        .Distinct()
                )
                    session.Out.WriteLine(Label.For(id));
                break;
        }

        (format == OutputFormat.Table ? session.Out : session.Error).WriteLine(FormatLine(results), TextStyle.Heading);
        return results.All(result => result.Succeeded) ? ExitCode.Success : ExitCode.Failed;
    }

    private static JsonArray ToJson(ImmutableArray<StepResult> results) =>
        new([.. results.Select(result => result.ToJson())]);
}
