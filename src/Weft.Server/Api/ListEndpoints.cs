using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Access;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Computed;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;
using Weft.Storage;

namespace Weft.Server.Api;

/// <summary>
/// Collections: a type in a subscription, in a group or under a parent; providers; and everything in a scope.
/// </summary>
internal sealed partial class ListEndpoints(ControlPlane controlPlane, ComputedTypes computed, RelayRuntime relay)
{
    /// <summary>Serves a path that is a collection.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        var parts = path.Trim('/').Split('/');
        if (parts is ["subscriptions"])
            return WithApiVersion(http, "subscriptions", [], () => ServeSubscriptions(http, caller));
        if (parts is ["subscriptions", _, "resourceGroups" or "resourcegroups"])
            return ServeCollection(http, caller, ResourceId.ForSubscription(parts[1]), ResourceId.ResourceGroupType);
        if (parts is ["subscriptions", _, "providers"] or ["subscriptions", _, "providers", _])
            return WithApiVersion(
                http,
                "providers",
                [],
                () => ServeProviders(http, parts[1], parts.ElementAtOrDefault(3))
            );
        if (
            parts[^1].Equals("resources", StringComparison.OrdinalIgnoreCase)
            && ResourceId.TryParse(path[..path.LastIndexOf('/')], out var scope)
        )
            return WithApiVersion(http, "resources", [], () => ServeAll(http, caller, scope));
        return ServeTyped(http, caller, path);
    }

    private Task ServeTyped(HttpContext http, Caller caller, string path)
    {
        // A collection's path is that of one of its resources without the name.
        if (!ResourceId.TryParse($"{path.TrimEnd('/')}/-", out var probe))
            return http.Refuse(
                new Refusal(RefusalCode.InvalidResourceId, $"{path} is neither a resource nor a collection", path)
            );
        if (computed.FindCollection(probe) is { } collection)
            return collection.Serve(http, caller, probe);
        return ServeCollection(http, caller, probe.Parent!, probe.Type);
    }

    private Task ServeCollection(HttpContext http, Caller caller, ResourceId scope, ResourceType type)
    {
        if (AllKinds.List.Find(type) is not { } kind)
            return http.Refuse(ResourceEndpoints.UnknownType(type));
        if (Authorization.CheckList(caller, scope) is { } denied)
            return http.Refuse(denied);
        if (
            scope.ResourceGroup is { } group
            && controlPlane.Store.Current.Get(
                StoreKey.ForResource(ResourceId.ForResourceGroup(scope.Subscription, group))
            )
                is null
        )
            return http.Refuse(
                new Refusal(RefusalCode.ResourceGroupNotFound, $"there is no resource group '{group}'", group)
            );
        if (
            scope.Type != ResourceId.SubscriptionType
            && scope.Type != ResourceId.ResourceGroupType
            && controlPlane.Store.Current.Get(StoreKey.ForResource(scope)) is null
        )
            return http.Refuse(
                new Refusal(
                    RefusalCode.ResourceNotFound,
                    $"{scope} doesn't exist, so nothing stands under it",
                    scope.ToString()
                )
            );
        return WithApiVersion(
            http,
            kind.Type.ToString(),
            kind is ResourceGroup ? [] : kind.ApiVersions,
            () =>
            {
                var state = controlPlane.Store.Current;
                var prefix = $"{StoreKey.PartitionOf(type)}|{scope.Key}/";
                return http.RespondPage(
                    state.Range(prefix, http.SkipToken()).Where(row => MayRead(caller, row)),
                    row => row.Key,
                    row => Render(http, kind, row, state)
                );
            }
        );
    }

    /// <summary>A resource as who asks may see it, with what only the running relay knows.</summary>
    public JsonObject Render(HttpContext http, ResourceKind kind, Row row, StoreState state)
    {
        var body = ResourceBody.Render(kind, row, state);
        var sight = http.Sight();
        if (!sight(RoleAssignment.RootScope))
            VisibleBody.Restrict(kind, row, body, sight.Invoke);
        if (kind.Type == HybridConnection.ResourceType)
            body["properties"]!["listenerCount"] = relay.ListenerCountOf(
                HybridConnection.PathOf(ResourceKind.IdOf(row))
            );
        if (
            kind.Type == DeclaredPool.ResourceType
            && state.Get(StoreKey.ForResource(ResourceKind.IdOf(row).Parent!)) is { } network
        )
            controlPlane.Holders.AddUsage(state, network, sight.Invoke, body["properties"]!.AsObject());
        return body;
    }

    /// <summary>A list is shown to everybody, and holds what the caller may see.</summary>
    private static bool MayRead(Caller caller, Row row) =>
        caller.May(AccessVerb.Read) || caller.May(AccessVerb.Read, ResourceKind.IdOf(row));

    private Task ServeAll(HttpContext http, Caller caller, ResourceId scope)
    {
        if (Authorization.CheckList(caller, scope) is { } denied)
            return http.Refuse(denied);
        var state = controlPlane.Store.Current;
        var filter = http.Request.Query["$filter"].ToString();
        var wanted = TypeFilter().Match(filter) is { Success: true } match ? match.Groups[1].Value : null;
        if (filter.Length > 0 && wanted is null)
            return http.Refuse(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'$filter': {filter} isn't understood; write resourceType eq 'NAMESPACE/TYPE'",
                    "$filter"
                )
            );
        var after = http.SkipToken();
        var rows = AllKinds
            .List.All.Where(kind =>
                kind is not ResourceGroup
                && (wanted is null || kind.Type.ToString().Equals(wanted, StringComparison.OrdinalIgnoreCase))
            )
            .OrderBy(kind => $"{StoreKey.PartitionOf(kind.Type)}|", StringComparer.Ordinal)
            .SelectMany(kind =>
                state
                    .Range($"{StoreKey.PartitionOf(kind.Type)}|{scope.Key}/")
                    .Where(row => MayRead(caller, row))
                    .Select(row => (kind, row))
            )
            .SkipWhile(r => after is not null && string.CompareOrdinal(r.row.Key, after) <= 0);
        return http.RespondPage(rows, r => r.row.Key, r => Render(http, r.kind, r.row, state));
    }

    private Task ServeSubscriptions(HttpContext http, Caller caller)
    {
        var named = controlPlane
            .Store.Current.Range($"{StoreKey.PartitionOf(ResourceId.ResourceGroupType)}|")
            .Select(row => ResourceKind.IdOf(row).Subscription)
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Where(s => caller.Principal!.Assignments.Any(a => a.IsVisible(ResourceId.ForSubscription(s))))
            .Select(s => (JsonNode)Subscriptions.Render(ResourceId.ForSubscription(s)));
        return http.Respond(200, new JsonObject { ["value"] = new JsonArray([.. named]) });
    }

    private static Task ServeProviders(HttpContext http, string subscription, string? wanted)
    {
        var providers = AllKinds
            .List.All.GroupBy(kind => kind.Type.Namespace, StringComparer.OrdinalIgnoreCase)
            .Where(group => wanted is null || group.Key.Equals(wanted, StringComparison.OrdinalIgnoreCase))
            .Select(group =>
                (JsonNode)
                    new JsonObject
                    {
                        ["id"] = $"/subscriptions/{subscription}/providers/{group.Key}",
                        ["namespace"] = group.Key,
                        ["registrationState"] = "Registered",
                        ["registrationPolicy"] = "RegistrationFree",
                        ["resourceTypes"] = new JsonArray([
                            .. group.Select(kind =>
                                (JsonNode)
                                    new JsonObject
                                    {
                                        ["resourceType"] = kind.Type.Path,
                                        ["locations"] = new JsonArray(),
                                        ["apiVersions"] = new JsonArray([
                                            .. kind.ApiVersions.Reverse().Select(v => JsonValue.Create(v)),
                                        ]),
                                    }
                            ),
                        ]),
                    }
            )
            .ToList();
        if (wanted is null)
            return http.Respond(200, new JsonObject { ["value"] = new JsonArray([.. providers]) });
        return providers is [var one]
            ? http.Respond(200, one)
            : http.Refuse(
                new Refusal(
                    RefusalCode.MissingSubscriptionRegistration,
                    $"there is no resource provider '{wanted}' here",
                    wanted
                )
            );
    }

    private static Task WithApiVersion(
        HttpContext http,
        string what,
        ImmutableArray<string> versions,
        Func<Task> serve
    ) => ApiVersion.Check(http, what, versions) is { } refusal ? http.Refuse(refusal) : serve();

    [GeneratedRegex(@"^\s*resourceType\s+eq\s+'([^']+)'\s*\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex TypeFilter();
}
