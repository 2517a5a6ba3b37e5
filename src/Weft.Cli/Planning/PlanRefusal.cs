using Weft.Cli.Arm;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Planning;

/// <summary>
/// A refused plan as a CLI error: all refusals, grouped by resource, each with the place that says it.
/// </summary>
internal static class PlanRefusal
{
    /// <summary>The error of a refused plan.</summary>
    public static CliError ToCliError(Plan plan, IReadOnlyList<Document> documents)
    {
        var byId = documents.ToDictionary(document => document.Id);
        var lines = new List<string>();
        string? next = null;
        var resources = 0;
        foreach (var group in plan.Refusals.GroupBy(change => change.Id))
        {
            resources++;
            var document = byId.GetValueOrDefault(group.Key);
            lines.Add(document is null ? Label.For(group.Key) : $"{Label.For(group.Key)}  ({document.Location})");
            foreach (var change in group)
            {
                var error = change.Error ?? ArmError.Create("Refused", "the server refuses it without a reason");
                lines.AddRange(
                    ErrorText.FormatLines(error, target => LocationOf(document, target)).Select(line => "  " + line)
                );
                next ??= ErrorText.NextStepFor(error);
            }
        }

        return new CliError(
            $"the plan is refused for {resources} resource{(resources == 1 ? "" : "s")}; nothing was written",
            lines,
            next
        );
    }

    private static string? LocationOf(Document? document, string? target) =>
        document is null || target is null || ResourceId.TryParse(target, out _)
            ? null
            : document.LocationOf(target).ToString();
}
