using System.Collections.Immutable;
using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Relay.Client;
using Weft.Relay.Protocol;
using Weft.Resources;

namespace Weft.Agent.Relay;

/// <summary>
/// A hybrid connection that the agent may listen at, as weftd tells it (docs/specs/agent-api.md, "The relay").
/// </summary>
internal sealed record RelayListenTarget(HybridConnectionAddress Address, RelayToken Token)
{
    /// <summary>Reads weftd's answer.</summary>
    /// <returns>The connections; none where weftd serves no relay, or the node isn't declared.</returns>
    /// <exception cref="ControlPlaneException">It isn't what was agreed.</exception>
    public static ImmutableArray<RelayListenTarget> Read(byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return [.. document.RootElement.Elements("connections").Select(Parse)];
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("what the control plane sent of the relay is no JSON", e);
        }
    }

    private static RelayListenTarget Parse(JsonElement body)
    {
        if (
            !HybridConnectionAddress.TryParse(
                $"{body.Text("relay")}/{body.Text("hybridConnectionName")}",
                out var address
            )
            || body.Text("token") is not { Length: > 0 } token
            || body.Integer("expiresOn") is not { } expires
        )
            throw new ControlPlaneException(
                "what the control plane sent of the relay lacks an address, a token or its end; are weftd and the agent of one version?"
            );
        return new RelayListenTarget(address, new RelayToken(token, DateTimeOffset.FromUnixTimeSeconds(expires)));
    }
}
