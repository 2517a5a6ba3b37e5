using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Relay;

/// <summary>The node or machine that people mean.</summary>
internal static class RelayTarget
{
    private static readonly Kind NodeKind = KindTable.Nodes;

    /// <summary>The node or machine that somebody names, however shortly.</summary>
    /// <param name="text">A node's name, <c>CLUSTER/NODE</c>, a machine's name, or what <see cref="TargetNames"/>
    /// reads.</param>
    /// <exception cref="CliError">Nothing has the name, or several have.</exception>
    public static async Task<ResourceId> ResolveAsync(CommandSession session, string text, CancellationToken cancel)
    {
        if (TargetNames.Find(session.Scope, text) is { } named)
            return named;
        if (text.Contains('/', StringComparison.Ordinal))
            return session.Scope.ResolveId(NodeKind, text);
        var lookup = new ResourceLookup(session);
        var found = new List<ResourceId>();
        foreach (var kind in new[] { NodeKind, KindTable.VirtualMachines })
        {
            var (hits, _) = await lookup.FindAsync(kind, [text], parent: null, allGroups: false, cancel);
            found.AddRange(hits.Select(hit => new ResourceRow(hit, default).Id).OfType<ResourceId>());
        }

        return found switch
        {
            [var one] => one,
            [] => throw new CliError(
                $"there is no node and no machine '{text}' in {DescribeScope(session)}",
                next: "see weft get nodes, weft get vms; or name another -g GROUP"
            ),
            _ => throw new CliError(
                $"'{text}' is {found.Count} things",
                [.. found.Select(TargetNames.Format)],
                "write one of these"
            ),
        };
    }

    private static string DescribeScope(CommandSession session) =>
        session.Settings.ResourceGroup is { } group ? $"resource group '{group}'" : "the subscription";
}
