using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Verification;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>An agent that is to verify, and the node it serves.</summary>
/// <param name="Report">What it found; null while it hasn't answered.</param>
internal sealed record VerifyingAgent(string Name, string Node, VerificationReport? Report = null);

/// <summary>
/// A verification as a resource: the answer to <c>POST {cluster}/verify</c>, and to a GET of its id while agents report.
/// </summary>
/// <param name="IsDone">Whether all agents have answered.</param>
internal sealed record VerificationResponse(string Id, bool IsDone, ImmutableArray<VerifyingAgent> Agents)
{
    /// <summary>The body as weftd answers it.</summary>
    public static JsonObject Render(
        ResourceId id,
        bool isDone,
        VerificationTask task,
        IEnumerable<VerifyingAgent> agents
    ) =>
        new()
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = id.Type.ToString(),
            ["properties"] = new JsonObject
            {
                ["isDone"] = isDone,
                ["task"] = task.ToJson(),
                ["agents"] = new JsonArray([.. agents.Select(agent => (JsonNode)RenderAgent(agent))]),
            },
        };

    /// <summary>Reads the body; what isn't there is empty, and not done.</summary>
    public static VerificationResponse Read(JsonObject body)
    {
        var root = JsonElement.Parse(Json.ToUtf8(body));
        var properties = root.Member("properties");
        return new VerificationResponse(
            root.Text("id") ?? "",
            properties.Boolean("isDone"),
            [
                .. properties
                    .Elements("agents")
                    .Select(agent => new VerifyingAgent(
                        agent.Text("name") ?? "",
                        agent.Text("node") ?? "",
                        agent.Member("report") is { ValueKind: JsonValueKind.Object } report
                            ? VerificationReport.Read(report)
                            : null
                    )),
            ]
        );
    }

    private static JsonObject RenderAgent(VerifyingAgent agent)
    {
        var body = new JsonObject { ["name"] = agent.Name, ["node"] = agent.Node };
        if (agent.Report is { } report)
            body["report"] = report.ToJson();
        return body;
    }
}
