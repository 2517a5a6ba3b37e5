using Weft.Access;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Relays;

namespace Weft.Server.Agents;

/// <summary>
/// What an agent needs to listen at the relay: for its node where it serves one, else for its cluster
/// (docs/specs/agent-api.md).
/// </summary>
internal sealed class AgentRelayEndpoints(ControlPlane controlPlane, RelayTokenIssuer tokens)
{
    /// <summary>Serves <c>GET /agents/v1/relay</c>.</summary>
    public Task Serve(HttpContext http, ResourceId agent)
    {
        var state = controlPlane.Store.Current;
        var cluster = agent.Parent!;
        if (Agent.Find(state, agent) is not { } row)
            return http.Refuse(Agent.Deleted(agent));
        var node = Agent.NodeOf(row);
        var connection = TargetConnection.Find(state, node is null ? cluster : cluster.Extend(Node.ResourceType, node));
        // A node that isn't declared (yet), or a weftd without a relay: there is nothing to listen at, which is no
        // fault of the agent's.
        DateTimeOffset expires = default;
        var credentials = connection is null
            ? null
            : tokens.Issue(connection, RelayRights.Listen, RelayTokenIssuer.MaxLifetime, out expires);
        if (credentials is not null)
            http.Audit().NoteCredentials(connection!.Path, nameof(ClientRole.Listener), expires);
        http.Response.Headers.CacheControl = "no-store";
        return http.Respond(200, new RelayConnections(credentials is null ? [] : [credentials]).ToJson());
    }
}
