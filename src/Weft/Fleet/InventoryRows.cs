using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// What agents have found on their nodes. An inventory is a row of its own, so that a report changes no resource; it is
/// kept by the name that the node has in Kubernetes, whether the node is declared yet or not: so the first declaration
/// can be held against it.
/// </summary>
internal static class InventoryRows
{
    /// <summary>The partition of inventories.</summary>
    public const string Partition = "inventory";

    /// <summary>
    /// The largest inventory that is taken, in bytes of compact JSON: 4,096 devices have room in it. 1 MiB.
    /// </summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>The longest text in an inventory.</summary>
    public const int MaxTextLength = 256;

    /// <summary>The key of a node's inventory.</summary>
    /// <param name="node">The node, as it is declared or as its agent calls it.</param>
    public static string KeyOf(ResourceId node)
    {
        return $"{Partition}|{node.Parent!.Key}/{DnsLabel.From(node.Name)}";
    }

    /// <summary>What a node has.</summary>
    /// <returns>The inventory, or null while no agent has reported one.</returns>
    public static NodeInventory? Find(StoreState state, ResourceId node)
    {
        return Read(state.Get(KeyOf(node)));
    }

    /// <summary>What a node has, for a decision that rests on it.</summary>
    /// <returns>The inventory, or null while no agent has reported one.</returns>
    public static NodeInventory? Find(ReadTransaction transaction, ResourceId node)
    {
        return Read(transaction.Get(KeyOf(node)));
    }

    /// <summary>When a node's inventory was reported, RFC 3339.</summary>
    /// <returns>The time, or null while there is none.</returns>
    public static string? ReportedAt(StoreState state, ResourceId node)
    {
        return state.Get(KeyOf(node))?.Json.Text("at");
    }

    /// <summary>Whether any node of a cluster has reported.</summary>
    public static bool HasAnyIn(StoreState state, ResourceId cluster)
    {
        return state.Range($"{Partition}|{cluster.Key}/").Any();
    }

    /// <summary>Takes a report.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    /// <returns>The changes, none where nothing is new; or why it isn't taken.</returns>
    public static Outcome<ImmutableArray<Mutation>> ApplyReport(
        StoreState state,
        Row agent,
        JsonObject body,
        string now
    )
    {
        if (ServedNodeOf(agent) is not { } node)
        {
            var id = ResourceKind.IdOf(agent);
            return new Refusal(
                RefusalCode.Conflict,
                $"agent {id.Name} serves no node, so it has no inventory to report; enrol it with the node's name (weft-agent --node)",
                id.ToString()
            );
        }

        var findings = FindErrors(body);
        if (findings.Count > 0)
            return Refusal.Combine(findings, "inventory");
        // Stored as it is understood: members of a newer agent that nobody here reads are not kept.
        var inventory = NodeInventory
            .Read(System.Text.Json.JsonDocument.Parse(Json.ToUtf8(body)).RootElement.Clone())
            .ToJson();
        if (Json.ToUtf8(inventory) is { Length: > MaxBytes } bytes)
            return new Refusal(
                RefusalCode.RequestTooLarge,
                $"the inventory has {bytes.Length:N0} bytes; {MaxBytes:N0} are the most",
                "devices"
            );
        if (
            state.Get(KeyOf(node))?.ToJsonObject() is { } old
            && JsonNode.DeepEquals(old["inventory"], inventory)
            && old["agent"]?.ToString() == ResourceKind.IdOf(agent).Key
        )
            return ImmutableArray<Mutation>.Empty;
        return ImmutableArray.Create(CreateMutation(node, ResourceKind.IdOf(agent), inventory, now));
    }

    /// <summary>The change that writes an inventory.</summary>
    /// <param name="inventory">The inventory, as <see cref="NodeInventory.ToJson"/> writes it.</param>
    /// <param name="now">The time, RFC 3339.</param>
    public static Mutation CreateMutation(ResourceId node, ResourceId agent, JsonObject inventory, string now)
    {
        return Mutation.Put(
            KeyOf(node),
            new JsonObject
            {
                ["agent"] = agent.Key,
                ["at"] = now,
                ["inventory"] = inventory,
            }
        );
    }

    /// <summary>What goes with an agent: the inventories that it reported, whatever node it served.</summary>
    public static IEnumerable<Mutation> RemovedWithAgent(StoreState state, ResourceId agent)
    {
        return state
            .Range($"{Partition}|{agent.Parent!.Key}/")
            .Where(row => row.Json.Text("agent") == agent.Key)
            .Select(row => Mutation.Remove(row.Key));
    }

    /// <summary>
    /// The node that an agent serves: the declared one, where there is one of that name in Kubernetes.
    /// </summary>
    /// <returns>The node's id, or null where the agent serves the cluster as a whole.</returns>
    public static ResourceId? ServedNodeOf(Row agent) =>
        Agent.NodeOf(agent) is { } name && DnsLabel.IsValid(DnsLabel.From(name))
            ? ResourceKind.IdOf(agent).Parent!.Extend(Node.ResourceType, DnsLabel.From(name))
            : null;

    private static NodeInventory? Read(Row? row) => row?.ReadAs(r => NodeInventory.Read(r.Json.Member("inventory")));

    private static List<Refusal> FindErrors(JsonObject body)
    {
        var findings = new List<Refusal>();
        foreach (var list in (string[])["devices", "hugepages", "plugins"])
        {
            if (body[list] is not JsonArray items)
                findings.Add(
                    new Refusal(
                        RefusalCode.MissingMember,
                        $"'{list}' is required: a list, empty where the node has none",
                        list
                    )
                );
            else if (items.Any(item => item is not JsonObject))
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{list}' must be a list of objects", list));
        }

        CheckTexts(body, "", findings);
        return findings;
    }

    /// <summary>Texts of an inventory end on terminals and in refusals: they are one line each, and short.</summary>
    private static void CheckTexts(JsonNode? node, string path, List<Refusal> findings)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (name, member) in members)
                    CheckTexts(member, path.Length == 0 ? name : $"{path}.{name}", findings);
                break;
            case JsonArray items:
                foreach (var (item, i) in items.Select((item, i) => (item, i)))
                    CheckTexts(item, $"{path}[{i}]", findings);
                break;
            case JsonValue value
                when value.TryGetValue<string>(out var text)
                    && (text.Length > MaxTextLength || text.Any(char.IsControl)):
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'{path}' must be one line of at most {MaxTextLength} characters",
                        path
                    )
                );
                break;
        }
    }
}
