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
        var others = plan.Owned.Steps.OfType<WriteServiceFiles>().Where(old => old.Service != desired?.Service);
        plan.Removals.AddRange(others.Select(old => plan.Retain(old).Undo()!));
        if (desired is null)
            return;
        var made = plan.Owned.Find($"files {desired.Service}") as WriteServiceFiles;
        plan.Retain($"files {desired.Service}");
        ImmutableArray<ServiceFile> changed = [.. FilesToWrite(plan, desired, made), .. FilesToRestore(desired, made)];
        if (changed.IsEmpty && desired.IsStale)
            changed = [.. desired.Files.Select(f => new ServiceFile(f.Key, f.Value, f.Value))];
        if (!changed.IsEmpty)
            plan.Links.Add(new WriteServiceFiles(desired.Service, changed));
    }

    private static List<ServiceFile> FilesToWrite(
        PlanBuilder plan,
        DesiredServiceFiles desired,
        WriteServiceFiles? made
    )
    {
        var changed = new List<ServiceFile>();
        foreach (var (path, content) in desired.Files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            var actual = desired.Actual.GetValueOrDefault(path);
            if (actual == content)
                continue;
            if (actual is not null && made?.Files.Any(f => f.Path == path) != true)
                plan.Findings.Add($"'{path}' is there and was not made by the agent; move it away");
            else
                changed.Add(new ServiceFile(path, content, actual));
        }

        return changed;
    }

    private static IEnumerable<ServiceFile> FilesToRestore(DesiredServiceFiles desired, WriteServiceFiles? made) =>
        (made?.Files ?? [])
            .Where(f => !desired.Files.ContainsKey(f.Path))
            .Select(f => new ServiceFile(f.Path, f.Was, desired.Actual.GetValueOrDefault(f.Path)));
}
