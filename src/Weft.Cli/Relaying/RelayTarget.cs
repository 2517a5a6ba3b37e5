using Weft.Cli.Commands;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Relaying;

/// <summary>What people write for what the relay leads to, and the resources that it may mean.</summary>
internal static class RelayTarget
{
    private static readonly Kind Nodes = KindTable.Need("nodes");

    /// <summary>Words before a slash that say of what kind a name is. <c>cluster</c> is the Kubernetes one, as there are many more of these.</summary>
    private static readonly Dictionary<string, Kind> Words = new[]
    {
        (KindTable.KubernetesClusters, new[] { "cluster" }), (Nodes, []), (KindTable.VirtualMachines, ["machine"]), (KindTable.NexusClusters, ["nexus"]),
        (KindTable.RelayNamespaces, ["namespace"]), (KindTable.HybridConnections, []),
    }.SelectMany(row => row.Item1.Names.Where(name => row.Item1 != KindTable.NexusClusters || name != "cluster").Concat(row.Item2).Select(word => (word, row.Item1)))
        .ToDictionary(pair => pair.word, pair => pair.Item2, StringComparer.OrdinalIgnoreCase);

    /// <summary>How a target is written, for messages.</summary>
    public const string Form = "cluster/NAME, node/CLUSTER/NAME, vm/NAME, or a whole id";

    /// <summary>The resource that somebody names by kind or id; nothing is asked of the server.</summary>
    /// <param name="session">The session.</param>
    /// <param name="text">What they wrote.</param>
    /// <returns>The id.</returns>
    /// <exception cref="Complaint">It names none.</exception>
    public static ResourceId Named(Session session, string text) => TryName(session, text)
        ?? throw Complaint.OfUsage($"'{text}' doesn't say what it is", $"write {Form}");

    /// <summary>The node or machine that somebody names, however shortly.</summary>
    /// <param name="session">The session.</param>
    /// <param name="text">A node's name, <c>CLUSTER/NODE</c>, a machine's name, or what <see cref="Named"/> takes.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <returns>The id.</returns>
    /// <exception cref="Complaint">Nothing has the name, or several have.</exception>
    public static async Task<ResourceId> HostAsync(Session session, string text, CancellationToken cancel)
    {
        if (TryName(session, text) is { } named)
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
            _ => throw new Complaint($"'{text}' is {found.Count} things", [.. found.Select(Written)], "write one of these"),
        };
    }

    /// <summary>How somebody would write a target, so that it means nothing else.</summary>
    /// <param name="id">The resource.</param>
    /// <returns>Such as <c>node/core-east/w1</c>.</returns>
    public static string Written(ResourceId id) =>
        (id.Type == KindTable.KubernetesClusters.Type ? "cluster/" : id.Type == Nodes.Type ? "node/" : id.Type == KindTable.VirtualMachines.Type ? "vm/" : "") is { Length: > 0 } word
            ? word + Label.Path(id) : Label.Of(id);

    private static ResourceId? TryName(Session session, string text)
    {
        if (text.StartsWith('/'))
            return ResourceId.TryParse(text, out var id) ? id : throw Complaint.OfUsage($"'{text}' is no resource id", $"write {Form}");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && Words.TryGetValue(text[..slash], out var kind) ? session.Scope.Id(kind, text[(slash + 1)..]) : null;
    }

    private static string Place(Session session) => session.Settings.ResourceGroup is { } group ? $"resource group '{group}'" : "the subscription";
}
