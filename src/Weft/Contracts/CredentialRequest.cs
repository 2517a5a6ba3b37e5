using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Contracts;

/// <summary>The body of <c>POST credential</c>: the agent is about to show another secret.</summary>
/// <param name="CredentialHash">The hash of it (<see cref="BearerToken.HashOf"/>); the secret itself doesn't travel
/// before it is used.</param>
internal sealed record CredentialRequest(string CredentialHash)
{
    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.CredentialRequest);

    /// <summary>Reads the body.</summary>
    public static Outcome<CredentialRequest> Read(JsonObject body) =>
        body["credentialHash"] is JsonValue value && value.TryGetValue<string>(out var hash) && BearerToken.IsHash(hash)
            ? new CredentialRequest(hash)
            : new Refusal(
                RefusalCode.InvalidMember,
                "'credentialHash' must be a SHA-256: 64 lower-case hexadecimal digits",
                "credentialHash"
            );
}
