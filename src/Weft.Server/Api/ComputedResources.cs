using System.Text.Json.Nodes;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Api;

/// <summary>Resources that are never stored: they are computed when they are asked for.</summary>
internal static class ComputedResources
{
    public static readonly ResourceType DesiredStateType = new(FleetVersions.Namespace, "desiredStates");

    /// <summary>Whether a resource is one of these, on a resource that has them.</summary>
    public static bool Contains(ResourceId id) =>
        id.Parent is { } scope
        && (
            (
                id.Type == DesiredStateType
                && (scope.Type == KubernetesCluster.ResourceType || scope.Type == VirtualMachine.ResourceType)
            )
            || (
                (id.Type == NetworkPool.PoolType || id.Type == NetworkPool.LeaseType)
                && scope.Type == L3Network.ResourceType
            )
        );

    /// <summary>What a cluster or machine should look like.</summary>
    public static JsonObject RenderDesiredState(ResourceId id, DesiredState state)
    {
        var properties = state.ToJson();
        properties["undrawn"] = new JsonArray([
            .. state.RenderErrors.Select(refusal => refusal.ToErrorBody()["error"]!.DeepClone()),
        ]);
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = DesiredStateType.ToString(),
            ["properties"] = properties,
        };
    }

    /// <summary>A subscription: it exists by being named.</summary>
    public static JsonObject RenderSubscription(ResourceId id) =>
        new()
        {
            ["id"] = id.ToString(),
            ["subscriptionId"] = id.Name,
            ["tenantId"] = "00000000-0000-0000-0000-000000000000",
            ["displayName"] = id.Name,
            ["state"] = "Enabled",
            ["authorizationSource"] = "RoleBased",
            ["subscriptionPolicies"] = new JsonObject(),
        };
}
