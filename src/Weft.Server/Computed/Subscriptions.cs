using System.Text.Json.Nodes;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Computed;

/// <summary>Subscriptions: one exists by being named.</summary>
internal static class Subscriptions
{
    public static Task Serve(HttpContext http, ResourceId id)
    {
        if (ApiVersion.Check(http, id.Type.ToString(), []) is { } refusal)
            return http.Refuse(refusal);
        return HttpMethods.IsGet(http.Request.Method)
            ? http.Respond(200, Render(id))
            : http.Refuse(
                new Refusal(
                    RefusalCode.MethodNotAllowed,
                    "a subscription exists by being named; it is only read",
                    id.ToString()
                )
            );
    }

    public static JsonObject Render(ResourceId id) =>
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
