using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Weft.Agent.Leases;

namespace Weft.Agent.ControlPlane;

/// <summary>The body of <c>POST enroll</c>.</summary>
internal sealed record EnrolmentRequest(string Name, string? Node, string Version);

/// <summary>The answer to <c>POST enroll</c>.</summary>
internal sealed record EnrolmentResponse(string AgentId, string Cluster, string Credential)
{
    /// <summary>Whether nothing is empty, and the credential can stand in a header.</summary>
    [JsonIgnore]
    public bool IsComplete =>
        AgentId.Length > 0
        && Cluster.Length > 0
        && Credential.Length > 0
        && Credential.All(c => c is > ' ' and < (char)127);
}

/// <summary>The body of <c>PUT status</c>.</summary>
internal sealed record StatusReport(
    string Digest,
    long Revision,
    string State,
    string? Message,
    string? Node,
    string Version
)
{
    /// <summary>What was found changed by another hand.</summary>
    public ImmutableArray<DriftReport> Drift { get; init; } = [];

    /// <summary>The CA certificates of the cluster's API server, PEM; null where the agent has none.</summary>
    public string? CertificateAuthority { get; init; }

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

/// <summary>An element of <c>drift</c> in the body of <c>PUT status</c>.</summary>
internal sealed record DriftReport(string What, string Was, bool Mended, string At);

/// <summary>The body of <c>POST leases/acquire</c>.</summary>
internal sealed record AcquireRequest(
    string Network,
    string ContainerId,
    string Interface,
    string? Namespace,
    string? Pod,
    string? Uid,
    string? Node,
    IReadOnlyList<string>? Ips
);

/// <summary>The body of <c>POST leases/release</c>.</summary>
internal sealed record ReleaseRequest(string Network, string ContainerId, string Interface);

/// <summary>What a request for the desired state met: a desired state, or the word that there is no other.</summary>
/// <param name="Content">The desired state as it was sent; null where nothing is new.</param>
internal sealed record DesiredResponse(byte[]? Content);

/// <summary>
/// All JSON of the agent that has a fixed shape; reflection wouldn't survive compilation ahead of time.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(EnrolmentRequest))]
[JsonSerializable(typeof(EnrolmentResponse))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(AcquireRequest))]
[JsonSerializable(typeof(ReleaseRequest))]
[JsonSerializable(typeof(Identity))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(LeaseResponse))]
[JsonSerializable(typeof(SocketRequest))]
[JsonSerializable(typeof(JournalHeader))]
[JsonSerializable(typeof(IReadOnlyList<JournalEntry>))]
internal sealed partial class AgentJson : JsonSerializerContext;
