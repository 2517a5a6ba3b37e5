using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Contracts;

/// <summary>The body of <c>PUT status</c>: what became of a desired state.</summary>
/// <param name="Digest">The desired state it is about.</param>
/// <param name="Revision">The store's revision it was rendered at.</param>
/// <param name="State"><see cref="Applied"/> or <see cref="Failed"/>.</param>
/// <param name="Message">Why it failed; null or empty where it didn't.</param>
internal sealed record StatusReport(
    string Digest,
    long Revision,
    string State,
    string? Message,
    string? Node,
    string? Version
)
{
    /// <summary>The node or cluster is as desired.</summary>
    public const string Applied = "Applied";

    /// <summary>It isn't.</summary>
    public const string Failed = "Failed";

    /// <summary>The member that carries the CA certificates.</summary>
    public const string AuthorityMember = "certificateAuthority";

    /// <summary>What was found changed by another hand.</summary>
    public ImmutableArray<DriftFinding> Drift { get; init; } = [];

    /// <summary>The CA certificates of the cluster's API server, PEM; null where the agent has none.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>The body as the agent sends it: a message that is too long is cut, rather than refused with all the rest.</summary>
    public byte[] ToBytes() =>
        JsonSerializer.SerializeToUtf8Bytes(
            this with
            {
                Message = Message is null ? null : AgentTexts.Cut(Message, AgentTexts.MaxMessage),
            },
            ContractJson.Default.StatusReport
        );

    /// <summary>
    /// Reads the body but for the certificates, which are judged by who reports them
    /// (<see cref="ReadCertificateAuthority"/>).
    /// </summary>
    public static Outcome<StatusReport> Read(JsonObject body)
    {
        var state = body["state"]?.ToString();
        if (
            state is not (Applied or Failed)
            || body["digest"]?.ToString() is not { Length: > 0 } digest
            || body["revision"] is not JsonValue number
            || !number.TryGetValue<long>(out var revision)
        )
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                "a status has a digest, a revision, and a state of Applied or Failed",
                "state"
            );
        if (AgentTexts.Check(body, AgentTexts.Status).ToList() is { Count: > 0 } tooLong)
            return Refusal.Combine(tooLong, "status");
        return DriftFinding
            .ReadAll(JsonElement.Parse(Resources.Json.ToUtf8(body)))
            .TryGet(out var drift, out var refusal)
            ? new StatusReport(
                digest,
                revision,
                state,
                body["message"]?.ToString(),
                body["node"]?.ToString(),
                body["version"]?.ToString()
            )
            {
                Drift = drift,
            }
            : refusal;
    }

    /// <summary>Reads the certificates of the body.</summary>
    /// <returns>The text, null where the body has none; or why it is no text.</returns>
    public static Outcome<string?> ReadCertificateAuthority(JsonObject body)
    {
        if (body[AuthorityMember] is not { } member)
            return (string?)null;
        return member is JsonValue value && value.TryGetValue<string>(out var pem)
            ? pem
            : new Refusal(RefusalCode.InvalidMember, $"'{AuthorityMember}' must be a text", AuthorityMember);
    }

    /// <summary>Whether another report says the same: arrays are compared by what they hold.</summary>
    public bool Equals(StatusReport? other) =>
        other is not null
        && (Digest, Revision, State, Message, Node, Version, CertificateAuthority)
            == (
                other.Digest,
                other.Revision,
                other.State,
                other.Message,
                other.Node,
                other.Version,
                other.CertificateAuthority
            )
        && Drift.SequenceEqual(other.Drift);

    /// <summary>A hash of it.</summary>
    public override int GetHashCode() => HashCode.Combine(Digest, Revision, State, Message, Drift.Length);
}
