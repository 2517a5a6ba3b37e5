using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>Says whom a change waits for, and what to do where one of them doesn't come back: once for each.</summary>
internal sealed class WaitingNotice(Terminal terminal)
{
    private readonly Lock _gate = new();
    private readonly HashSet<(string Resource, string What)> _said = [];

    private const int PodsShown = 5;

    /// <summary>Says what hasn't been said.</summary>
    /// <param name="resource">What is changed.</param>
    public void Report(ResourceId resource, OperationWait wait)
    {
        lock (_gate)
        {
            ReportAgents(resource, [.. wait.Agents.Where(agent => _said.Add((resource.Key, agent)))]);
            ReportPods(resource, [.. wait.Pods.Where(pod => _said.Add((resource.Key, $"{pod.Node} {pod.Address}")))]);
        }
    }

    private void ReportAgents(ResourceId resource, List<string> agents)
    {
        if (agents.Count == 0)
            return;
        var news = agents.ConvertAll(Describe);
        terminal.WriteLine(
            $"{Label.For(resource)} waits until it has been applied by {string.Join(", ", news.Select(agent => agent.Text))}",
            TextStyle.Faint
        );
        foreach (var next in news.Select(agent => agent.Next).OfType<string>())
            terminal.WriteLine($"  where it doesn't come back: {next}", TextStyle.Faint);
    }

    private void ReportPods(ResourceId resource, List<StandingPod> pods)
    {
        if (pods.Count == 0)
            return;
        terminal.WriteLine(
            $"{Label.For(resource)} waits until no pod stands on what it takes away; these do:",
            TextStyle.Faint
        );
        foreach (var pod in pods.Take(PodsShown))
            terminal.WriteLine($"  {pod.Holder} ({pod.Address}) on {pod.Interface}", TextStyle.Faint);
        if (pods.Count > PodsShown)
            terminal.WriteLine($"  and {pods.Count - PodsShown} more", TextStyle.Faint);
        terminal.WriteLine(
            "  to go on now: delete or move these pods; or the same command with --force, which takes it from under them",
            TextStyle.Faint
        );
    }

    /// <summary>Says what a change does to others.</summary>
    public void Warn(ResourceId resource, string warning)
    {
        lock (_gate)
            terminal.WriteLine($"! {Label.For(resource)}: {warning}", TextStyle.Error);
    }

    private static (string Text, string? Next) Describe(string agent) =>
        ResourceId.TryParse(agent, out var id) && id.Parent is { } cluster
            ? ($"agent {id.Name} of {cluster.Name}", $"weft agent forget {id.Name} --cluster {cluster.Name}")
            : (agent, null);
}
