using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>An interface of a node that pods' interfaces stand on.</summary>
/// <param name="Networks">The networks whose leases say that pods do.</param>
internal sealed record PodParent(NodeLink Link, ImmutableArray<ResourceId> Networks);

/// <summary>A parent that nothing declares any more.</summary>
/// <param name="By">Whose write took it out of the declaration: that operation waits until no pod stands on it.</param>
/// <param name="Since">Since when, RFC 3339: who leases later stands elsewhere, by another plugin.</param>
internal sealed record DrainedParent(PodParent Parent, ResourceId By, string Since);

/// <summary>A pod's lease on a network whose parent it stands on.</summary>
internal sealed record PodHold(ResourceId Network, Lease Lease)
{
    /// <summary>The pod, as a person reads it.</summary>
    public string Text => $"{Lease.Holder.Text} ({Lease.Address})";
}

/// <summary>
/// What stays on a node although nothing declares it any more, because pods stand on it: a row for each node, with the
/// interfaces as they were (docs/specs/plugins.md, "Draining").
/// </summary>
internal sealed record Drain(ResourceId Node, ImmutableArray<DrainedParent> Parents)
{
    /// <summary>The partition of the rows.</summary>
    public const string Partition = "drain";

    /// <summary>What drains on the nodes of a cluster.</summary>
    public static IEnumerable<Drain> ListIn(StoreState state, ResourceId cluster) =>
        state.Range($"{Partition}|{cluster.Key}/").Select(Read);

    /// <summary>What drains anywhere.</summary>
    public static IEnumerable<Drain> ListAll(StoreState state) => state.Range($"{Partition}|").Select(Read);

    /// <summary>What drains on a node; nothing where there is no row.</summary>
    public static Drain Of(StoreState state, ResourceId node) =>
        state.Get(KeyOf(node)) is { } row ? Read(row) : new Drain(node, []);

    /// <summary>
    /// The leases of pods that stand on a parent: of its networks, on the node or on one that nobody knows, in the order of
    /// networks and addresses.
    /// </summary>
    /// <param name="until">Only leases that began by then, RFC 3339; null for all.</param>
    public static ImmutableArray<PodHold> PodsOn(
        StoreState state,
        ResourceId node,
        PodParent parent,
        string? until = null
    )
    {
        var prefix = AddressClaims.PodPrefixOf(node.Parent!);
        bool IsThere(Holder holder) =>
            holder.Id.StartsWith(prefix, StringComparison.Ordinal)
            && (holder.Node is null || DnsLabel.From(holder.Node) == DnsLabel.From(node.Name));
        ImmutableArray<PodHold> pods =
        [
            .. parent.Networks.SelectMany(network =>
                NetworkPool
                    .HoldingsOf(state, network)
                    .Leases.SelectMany(lease => lease.ByHolder)
                    .Where(lease => until is null || string.CompareOrdinal(lease.Since, until) <= 0)
                    .Where(lease => IsThere(lease.Holder))
                    .OrderBy(lease => lease.Address)
                    .Select(lease => new PodHold(network, lease))
            ),
        ];
        // Read as rows too, so that whoever rests on this is woken when one of them goes.
        foreach (var pod in pods)
            _ = state.Get(NetworkPool.KeyOf(pod.Network, pod.Lease.Address));
        return pods;
    }

    /// <summary>The pods that something which drains waits for.</summary>
    public ImmutableArray<PodHold> PodsOn(StoreState state, DrainedParent drained) =>
        PodsOn(state, Node, drained.Parent, drained.Since);

    /// <summary>The change that writes it, or removes the row where nothing drains.</summary>
    public Mutation ToMutation() =>
        Parents.IsEmpty ? Mutation.Remove(KeyOf(Node)) : Mutation.Put(KeyOf(Node), ToJson());

    private static string KeyOf(ResourceId node) => $"{Partition}|{node.Key}";

    private JsonObject ToJson() =>
        new()
        {
            ["node"] = Node.ToString(),
            // The form that agents are sent, so that what is kept is what they have.
            ["configuration"] = new NodeConfiguration(
                Node.Name,
                [.. Parents.Select(parent => parent.Parent.Link)],
                [],
                [],
                []
            ).ToJson(),
            ["parents"] = new JsonArray([
                .. Parents.Select(parent => new JsonObject
                {
                    ["by"] = parent.By.ToString(),
                    ["since"] = parent.Since,
                    ["networks"] = new JsonArray([
                        .. parent.Parent.Networks.Select(network => JsonValue.Create(network.ToString())),
                    ]),
                }),
            ]),
        };

    private static Drain Read(Row row) =>
        row.ReadAs(r =>
        {
            var node = r.Json.Id("node")!;
            var links = NodeConfiguration.Read(r.Json.Member("configuration"), node.Name).Value.Links;
            return new Drain(
                node,
                [
                    .. links.Zip(
                        r.Json.Elements("parents"),
                        (link, parent) =>
                            new DrainedParent(
                                new PodParent(
                                    link,
                                    [.. parent.Texts("networks").Select(network => ResourceId.Parse(network).Value)]
                                ),
                                parent.Id("by")!,
                                parent.Text("since") ?? ""
                            )
                    ),
                ]
            );
        });
}
