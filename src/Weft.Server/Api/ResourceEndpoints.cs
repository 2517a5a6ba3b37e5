using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Resources;
using Weft.Server.Actions;
using Weft.Server.Audit;
using Weft.Server.Blocks;
using Weft.Server.Computed;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;
using Weft.Storage;

namespace Weft.Server.Api;

/// <summary>
/// The ARM verbs over HTTP, once for all kinds: a path is an id, an id is of a kind, and a verb is a decision.
/// </summary>
internal sealed class ResourceEndpoints(
    ControlPlane controlPlane,
    ListEndpoints lists,
    ComputedTypes computed,
    ActionRegistry actions,
    BlockRecalls recalls
)
{
    /// <summary>Serves a path that is a resource's id, an action below one, or a collection.</summary>
    public async Task Serve(HttpContext http, Caller caller, string path)
    {
        var method = http.Request.Method;
        if (ResourceId.TryParse(path, out var id))
        {
            await ServeResource(http, caller, id);
            return;
        }

        var slash = path.LastIndexOf('/');
        var (above, last) = slash > 0 ? (path[..slash], path[(slash + 1)..]) : ("", path);
        if (HttpMethods.IsPost(method) && ResourceId.TryParse(above, out var target))
            await ServeAction(http, caller, target, last);
        else if (HttpMethods.IsGet(method))
            await lists.Serve(http, caller, path);
        else
            await http.Refuse(
                new Refusal(
                    RefusalCode.InvalidResourceId,
                    $"{method} {path} is neither a resource nor a collection",
                    path
                )
            );
    }

    private async Task ServeResource(HttpContext http, Caller caller, ResourceId id)
    {
        var method = http.Request.Method;
        if (computed.Find(id) is { } type && (AllKinds.List.Find(id.Type) is null || IsReadOfDefault(http, id)))
        {
            await type.Serve(http, id);
            return;
        }

        if (AllKinds.List.Find(id.Type) is not { } kind)
        {
            await http.Refuse(UnknownType(id.Type));
            return;
        }

        if (
            (ApiVersion.Check(http, kind.Type.ToString(), ApiVersionsOf(kind)) ?? CheckIfNoneMatch(http)) is { } refusal
        )
            await http.Refuse(refusal);
        else if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method))
            await Get(http, kind, id);
        else if (HttpMethods.IsPut(method))
            await Put(http, caller, kind, id);
        else if (HttpMethods.IsPatch(method))
            await Patch(http, caller, kind, id);
        else if (HttpMethods.IsDelete(method))
            await Delete(http, caller, kind, id);
        else
            await http.Refuse(
                new Refusal(RefusalCode.MethodNotAllowed, $"{method} isn't for a {kind.Noun}", id.ToString())
            );
    }

    /// <summary>Whether a request reads what nobody has written, and what is there by the defaults.</summary>
    private bool IsReadOfDefault(HttpContext http, ResourceId id) =>
        AccessVerb.OfMethod(http.Request.Method) == AccessVerb.Read
        && controlPlane.Store.Current.Get(StoreKey.ForResource(id)) is null;

    private async Task Get(HttpContext http, ResourceKind kind, ResourceId id)
    {
        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(id)) is { } row)
            await Respond(http, 200, kind, row, state);
        else
            await http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"the {kind.Noun} {id} doesn't exist", id.ToString())
            );
    }

    private async Task Put(HttpContext http, Caller caller, ResourceKind kind, ResourceId id)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !(
                await Decide(
                    transaction => controlPlane.Verbs.Put(CreateWriteRequest(http, caller, id, body), transaction),
                    http.RequestAborted
                )
            ).TryGet(out var decision, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Change(decision);
        Warn(http, decision);
        AnnounceOperation(http, decision.Operation);
        await Respond(http, decision.Created ? 201 : 200, kind, decision.Row!, decision.After);
    }

    private async Task Patch(HttpContext http, Caller caller, ResourceKind kind, ResourceId id)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !(
                await Decide(
                    transaction => controlPlane.Verbs.Patch(CreateWriteRequest(http, caller, id, body), transaction),
                    http.RequestAborted
                )
            ).TryGet(out var decision, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Change(decision);
        Warn(http, decision);
        if (decision.Operation is null || kind.PatchIsTagsOnly)
        {
            await Respond(http, 200, kind, decision.Row!, decision.After);
        }
        else
        {
            AnnounceOperation(http, decision.Operation);
            await http.Respond(202);
        }
    }

    private async Task Delete(HttpContext http, Caller caller, ResourceKind kind, ResourceId id)
    {
        if (
            !(
                await Decide(
                    transaction => controlPlane.Verbs.Delete(CreateWriteRequest(http, caller, id, []), transaction),
                    http.RequestAborted
                )
            ).TryGet(out var decision, out var refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Change(decision);
        Warn(http, decision);
        if (decision.Row is null)
        {
            await http.Respond(decision.Unchanged ? 204 : 200);
            return;
        }

        // Deleting twice is one deletion: the second caller waits for the operation of the first.
        var operation =
            decision.Operation
            ?? (
                Provisioning.OperationOf(decision.Row) is { } name
                && controlPlane.Store.Current.Get(Operation.KeyOf(name)) is { } row
                    ? Operation.Read(row)
                    : null
            );
        AnnounceOperation(http, operation);
        await http.Respond(202);
    }

    private async Task ServeAction(HttpContext http, Caller caller, ResourceId id, string action)
    {
        var kind = AllKinds.List.Find(id.Type);
        var handler = actions.Find(id, action);
        if (kind is null && handler is null)
            await http.Refuse(UnknownType(id.Type));
        else if (kind is not null && ApiVersion.Check(http, kind.Type.ToString(), ApiVersionsOf(kind)) is { } version)
            await http.Refuse(version);
        else if (handler is not null)
            await handler.Serve(new ActionRequest(http, caller, id, action));
        else
            await InvokeAction(http, caller, id, action);
    }

    private async Task InvokeAction(HttpContext http, Caller caller, ResourceId id, string action)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !(
                await Decide(
                    transaction =>
                        controlPlane.Verbs.InvokeAction(
                            CreateWriteRequest(http, caller, id, body),
                            action,
                            transaction
                        ),
                    http.RequestAborted
                )
            ).TryGet(out var decision, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Change(decision);
        Warn(http, decision);
        if (decision.Unchanged)
        {
            await http.Respond(200, new JsonObject { ["status"] = "Succeeded" });
            return;
        }

        AnnounceOperation(http, decision.Operation);
        await http.Respond(202);
    }

    private WriteRequest CreateWriteRequest(HttpContext http, Caller caller, ResourceId id, JsonObject body) =>
        new(id, caller.Name, "User", controlPlane.Now, ControlPlane.NewOperationName())
        {
            CallerAddress = SourceAddress.From(http)?.ToString(),
            CheckJoin = (path, linked) => Authorization.CheckJoin(caller, path, linked),
            Force = http.IsForced(),
            RandomKeys = RandomKeys.Pair(),
            Body = body,
            IfMatch = http.Request.Headers.IfMatch.ToString() is { Length: > 0 } match ? match : null,
            IfNoneMatch = http.Request.Headers.IfNoneMatch.ToString() == "*",
        };

    /// <summary>Decides and commits; what blocks hold back is asked for first.</summary>
    private Task<Outcome<Decision>> Decide(Func<ReadTransaction, Outcome<Decision>> decide, CancellationToken cancel) =>
        recalls.Decide(() => controlPlane.Decide(decide, cancel), cancel);

    private Task Respond(HttpContext http, int status, ResourceKind kind, Row row, StoreState state)
    {
        http.Response.Headers.ETag = $"\"{Provisioning.ETagOf(row)}\"";
        return http.Respond(status, lists.Render(http, kind, row, state));
    }

    /// <summary>
    /// Says what a write does to others, as the API of Kubernetes does it: a header each (RFC 7234 §5.5, code 299).
    /// </summary>
    private static void Warn(HttpContext http, Decision decision)
    {
        foreach (var warning in decision.Warnings)
        {
            var text = warning.VisibleTo(http.Sight().Invoke).Message;
            // A header is ASCII, and a pod is called what its runtime says.
            var plain = string.Concat(text.Select(c => c is '"' or '\\' or < ' ' or > '~' ? '\'' : c));
            http.Response.Headers.Append("Warning", $"299 - \"{plain}\"");
        }
    }

    private static void AnnounceOperation(HttpContext http, Operation? operation)
    {
        if (operation is null)
            return;
        var version = http.Request.Query["api-version"];
        var (subscription, provider) = (operation.Resource.Subscription, operation.Resource.Type.Namespace);
        var below = $"{http.Origin()}/subscriptions/{subscription}/providers/{provider}/locations/global";
        http.Response.Headers["Azure-AsyncOperation"] =
            $"{below}/operationStatuses/{operation.Name}?api-version={version}";
        http.Response.Headers.Location = $"{below}/operationResults/{operation.Name}?api-version={version}";
        http.Response.Headers.RetryAfter = "1";
    }

    private static Refusal? CheckIfNoneMatch(HttpContext http) =>
        http.Request.Headers.IfNoneMatch.ToString() is not ("" or "*") and var tag
            ? new Refusal(
                RefusalCode.InvalidMember,
                $"'If-None-Match': {tag} isn't understood; write *",
                "If-None-Match"
            )
            : null;

    private static ImmutableArray<string> ApiVersionsOf(ResourceKind kind) =>
        kind is ResourceGroup ? [] : kind.ApiVersions;

    /// <summary>Why a type isn't served: its provider is unknown, or the provider has no such type.</summary>
    internal static Refusal UnknownType(ResourceType type)
    {
        var types = AllKinds
            .List.All.Where(kind => kind.Type.Namespace.Equals(type.Namespace, StringComparison.OrdinalIgnoreCase))
            .Select(kind => kind.Type.Path)
            .ToList();
        return types.Count == 0
            ? new Refusal(
                RefusalCode.MissingSubscriptionRegistration,
                $"there is no resource provider '{type.Namespace}' here; there are "
                    + $"{string.Join(", ", AllKinds.List.All.Select(k => k.Type.Namespace).Distinct())}",
                type.Namespace
            )
            : new Refusal(
                RefusalCode.InvalidResourceType,
                $"{type.Namespace} has no type '{type.Path}'; it has {string.Join(", ", types)}",
                type.ToString()
            );
    }
}
