using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Storage;

namespace Weft.Server.Api;

/// <summary>
/// Who there is besides the administrator, in which groups, and what roles there are: <c>/providers/Weft.Identity/…</c>
/// (docs/specs/identity.md). For owners of the whole site; what it may itself, everybody may ask.
/// </summary>
internal sealed class IdentityEndpoints(ControlPlane controlPlane)
{
    private const string RotateAction = "rotateToken";
    private const string Self = "whoami";

    private readonly IdentityDecisions _decisions = new(AllKinds.List);

    /// <summary>Whether a path is served here.</summary>
    public static bool Matches(string path) =>
        path.StartsWith($"/providers/{IdentityCollection.Namespace}/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Serves a path below <c>/providers/Weft.Identity/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        var parts = path.Trim('/').Split('/')[2..];
        var isSelf = parts is [var only] && only.Equals(Self, StringComparison.OrdinalIgnoreCase);
        if (
            (
                (isSelf ? null : Authorization.Require(caller, AccessVerb.Administer, null))
                ?? ApiVersion.Check(http, IdentityCollection.Principals.Type.ToString(), FleetVersions.All)
            ) is
            { } refusal
        )
            return http.Refuse(refusal);
        if (isSelf && HttpMethods.IsGet(http.Request.Method))
            return http.Respond(200, IdentityBodies.RenderSelf(caller, controlPlane.Store.Current));
        if (FindCollection(parts) is not { } collection)
            return http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"{path} is no resource", path));
        return Serve(http, caller, collection, parts)
            ?? http.Refuse(new Refusal(RefusalCode.MethodNotAllowed, $"{http.Request.Method} isn't for {path}", path));
    }

    /// <returns>Null where the method isn't for the path.</returns>
    private Task? Serve(HttpContext http, Caller caller, IdentityCollection collection, string[] parts) =>
        (http.Request.Method, parts) switch
        {
            ("GET", [_]) => ServeAll(http, collection),
            ("GET", [_, var name]) => ServeOne(http, collection, name),
            ("PUT", [_, var name]) => Put(http, caller, collection, name),
            ("DELETE", [_, var name]) => Delete(http, collection, name),
            ("POST", [_, var name, _]) when collection == IdentityCollection.Principals => RotateToken(
                http,
                caller,
                name
            ),
            ("PUT" or "DELETE", [_, var name, _, var member]) when collection == IdentityCollection.Groups => SetMember(
                http,
                caller,
                name,
                member
            ),
            _ => null,
        };

    private static IdentityCollection? FindCollection(string[] parts)
    {
        static bool Is(string part, string word) => part.Equals(word, StringComparison.OrdinalIgnoreCase);
        var collection = IdentityCollection.All.FirstOrDefault(one => parts.Length > 0 && Is(parts[0], one.Plural));
        return parts switch
        {
            [_] or [_, _] => collection,
            [_, _, var action] when Is(action, RotateAction) && collection == IdentityCollection.Principals =>
                collection,
            [_, _, var below, _]
                when Is(below, IdentityCollection.MembersName) && collection == IdentityCollection.Groups => collection,
            _ => null,
        };
    }

    private Task ServeAll(HttpContext http, IdentityCollection collection)
    {
        var state = controlPlane.Store.Current;
        var all = state.Range($"{collection.Partition}|").Select(row => IdentityBodies.Render(collection, row, state));
        if (collection == IdentityCollection.Roles)
            all = Role.BuiltIn.Select(IdentityBodies.RenderBuiltIn).Concat(all);
        return http.Respond(200, new JsonObject { ["value"] = new JsonArray([.. all]) });
    }

    private Task ServeOne(HttpContext http, IdentityCollection collection, string name)
    {
        var state = controlPlane.Store.Current;
        if (collection == IdentityCollection.Roles && Role.FindBuiltIn(name) is { } builtIn)
            return http.Respond(200, IdentityBodies.RenderBuiltIn(builtIn));
        return state.Get(collection.KeyOf(name)) is { } row
            ? http.Respond(200, IdentityBodies.Render(collection, row, state))
            : http.Refuse(IdentityDecisions.NotFound(collection, name));
    }

    private async Task Put(HttpContext http, Caller caller, IdentityCollection collection, string name)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !(await Decide(http, t => _decisions.Put(collection, name, body, AuthorOf(caller), t))).TryGet(
                out var decision,
                out refusal
            )
        )
            await http.Refuse(refusal);
        else
            await http.Respond(
                decision.Created ? 201 : 200,
                IdentityBodies.Render(collection, decision.Row!, decision.After)
            );
    }

    private async Task Delete(HttpContext http, IdentityCollection collection, string name)
    {
        if (
            (await Decide(http, t => IdentityDecisions.Delete(collection, name, t))).TryGet(
                out var decision,
                out var no
            )
        )
            await http.Respond(decision.Unchanged ? 204 : 200);
        else
            await http.Refuse(no);
    }

    private async Task SetMember(HttpContext http, Caller caller, string name, string member)
    {
        var isMember = HttpMethods.IsPut(http.Request.Method);
        http.Audit().Id = IdentityCollection.Groups.PathOf(name);
        http.Audit().Note(isMember ? "added" : "removed", member);
        if (
            (await Decide(http, t => IdentityDecisions.SetMember(name, member, isMember, AuthorOf(caller), t))).TryGet(
                out var decision,
                out var refusal
            )
        )
            await http.Respond(200, IdentityBodies.Render(IdentityCollection.Groups, decision.Row!, decision.After));
        else
            await http.Refuse(refusal);
    }

    private async Task RotateToken(HttpContext http, Caller caller, string name)
    {
        var token = CredentialStore.NewToken("usr");
        var hash = BearerToken.HashOf(token);
        (http.Audit().Id, http.Audit().Action) = (IdentityCollection.Principals.PathOf(name), RotateAction);
        if (
            !(await Decide(http, t => IdentityDecisions.RotateToken(name, hash, AuthorOf(caller), t))).TryGet(
                out var decision,
                out var refusal
            )
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Audit().Note("token", AuditEntry.TokenIdOf(hash));
        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(
            200,
            new JsonObject
            {
                ["name"] = name,
                ["token"] = token,
                ["expiresAt"] = ResourceKind.PropertiesOf(decision.Row!).Text("expiresAt"),
            }
        );
    }

    private async Task<Outcome<Decision>> Decide(HttpContext http, Func<ReadTransaction, Outcome<Decision>> decide)
    {
        var outcome = await controlPlane.Decide(decide, http.RequestAborted);
        if (outcome.TryGet(out var decision, out _))
            http.Audit().Change(decision);
        return outcome;
    }

    private IdentityAuthor AuthorOf(Caller caller) => new(caller.Principal!, controlPlane.Now);
}
