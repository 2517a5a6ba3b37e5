using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Computed;

/// <summary>The hybrid connections that clusters, nodes and machines have of themselves.</summary>
internal sealed class RelayConnections(ControlPlane controlPlane, RelayRuntime runtime)
{
    /// <summary>Serves <c>GET {target}/providers/Weft.Relay/connections/default</c>.</summary>
    public Task Serve(HttpContext http, ResourceId id)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
            return http.Refuse(ComputedType.OnlyRead(id));
        return Find(http, id).TryGet(out var connection, out var refusal)
            ? http.Respond(200, Render(connection))
            : http.Refuse(refusal);
    }

    /// <summary>Serves the collection of a target's connections, of which there is one.</summary>
    public Task ServeAll(HttpContext http, Caller caller, ResourceId connection)
    {
        var target = connection.Parent!;
        if (Authorization.Require(caller, AccessVerb.Read, target) is { } denied)
            return http.Refuse(denied);
        return Find(http, target.Extend(TargetConnection.ResourceType, NetworkRuleSet.DefaultName))
            .TryGet(out var only, out var refusal)
            ? http.Respond(200, new JsonObject { ["value"] = new JsonArray(Render(only)) })
            : http.Refuse(refusal);
    }

    /// <summary>The connection that a request names, in a version that is known.</summary>
    public Outcome<TargetConnection> Find(HttpContext http, ResourceId id)
    {
        if (ApiVersion.Check(http, TargetConnection.ResourceType.ToString(), FleetVersions.All) is { } version)
            return version;
        return
            id.Name.Equals(NetworkRuleSet.DefaultName, StringComparison.OrdinalIgnoreCase)
            && TargetConnection.Find(controlPlane.Store.Current, id.Parent!) is { } connection
            ? connection
            : new Refusal(
                RefusalCode.ResourceNotFound,
                $"{id.Parent} has no connection '{id.Name}', or isn't there",
                id.ToString()
            );
    }

    private JsonObject Render(TargetConnection connection)
    {
        var properties = RelayTokenIssuer.RenderLocation(connection, runtime.Address);
        properties["listenerCount"] = runtime.ListenerCountOf(connection.Path);
        if (connection.Target.Type == KubernetesCluster.ResourceType)
            properties[ClusterAuthority.MemberName] = ClusterAuthority.Find(
                controlPlane.Store.Current,
                connection.Target
            );
        var id = connection.Target.Extend(TargetConnection.ResourceType, NetworkRuleSet.DefaultName);
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = id.Type.ToString(),
            ["properties"] = properties,
        };
    }
}
