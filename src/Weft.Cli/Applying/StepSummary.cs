using Weft.Attachments.Renderers;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Applying;

/// <summary>What came of all steps, in a line.</summary>
internal static class StepSummary
{
    /// <summary>The line, such as <c>12 created, 1 updated, 3 unchanged</c>.</summary>
    public static string Line(ImmutableArray<StepResult> results)
    {
        var parts = Enum.GetValues<StepOutcome>()
            .Select(outcome => (outcome, count: results.Count(result => result.Outcome == outcome)))
            .Where(part => part.count > 0)
            .Select(part => $"{part.count} {part.outcome.ToString().ToLowerInvariant()}")
            .ToArray();
        return parts.Length == 0 ? "nothing to do" : string.Join(", ", parts);
    }

    /// <summary>Prints the results, and says how the program ends.</summary>
    public static int Write(Session session, ImmutableArray<StepResult> results, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Raw.WriteLine(JsonText.Of(AsJson(results)));
                break;
            case OutputFormat.Yaml:
                session.Out.Raw.Write(Yaml.Write(AsJson(results)));
                break;
            case OutputFormat.Name:
                foreach (var id in results.Where(result => result.Succeeded && result.Outcome != StepOutcome.Unchanged).Select(result => result.Step.Id).Distinct())
                    session.Out.Line(Label.Of(id));
                break;
        }

        (format == OutputFormat.Table ? session.Out : session.Error).Line(Line(results), Ink.Heading);
        return results.All(result => result.Succeeded) ? ExitCode.Done : ExitCode.Failed;
    }

    private static JsonArray AsJson(ImmutableArray<StepResult> results) => new([.. results.Select(result => result.ToJson())]);
}
