using System.Text.Json;
using System.Text.Json.Serialization;

namespace Weft.Contracts;

/// <summary>The answer to <c>POST enroll</c>.</summary>
/// <param name="Credential">The secret that the agent shows from now on; it is said once.</param>
internal sealed record EnrolmentResponse(string AgentId, string Cluster, string Credential)
{
    /// <summary>Whether nothing is empty, and the credential can stand in a header.</summary>
    [JsonIgnore]
    public bool IsComplete =>
        AgentId.Length > 0
        && Cluster.Length > 0
        && Credential.Length > 0
        && Credential.All(c => c is > ' ' and < (char)127);

    /// <summary>The body as weftd answers it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.EnrolmentResponse);

    /// <summary>Reads the body.</summary>
    /// <returns>The answer; null where it is none to the request.</returns>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static EnrolmentResponse? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.EnrolmentResponse) is { IsComplete: true } response
            ? response
            : null;

    /// <summary>The id alone: a record prints all it has, and this one must not.</summary>
    public override string ToString() => AgentId;
}
