using System.Text.Json;
using System.Text.Json.Serialization;

namespace Weft.Contracts;

/// <summary>The answer to <c>POST enroll</c>.</summary>
internal sealed record EnrolmentResponse(string AgentId, string Cluster)
{
    /// <summary>Whether nothing is empty.</summary>
    [JsonIgnore]
    public bool IsComplete => AgentId.Length > 0 && Cluster.Length > 0;

    /// <summary>The body as weftd answers it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.EnrolmentResponse);

    /// <summary>Reads the body.</summary>
    /// <returns>The answer; null where it is none to the request.</returns>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static EnrolmentResponse? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.EnrolmentResponse) is { IsComplete: true } response
            ? response
            : null;
}
