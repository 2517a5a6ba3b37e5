using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Access;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Api;

/// <summary>
/// Who there is besides the administrator: <c>/providers/Weft.Identity/principals</c> (docs/specs/identity.md). For
/// owners of the whole site.
/// </summary>
internal sealed partial class PrincipalEndpoints(ControlPlane controlPlane)
{
    private const string CollectionPath = "/providers/Weft.Identity/principals";

    /// <summary>Whether a path is served here.</summary>
    public static bool Matches(string path) =>
        path.StartsWith("/providers/Weft.Identity/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Serves a path below <c>/providers/Weft.Identity/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        if (
            (
                Authorization.Require(caller, Privilege.Administer, null)
                ?? ApiVersion.Check(http, Principal.ResourceType.ToString(), FleetVersions.All)
            ) is
            { } refusal
        )
            return http.Refuse(refusal);
        var parts = path.Trim('/').Split('/')[2..];
        if (parts is [] || !parts[0].Equals("principals", StringComparison.OrdinalIgnoreCase) || parts.Length > 3)
            return http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"{path} is no resource", path));
        return (http.Request.Method, parts) switch
        {
            ("GET", [_]) => ServeAll(http),
            ("GET", [_, var name]) => ServeOne(http, name),
            ("PUT", [_, var name]) => Put(http, caller, name),
            ("DELETE", [_, var name]) => Delete(http, name),
            ("POST", [_, var name, var action]) when action.Equals("rotateToken", StringComparison.OrdinalIgnoreCase) =>
                RotateToken(http, caller, name),
            _ => http.Refuse(
                new Refusal(RefusalCode.MethodNotAllowed, $"{http.Request.Method} isn't for {path}", path)
            ),
        };
    }

    private Task ServeAll(HttpContext http)
    {
        var principals = controlPlane.Store.Current.Range($"{Principal.Partition}|");
        return http.Respond(
            200,
            new JsonObject { ["value"] = new JsonArray([.. principals.Select(row => (JsonNode)Render(row))]) }
        );
    }

    private Task ServeOne(HttpContext http, string name) =>
        controlPlane.Store.Current.Get(Principal.KeyOf(name)) is { } row
            ? http.Respond(200, Render(row))
            : http.Refuse(NotFound(name));

    private async Task Put(HttpContext http, Caller caller, string name)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !ReadPrincipal(name, body).TryGet(out var wanted, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var state = controlPlane.Store.Current;
        var old = state.Get(Principal.KeyOf(name));
        var document =
            old?.ToJsonObject()
            ?? new JsonObject
            {
                ["name"] = name,
                ["systemData"] = new JsonObject
                {
                    ["createdBy"] = caller.Name,
                    ["createdByType"] = "User",
                    ["createdAt"] = controlPlane.Now,
                },
            };
        document["properties"] = wanted["properties"]!.DeepClone();
        if (await Commit(http, caller, state, document))
            await http.Respond(old is null ? 201 : 200, Render(controlPlane.Store.Current.Get(Principal.KeyOf(name))!));
    }

    private async Task RotateToken(HttpContext http, Caller caller, string name)
    {
        var state = controlPlane.Store.Current;
        if (state.Get(Principal.KeyOf(name)) is not { } row)
        {
            await http.Refuse(NotFound(name));
            return;
        }

        (http.Audit().Id, http.Audit().Action) = ($"{CollectionPath}/{name}", "rotateToken");
        var token = CredentialStore.NewToken("usr");
        var document = row.ToJsonObject();
        document["tokenHash"] = BearerToken.HashOf(token);
        document["tokenIssuedAt"] = controlPlane.Now;
        http.Audit().Note("token", AuditEntry.TokenIdOf(BearerToken.HashOf(token)));
        if (!await Commit(http, caller, state, document))
            return;
        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(
            200,
            new JsonObject
            {
                ["name"] = name,
                ["token"] = token,
                ["expiresAt"] = ResourceKind.PropertiesOf(row).Text("expiresAt"),
            }
        );
    }

    private async Task Delete(HttpContext http, string name)
    {
        var row = controlPlane.Store.Current.Get(Principal.KeyOf(name));
        http.Audit().Change(row, null);
        if (row is not null)
            _ = await controlPlane.Store.Commit(
                ReadSet.Empty,
                [Mutation.Remove(Principal.KeyOf(name))],
                http.RequestAborted
            );
        await http.Respond(row is null ? 204 : 200);
    }

    private async Task<bool> Commit(HttpContext http, Caller caller, StoreState state, JsonObject document)
    {
        var stamps = document["systemData"]!.AsObject();
        stamps["lastModifiedBy"] = caller.Name;
        stamps["lastModifiedByType"] = "User";
        stamps["lastModifiedAt"] = controlPlane.Now;
        Mutation[] changes = [Mutation.Put(Principal.KeyOf(document["name"]!.ToString()), document)];
        if (
            await controlPlane.Store.Commit(ReadSet.FromMutations(state, changes), changes, http.RequestAborted) is
            { } revision
        )
        {
            http.Audit().Change(state.Get(changes[0].Key), new Row(changes[0].Key, revision, changes[0].Bytes!.Value));
            return true;
        }

        await http.Refuse(
            new Refusal(RefusalCode.Contended, "somebody else changed the principal meanwhile; try again")
        );
        return false;
    }

    private static Outcome<JsonObject> ReadPrincipal(string name, JsonObject body)
    {
        var findings = new List<Refusal>();
        if (!WholeText.Matches(NameRegex(), name) || name == Caller.Administrator.Name)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidResourceName,
                    $"'{name}' is no name of a principal: it must match {Principal.NamePattern}, "
                        + $"and '{Caller.Administrator.Name}' is taken",
                    "name"
                )
            );
        var wanted = Principal.Shape.Normalise(body, default, findings);
        if (findings.Count == 0)
            CheckValues(wanted["properties"]!, findings);
        return findings.Count > 0 ? Refusal.Combine(findings, $"{CollectionPath}/{name}") : wanted;
    }

    private static void CheckValues(JsonNode properties, List<Refusal> findings)
    {
        foreach (
            var (assignment, i) in properties["assignments"]!.AsArray().Select((assignment, i) => (assignment!, i))
        )
        {
            var scope = assignment["scope"]!.ToString();
            if (Principal.NormaliseScope(scope) is null)
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'properties.assignments[{i}].scope': '{scope}' is no scope; write / or a resource id",
                        $"properties.assignments[{i}].scope"
                    )
                );
        }

        if (
            properties["expiresAt"]?.ToString() is { } text
            && !DateTimeOffset.TryParseExact(
                text,
                ["yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"],
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out _
            )
        )
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'properties.expiresAt': '{text}' is no time; write it as 2027-01-31T12:00:00Z",
                    "properties.expiresAt"
                )
            );
    }

    private static JsonObject Render(Row row)
    {
        var stored = row.ToJsonObject();
        var properties = stored["properties"]!.DeepClone().AsObject();
        properties["tokenIssuedAt"] = stored["tokenIssuedAt"]?.DeepClone();
        return new JsonObject
        {
            ["id"] = $"{CollectionPath}/{stored["name"]}",
            ["name"] = stored["name"]!.DeepClone(),
            ["type"] = Principal.ResourceType.ToString(),
            ["properties"] = properties,
            ["systemData"] = stored["systemData"]!.DeepClone(),
        };
    }

    private static Refusal NotFound(string name) =>
        new(RefusalCode.ResourceNotFound, $"there is no principal '{name}'", $"{CollectionPath}/{name}");

    [GeneratedRegex(Principal.NamePattern, RegexOptions.CultureInvariant)]
    private static partial Regex NameRegex();
}
