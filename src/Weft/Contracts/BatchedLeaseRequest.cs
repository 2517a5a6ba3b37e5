using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Contracts;

/// <summary>What an item of <c>POST leases/batch</c> asks for.</summary>
internal enum LeaseVerb
{
    /// <summary>Addresses for an interface of a pod.</summary>
    Acquire,

    /// <summary>Those addresses are free again.</summary>
    Release,

    /// <summary>Which addresses the holder has; nothing is leased for that.</summary>
    Confirm,
}

/// <summary>One item of <c>POST leases/batch</c>.</summary>
internal readonly record struct BatchedLeaseRequest(LeaseVerb Verb, PodLeaseRequest Request);

/// <summary>The body of <c>POST leases/batch</c>. Contract: docs/specs/agent-api.md, "Batches".</summary>
internal static class LeaseBatchBody
{
    /// <summary>The most items: docs/specs/limits.md, "Fixed bounds".</summary>
    public const int MaxItems = 256;

    /// <summary>The most bytes of a body, 512 KiB: 2 KiB an item, of which an ordinary one has 400 bytes.</summary>
    public const int MaxBytes = 512 * 1024;

    /// <summary>The body as the agent sends it.</summary>
    /// <param name="first">Where the first item stands among the agent's requests; each next one has the next number.</param>
    public static byte[] Write(IReadOnlyList<BatchedLeaseRequest> items, RequestOrder first)
    {
        var body = new ArrayBufferWriter<byte>(512 * items.Count);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            first.WriteTo(json);
            json.WriteStartArray("items");
            foreach (var (verb, request) in items)
            {
                json.WriteStartObject();
                json.WriteString("verb", NameOf(verb));
                request.WriteMembers(json);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }

    /// <summary>Reads a body of any form.</summary>
    /// <returns>Each item or what is wrong with it, in the body's order; or why the whole is none.</returns>
    public static Outcome<ImmutableArray<Outcome<BatchedLeaseRequest>>> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        var first = RequestOrder.Read(body, findings);
        if (body["items"] is not JsonArray { Count: > 0 } items)
            findings.Add(
                new Refusal(RefusalCode.MissingMember, "'items' is required: a list of 1 and more requests", "items")
            );
        else if (items.Count > MaxItems)
            findings.Add(TooMany(items.Count));
        else if (findings.Count == 0)
            return items.Select((item, index) => ReadItem(item, index, first)).ToImmutableArray();
        return Refusal.Combine(findings, "batch");
    }

    /// <summary>Why a body is too large; null where it isn't.</summary>
    public static Refusal? CheckLength(long bytes) =>
        bytes <= MaxBytes
            ? null
            : new Refusal(
                RefusalCode.RequestTooLarge,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the batch has {bytes} bytes, and {MaxBytes} are the most; send several"
                )
            );

    /// <summary>The verb of a name.</summary>
    /// <returns>Null where it is none.</returns>
    public static LeaseVerb? VerbOf(string? name) =>
        name switch
        {
            "acquire" => LeaseVerb.Acquire,
            "release" => LeaseVerb.Release,
            "confirm" => LeaseVerb.Confirm,
            _ => null,
        };

    private static string NameOf(LeaseVerb verb) =>
        verb switch
        {
            LeaseVerb.Acquire => "acquire",
            LeaseVerb.Release => "release",
            _ => "confirm",
        };

    private static Outcome<BatchedLeaseRequest> ReadItem(JsonNode? node, int index, RequestOrder? first)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"items[{index}]");
        if (node is not JsonObject item)
            return new Refusal(RefusalCode.InvalidMember, $"'{path}' must be an object", path);
        var findings = new List<Refusal>();
        var verb = VerbOf(item["verb"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null);
        if (verb is null)
            findings.Add(new Refusal(RefusalCode.InvalidMember, "'verb' must be acquire, release or confirm", "verb"));
        foreach (var member in (string[])["session", "sequence", "oldest"])
        {
            if (item.ContainsKey(member))
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{member}' stands once, beside 'items'", member));
        }

        PodLeaseRequest? request = null;
        if (findings.Count == 0 && !PodLeaseRequest.Read(item).TryGet(out request, out var refusal))
            findings.AddRange(refusal.Findings);
        return findings.Count == 0
            ? new BatchedLeaseRequest(verb!.Value, request! with { Order = first?.Plus(index) })
            : Refusal.Combine([.. findings.Select(found => found with { Target = $"{path}.{found.Target}" })], path);
    }

    private static Refusal TooMany(int count) =>
        new(
            RefusalCode.RequestTooLarge,
            string.Create(
                CultureInfo.InvariantCulture,
                $"'items' has {count}, and {MaxItems} are the most; send several batches"
            ),
            "items"
        );
}
