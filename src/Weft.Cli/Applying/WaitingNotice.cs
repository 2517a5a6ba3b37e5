using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>Says whom a change waits for, and what to do where one of them doesn't come back: once for each.</summary>
internal sealed class WaitingNotice(Terminal terminal)
{
    private readonly Lock _gate = new();
    private readonly HashSet<(string Resource, string Agent)> _said = [];

    /// <summary>Says what hasn't been said.</summary>
    /// <param name="resource">What is changed.</param>
    /// <param name="agents">The ids of the agents that haven't applied it yet.</param>
    public void Report(ResourceId resource, IReadOnlyList<string> agents)
    {
        lock (_gate)
        {
            var news = agents.Where(agent => _said.Add((resource.Key, agent))).Select(Describe).ToList();
            if (news.Count == 0)
                return;
            terminal.WriteLine(
                $"{Label.For(resource)} waits until it has been applied by {string.Join(", ", news.Select(agent => agent.Text))}",
                TextStyle.Faint
            );
            foreach (var next in news.Select(agent => agent.Next).OfType<string>())
                terminal.WriteLine($"  where it doesn't come back: {next}", TextStyle.Faint);
        }
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
