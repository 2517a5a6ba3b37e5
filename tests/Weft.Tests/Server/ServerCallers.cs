using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>Callers of a server besides the administrator.</summary>
internal static class ServerCallers
{
    /// <summary>Makes a principal, and gives it a token.</summary>
    public static async Task<string> IssueToken(
        this InProcessServer server,
        string name,
        (string Role, string Scope)[] assignments,
        string? expires = null
    )
    {
        var path = $"/providers/Weft.Identity/principals/{name}";
        var body = BodyOf(assignments);
        if (expires is not null)
            body["properties"]!["expiresAt"] = expires;
        (await server.Request("PUT", path, body.ToJsonString(), [])).Expect(201);
        return (await server.Post($"{path}/rotateToken", "")).Expect(200).Json["token"]!.ToString();
    }

    /// <summary>The body of a principal or a group.</summary>
    public static JsonObject BodyOf(params (string Role, string Scope)[] assignments) =>
        new()
        {
            ["properties"] = new JsonObject
            {
                ["assignments"] = new JsonArray([
                    .. assignments.Select(a => (JsonNode)new JsonObject { ["role"] = a.Role, ["scope"] = a.Scope }),
                ]),
            },
        };

    /// <summary>Asks as somebody; the api-version is added.</summary>
    public static Task<ServerResponse> SendAs(
        this InProcessServer server,
        string token,
        string method,
        string path,
        string? body = null
    ) =>
        server.Send(
            method,
            $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={Documents.VersionOf(path)}",
            method == "GET" ? null : Encoding.UTF8.GetBytes(body ?? (method == "PUT" ? "{}" : "")),
            token
        );

    /// <summary>Writes a document as somebody.</summary>
    public static Task<ServerResponse> PutAs(this InProcessServer server, string token, Document document) =>
        server.SendAs(token, "PUT", document.Id, document.Body.ToJsonString());
}
