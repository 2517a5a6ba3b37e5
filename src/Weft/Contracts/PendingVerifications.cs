using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Verification;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>The answer to <c>GET verifications</c>: what is asked of an agent and not answered yet.</summary>
/// <param name="After">The number to ask with next; null where the answer doesn't say.</param>
internal sealed record PendingVerifications(long? After, ImmutableArray<VerificationTask> Tasks)
{
    /// <summary>The body as weftd answers it.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["after"] = After,
            ["verifications"] = new JsonArray([.. Tasks.Select(task => (JsonNode)task.ToJson())]),
        };

    /// <summary>Reads the body; a task without an id can't be answered and is left out.</summary>
    public static PendingVerifications Read(JsonElement body) =>
        new(
            body.Integer("after"),
            [.. body.Elements("verifications").Select(VerificationTask.Read).Where(task => task.Id.Length > 0)]
        );
}
