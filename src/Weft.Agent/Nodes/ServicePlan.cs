using System.Collections.Immutable;

namespace Weft.Agent.Nodes;

/// <summary>The files of the node's own network service, where that has charge of interfaces.</summary>
internal static class ServicePlan
{
    /// <summary>Writes their part of the plan.</summary>
    /// <param name="wish">The files; null where no service has charge.</param>
    public static void Write(PlanSheet sheet, ServiceWish? wish)
    {
        foreach (var left in sheet.Made.Steps.OfType<WriteFiles>().Where(step => step.Service != wish?.Service).ToList())
            sheet.TakenAway.Add(sheet.Keep(left).Undo()!);
        if (wish is null)
            return;
        var made = sheet.Made.Of($"files {wish.Service}") as WriteFiles;
        sheet.Keep($"files {wish.Service}");
        var changed = ImmutableArray.CreateBuilder<StepFile>();
        foreach (var (path, content) in wish.Files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            var there = wish.Actual.GetValueOrDefault(path);
            if (there == content)
                continue;
            if (there is not null && made?.Files.Any(f => f.Path == path) != true)
                sheet.Findings.Add($"'{path}' is there and was not made by the agent; move it away");
            else
                changed.Add(new StepFile(path, content, there));
        }

        changed.AddRange((made?.Files ?? []).Where(f => !wish.Files.ContainsKey(f.Path)).Select(f => new StepFile(f.Path, f.Was, wish.Actual.GetValueOrDefault(f.Path))));
        if (changed.Count == 0 && wish.IsStale)
            changed.AddRange(wish.Files.Select(f => new StepFile(f.Key, f.Value, f.Value)));
        if (changed.Count > 0)
            sheet.Links.Add(new WriteFiles(wish.Service, changed.ToImmutable()));
    }
}
