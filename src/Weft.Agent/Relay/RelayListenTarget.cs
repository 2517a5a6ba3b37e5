using System.Collections.Immutable;
using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Relay.Client;
using Weft.Relay.Protocol;

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
            return [.. RelayConnections.Read(document.RootElement).Connections.Select(Parse)];
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("what the control plane sent of the relay is no JSON", e);
        }
    }

    private static RelayListenTarget Parse(RelayAccess? access) =>
        access is not null
        && HybridConnectionAddress.TryParse($"{access.Relay}/{access.HybridConnectionName}", out var address)
            ? new RelayListenTarget(
                address,
                new RelayToken(access.Token, DateTimeOffset.FromUnixTimeSeconds(access.ExpiresOn))
            )
            : throw new ControlPlaneException(
                "what the control plane sent of the relay lacks an address, a token or its end; are weftd and the agent of one version?"
            );
}
