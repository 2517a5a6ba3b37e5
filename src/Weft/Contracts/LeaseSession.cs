using System.Text.Json;

namespace Weft.Contracts;

/// <summary>The answer to <c>POST leases/session</c>.</summary>
/// <param name="Session">The session's name: 32 hexadecimal digits that nobody can guess.</param>
internal sealed record LeaseSession(string Session)
{
    /// <summary>The answer as weftd sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.LeaseSession);

    /// <summary>Reads the answer.</summary>
    /// <returns>The session; null where the answer is none to the request.</returns>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static LeaseSession? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.LeaseSession) is { Session.Length: > 0 } session
            ? session
            : null;
}
