using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Contracts;

/// <summary>
/// Where a request about leases stands among all of its agent, so that one that comes late does nothing: an acquire
/// that was held up on its way and comes behind its own release would lease to a pod that is gone, for ever. Contract:
/// docs/specs/agent-api.md, "Leases".
/// </summary>
/// <param name="Session">The lease session, as weftd has named it.</param>
/// <param name="Sequence">The request's number in the session: 1 and up, each greater than all before.</param>
/// <param name="Oldest">
/// The least number that the agent still waits for an answer to; at most <paramref name="Sequence"/>. What is below was
/// answered or given up.
/// </param>
internal sealed record RequestOrder(string Session, long Sequence, long Oldest)
{
    /// <summary>Characters of a session's name.</summary>
    public const int MaxSessionLength = 64;

    /// <summary>The order of an item of a batch, of which this is the first one's.</summary>
    public RequestOrder Plus(int index) => index == 0 ? this : this with { Sequence = Sequence + index };

    /// <summary>Writes the three members of the body.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("session", Session);
        json.WriteNumber("sequence", Sequence);
        json.WriteNumber("oldest", Oldest);
    }

    /// <summary>Reads the members of a body.</summary>
    /// <param name="findings">Is told what is wrong with them.</param>
    /// <returns>The order; null where the body has none of the three, or not what they must be.</returns>
    public static RequestOrder? Read(JsonObject body, ICollection<Refusal> findings)
    {
        if (!body.ContainsKey("session") && !body.ContainsKey("sequence") && !body.ContainsKey("oldest"))
            return null;
        if (body["session"] is not JsonValue value || !value.TryGetValue<string>(out var session))
            session = "";
        var (sequence, oldest) = (Number(body["sequence"]), Number(body["oldest"]));
        if (session.Length is > 0 and <= MaxSessionLength && sequence >= 1 && oldest >= 1 && oldest <= sequence)
            return new RequestOrder(session, sequence, oldest);
        findings.Add(
            new Refusal(
                RefusalCode.InvalidMember,
                "'session', 'sequence' and 'oldest' go together: the name of a lease session, the request's number of 1 and up, "
                    + "and the least number that is still waited for",
                "session"
            )
        );
        return null;
    }

    private static long Number(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<long>(out var number) ? number : 0;
}
