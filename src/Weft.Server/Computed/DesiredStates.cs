using System.Text.Json.Nodes;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Computed;

/// <summary>What a cluster or machine should look like.</summary>
internal sealed class DesiredStates(ControlPlane controlPlane)
{
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "desiredStates");

    public Task Serve(HttpContext http, ResourceId id) =>
        controlPlane.FindScope(http, id).TryGet(out var scope, out var refusal)
            ? http.Respond(200, Render(id, RenderScope(scope.State, id.Parent!)))
            : http.Refuse(refusal);

    private DesiredState RenderScope(StoreState state, ResourceId scope) =>
        scope.Type == VirtualMachine.ResourceType
            ? MachineRenderer.Render(state, scope, controlPlane.Limits)
            : ClusterRenderer.Render(state, scope, controlPlane.Limits);

    private static JsonObject Render(ResourceId id, DesiredState desired)
    {
        var properties = desired.ToJson();
        properties["undrawn"] = new JsonArray([
            .. desired.RenderErrors.Select(refusal => refusal.ToErrorBody()["error"]!.DeepClone()),
        ]);
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = ResourceType.ToString(),
            ["properties"] = properties,
        };
    }
}
