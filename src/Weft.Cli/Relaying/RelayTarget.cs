using Weft.Cli.Commands;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Relaying;

/// <summary>The node or machine that people mean.</summary>
internal static class RelayTarget
{
    private static readonly Kind Nodes = KindTable.Need("nodes");

    /// <summary>The node or machine that somebody names, however shortly.</summary>
    /// <param name="text">A node's name, <c>CLUSTER/NODE</c>, a machine's name, or what <see cref="TargetNames"/> reads.</param>
    /// <exception cref="Complaint">Nothing has the name, or several have.</exception>
    public static async Task<ResourceId> HostAsync(Session session, string text, CancellationToken cancel)
    {
        if (TargetNames.Find(session.Scope, text) is { } named)
            return named;
        if (text.Contains('/', StringComparison.Ordinal))
            return session.Scope.Id(Nodes, text);
        var list = new ResourceList(session);
        var found = new List<ResourceId>();
        foreach (var kind in new[] { Nodes, KindTable.VirtualMachines })
        {
            var (hits, _) = await list.FindAsync(kind, [text], parent: null, allGroups: false, cancel);
            found.AddRange(hits.Select(hit => new Row(hit, default).Id).OfType<ResourceId>());
        }

        return found switch
        {
            [var one] => one,
            [] => throw new Complaint($"there is no node and no machine '{text}' in {Place(session)}", next: "see weft get nodes, weft get vms; or name another -g GROUP"),
            _ => throw new Complaint($"'{text}' is {found.Count} things", [.. found.Select(TargetNames.Written)], "write one of these"),
        };
    }

    private static string Place(Session session) => session.Settings.ResourceGroup is { } group ? $"resource group '{group}'" : "the subscription";
}
