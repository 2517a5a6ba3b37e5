using System.Collections.Immutable;
using Weft.Agent.Nodes.Operations;

namespace Weft.Agent.Nodes.Planning;

/// <summary>The files of the node's own network service, where that has charge of interfaces.</summary>
internal static class ServicePlanner
{
    /// <summary>Writes their part of the plan.</summary>
    /// <param name="desired">The files; null where no service has charge.</param>
    public static void Plan(PlanBuilder plan, DesiredServiceFiles? desired)
    {
        foreach (
            var left in plan
                .Owned.Steps.OfType<WriteServiceFiles>()
                .Where(operation => operation.Service != desired?.Service)
                .ToList()
        )
            plan.Removals.Add(plan.Retain(left).Undo()!);
        if (desired is null)
            return;
        var made = plan.Owned.Find($"files {desired.Service}") as WriteServiceFiles;
        plan.Retain($"files {desired.Service}");
        var changed = ImmutableArray.CreateBuilder<ServiceFile>();
        foreach (var (path, content) in desired.Files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            var there = desired.Actual.GetValueOrDefault(path);
            if (there == content)
                continue;
            if (there is not null && made?.Files.Any(f => f.Path == path) != true)
                plan.Findings.Add($"'{path}' is there and was not made by the agent; move it away");
            else
                changed.Add(new ServiceFile(path, content, there));
        }

        changed.AddRange(
            (made?.Files ?? [])
                .Where(f => !desired.Files.ContainsKey(f.Path))
                .Select(f => new ServiceFile(f.Path, f.Was, desired.Actual.GetValueOrDefault(f.Path)))
        );
        if (changed.Count == 0 && desired.IsStale)
            changed.AddRange(desired.Files.Select(f => new ServiceFile(f.Key, f.Value, f.Value)));
        if (changed.Count > 0)
            plan.Links.Add(new WriteServiceFiles(desired.Service, changed.ToImmutable()));
    }
}
