using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Wire;
using Weft.Resources;

namespace Weft.Cli.Planning;

/// <summary>A refused plan as a complaint: all refusals, grouped by resource, each with the place that says it.</summary>
internal static class PlanRefusal
{
    /// <summary>The complaint of a refused plan.</summary>
    public static Complaint Of(Plan plan, IReadOnlyList<Document> documents)
    {
        var byId = documents.ToDictionary(document => document.Id);
        var lines = new List<string>();
        string? next = null;
        var resources = 0;
        foreach (var group in plan.Refusals.GroupBy(change => change.Id))
        {
            resources++;
            var document = byId.GetValueOrDefault(group.Key);
            lines.Add(document is null ? Label.Of(group.Key) : $"{Label.Of(group.Key)}  ({document.Place})");
            foreach (var change in group)
            {
                var error = change.Error ?? ArmError.Of("Refused", "the server refuses it without a reason");
                lines.AddRange(ErrorText.Lines(error, target => Place(document, target)).Select(line => "  " + line));
                next ??= ErrorText.Next(error);
            }
        }

        return new Complaint($"the plan is refused for {resources} resource{(resources == 1 ? "" : "s")}; nothing was written", lines, next);
    }

    private static string? Place(Document? document, string? target) =>
        document is null || target is null || ResourceId.TryParse(target, out _) ? null : document.PlaceOf(target).ToString();
}
