using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Verification;

/// <summary>What an agent is asked to verify.</summary>
/// <param name="Node">The one node that is meant, or null for every node of the cluster.</param>
/// <param name="Pod">The pod as <c>namespace/name</c> in whose namespace to look, or null for the node's own.</param>
/// <param name="Network">The one network that is meant, by name or id, or null for all.</param>
internal sealed record VerificationTask(string Id, string? Node, string? Pod, string? Network)
{
    /// <summary>The interface in the pod, where its addresses don't tell which it is.</summary>
    public string? Interface { get; init; }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    public static VerificationTask Read(JsonElement body) =>
        new(body.Text("id") ?? "", body.Text("node"), body.Text("pod"), body.Text("network"))
        {
            Interface = body.Text("interface"),
        };

    /// <summary>The task on the wire.</summary>
    public JsonObject ToJson()
    {
        var body = new JsonObject { ["id"] = Id };
        foreach (
            var (name, value) in ((string, string?)[])
                [("node", Node), ("pod", Pod), ("network", Network), ("interface", Interface)]
        )
        {
            if (value is not null)
                body[name] = value;
        }

        return body;
    }
}

/// <summary>What an agent found.</summary>
/// <param name="Node">The node, or null where the agent serves none.</param>
/// <param name="Error">Why nothing could be looked at, or null.</param>
internal sealed record VerificationReport(string? Node, string? Error, ImmutableArray<InterfaceReport> Interfaces)
{
    /// <summary>
    /// Whether what was asked for isn't this agent's: the pod runs on another node, or the agent serves none.
    /// </summary>
    public bool IsElsewhere { get; init; }

    /// <summary>Whether nothing failed.</summary>
    public bool HasPassed => Error is null && Interfaces.All(i => i.FirstFailure is null);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    public static VerificationReport Read(JsonElement body) =>
        new(body.Text("node"), body.Text("error"), [.. body.Elements("interfaces").Select(InterfaceReport.Read)])
        {
            IsElsewhere = body.Member("elsewhere").ValueKind == JsonValueKind.True,
        };

    /// <summary>The report on the wire.</summary>
    public JsonObject ToJson()
    {
        var body = new JsonObject();
        if (Node is not null)
            body["node"] = Node;
        if (Error is not null)
            body["error"] = Error;
        if (IsElsewhere)
            body["elsewhere"] = true;
        body["interfaces"] = new JsonArray([.. Interfaces.Select(i => (JsonNode)i.ToJson())]);
        return body;
    }
}
