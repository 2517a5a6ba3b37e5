using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Relays;

namespace Weft.Server.Actions;

/// <summary>
/// <c>POST …/authorizationRules/NAME/listKeys</c> and <c>…/regenerateKeys</c>. Keys are shown by these alone, and never
/// in a body.
/// </summary>
internal sealed class AuthorizationRuleKeys(ControlPlane controlPlane, RelayRuntime runtime)
{
    public Task ServeList(ActionRequest request) => Serve(request.Http, request.Id, Read);

    public Task ServeRegeneration(ActionRequest request) => Serve(request.Http, request.Id, Regenerate);

    /// <summary>Refuses every other action of an authorization rule: it has no others, not even pure ones.</summary>
    public static Task RefuseOther(ActionRequest request) =>
        request.Http.Refuse(
            new Refusal(
                RefusalCode.InvalidResourceType,
                $"an authorization rule has no action '{request.Action}'; it has "
                    + $"{string.Join(" and ", RelayAuthorizationRule.ActionNames)}",
                request.Id.ToString()
            )
        );

    private async Task Serve(HttpContext http, ResourceId rule, DecideOnKeys decide)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Note("key", JsonElement.Parse(Json.ToUtf8(body)).Text("keyType"));
        RelayKeys? keys = null;
        var outcome = await controlPlane.Decide(
            transaction => decide(rule, body, transaction, out keys),
            http.RequestAborted
        );
        if (!outcome.TryGet(out _, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(200, Render(rule, keys!));
    }

    private static Outcome<Decision> Read(
        ResourceId rule,
        JsonObject body,
        ReadTransaction transaction,
        out RelayKeys? keys
    )
    {
        if (!Find(rule, transaction, out keys).TryGet(out var row, out var refusal))
            return refusal;
        return new Decision([], row, transaction.State, false, null);
    }

    private static Outcome<Decision> Regenerate(
        ResourceId rule,
        JsonObject body,
        ReadTransaction transaction,
        out RelayKeys? keys
    )
    {
        if (
            !Find(rule, transaction, out keys).TryGet(out var row, out var refusal)
            || !keys!.Regenerate(body, RandomKeys.Next()).TryGet(out keys, out refusal)
        )
            return refusal;
        return new Decision([keys.ToMutation(rule)], row, transaction.State, false, null);
    }

    private static Outcome<Row> Find(ResourceId rule, ReadTransaction transaction, out RelayKeys? keys)
    {
        keys = null;
        if (transaction.Get(rule) is not { } row || transaction.Get(RelayKeys.KeyOf(rule)) is null)
            return new Refusal(
                RefusalCode.ResourceNotFound,
                $"the authorization rule {rule} doesn't exist",
                rule.ToString()
            );
        keys = RelayKeys.Find(transaction.State, rule);
        return row;
    }

    private JsonObject Render(ResourceId rule, RelayKeys keys) =>
        new()
        {
            ["keyName"] = rule.Name,
            ["primaryKey"] = keys.Primary,
            ["secondaryKey"] = keys.Secondary,
            ["primaryConnectionString"] = ConnectionString(rule, keys.Primary),
            ["secondaryConnectionString"] = ConnectionString(rule, keys.Secondary),
        };

    /// <summary>
    /// Where a client finds it: at the host of its namespace, where namespaces have hosts. Null where there is no relay,
    /// or nothing leads to this namespace.
    /// </summary>
    private string? ConnectionString(ResourceId rule, string key)
    {
        var isOfConnection = rule.Parent!.Type == HybridConnection.ResourceType;
        var space = (isOfConnection ? rule.Parent.Parent! : rule.Parent).Name;
        if (runtime.Hosts is not { } hosts || !hosts.LeadsTo(space))
            return null;
        var path = isOfConnection ? $";EntityPath={hosts.PathWithinHost(space, rule.Parent.Name)}" : "";
        return $"Endpoint=sb://{hosts.AuthorityOf(space)}/;SharedAccessKeyName={rule.Name};SharedAccessKey={key}{path}";
    }

    private delegate Outcome<Decision> DecideOnKeys(
        ResourceId rule,
        JsonObject body,
        ReadTransaction transaction,
        out RelayKeys? keys
    );
}
