using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Contracts;

/// <summary>What an item of a batch came to.</summary>
/// <param name="Status">What the same request alone is answered with: 200 and a lease, 204, or a refusal's.</param>
/// <param name="Lease">What is held; null where nothing is said of it.</param>
/// <param name="Error">The error body of a refusal; null where it is none.</param>
/// <param name="RetryAfter">Seconds after which it is worth asking again; null where nobody says.</param>
internal sealed record BatchedLeaseAnswer(int Status, PodLease? Lease, JsonObject? Error, int? RetryAfter);

/// <summary>The answer to <c>POST leases/batch</c>, for whoever reads it; weftd writes it item by item.</summary>
internal static class LeaseBatchResponse
{
    /// <summary>Reads the answer.</summary>
    /// <param name="count">How many items were asked for.</param>
    /// <returns>One for each item, in order; null where the answer is none to the request.</returns>
    /// <exception cref="JsonException">It is no JSON, or a member is of another kind.</exception>
    public static IReadOnlyList<BatchedLeaseAnswer>? Read(ReadOnlyMemory<byte> body, int count)
    {
        var answers = ImmutableArray.CreateBuilder<BatchedLeaseAnswer>(count);
        foreach (var item in StrictJson.ParseObject(body).ListOf("items"))
        {
            if (item.ValueKind != JsonValueKind.Object || NumberOf(item, "status") is not { } status)
                return null;
            PodLease? lease = null;
            if (item.TryGetObject("lease", out var json) && !PodLease.TryRead(json, out lease))
                return null;
            var error = item.TryGetObject("error", out var refused)
                ? new JsonObject { ["error"] = JsonNode.Parse(refused.GetRawText()) }
                : null;
            answers.Add(new BatchedLeaseAnswer(status, lease, error, NumberOf(item, "retryAfter")));
        }

        return answers.Count == count ? answers.ToImmutable() : null;
    }

    private static int? NumberOf(JsonElement item, string name) =>
        item.TryGetMember(name, out var member)
        && member.ValueKind == JsonValueKind.Number
        && member.TryGetInt32(out var number)
            ? number
            : null;
}
