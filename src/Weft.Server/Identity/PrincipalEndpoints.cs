using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Access;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Api;

namespace Weft.Server.Identity;

/// <summary>Who there is besides the administrator: <c>/providers/Weft.Identity/principals</c> (docs/specs/identity.md). For owners of the whole site.</summary>
internal sealed partial class PrincipalEndpoints(Site site)
{
    private const string Collection = "/providers/Weft.Identity/principals";

    /// <summary>Whether a path is served here.</summary>
    public static bool Serves(string path) => path.StartsWith("/providers/Weft.Identity/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Serves a path below <c>/providers/Weft.Identity/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        if ((Authorization.Need(caller, Privilege.Administer, null) ?? ApiVersion.Check(http, Principal.ResourceType.ToString(), FleetVersions.All)) is { } refusal)
            return http.Refuse(refusal);
        var parts = path.Trim('/').Split('/')[2..];
        if (!parts[0].Equals("principals", StringComparison.OrdinalIgnoreCase) || parts.Length > 3)
            return http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"{path} is no resource", path));
        return (http.Request.Method, parts) switch
        {
            ("GET", [_]) => http.Answer(200, new JsonObject { ["value"] = new JsonArray([.. site.Store.Current.Range($"{Principal.Partition}|").Select(row => (JsonNode)Body(row))]) }),
            ("GET", [_, var name]) => site.Store.Current.Get(Principal.KeyOf(name)) is { } row ? http.Answer(200, Body(row)) : http.Refuse(NotFound(name)),
            ("PUT", [_, var name]) => Put(http, caller, name),
            ("DELETE", [_, var name]) => Delete(http, name),
            ("POST", [_, var name, var action]) when action.Equals("rotateToken", StringComparison.OrdinalIgnoreCase) => RotateToken(http, caller, name),
            _ => http.Refuse(new Refusal(RefusalCode.MethodNotAllowed, $"{http.Request.Method} isn't for {path}", path)),
        };
    }

    private async Task Put(HttpContext http, Caller caller, string name)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal) || !Wanted(name, body).TryGet(out var wanted, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var image = site.Store.Current;
        var old = image.Get(Principal.KeyOf(name));
        var document = old?.ToObject() ?? new JsonObject
        {
            ["name"] = name,
            ["systemData"] = new JsonObject { ["createdBy"] = caller.Name, ["createdByType"] = "User", ["createdAt"] = site.Now },
        };
        document["properties"] = wanted["properties"]!.DeepClone();
        if (await Commit(http, caller, image, document))
            await http.Answer(old is null ? 201 : 200, Body(site.Store.Current.Get(Principal.KeyOf(name))!));
    }

    private async Task RotateToken(HttpContext http, Caller caller, string name)
    {
        var image = site.Store.Current;
        if (image.Get(Principal.KeyOf(name)) is not { } row)
        {
            await http.Refuse(NotFound(name));
            return;
        }

        var token = Credentials.NewToken("usr");
        var document = row.ToObject();
        document["tokenHash"] = Credentials.HashText(token);
        document["tokenIssuedAt"] = site.Now;
        if (!await Commit(http, caller, image, document))
            return;
        http.Response.Headers.CacheControl = "no-store";
        await http.Answer(200, new JsonObject { ["name"] = name, ["token"] = token, ["expiresAt"] = ResourceKind.PropertiesOf(row).Text("expiresAt") });
    }

    private async Task Delete(HttpContext http, string name)
    {
        var there = site.Store.Current.Get(Principal.KeyOf(name)) is not null;
        if (there)
            _ = await site.Store.Commit(Seen.Nothing, [Change.Remove(Principal.KeyOf(name))], http.RequestAborted);
        await http.Answer(there ? 200 : 204);
    }

    private async Task<bool> Commit(HttpContext http, Caller caller, Image image, JsonObject document)
    {
        var stamps = document["systemData"]!.AsObject();
        stamps["lastModifiedBy"] = caller.Name;
        stamps["lastModifiedByType"] = "User";
        stamps["lastModifiedAt"] = site.Now;
        Change[] changes = [Change.Put(Principal.KeyOf(document["name"]!.ToString()), document)];
        if (await site.Store.Commit(Seen.Of(image, changes), changes, http.RequestAborted) is not null)
            return true;
        await http.Refuse(new Refusal(RefusalCode.Contended, "somebody else changed the principal meanwhile; try again"));
        return false;
    }

    private static Outcome<JsonObject> Wanted(string name, JsonObject body)
    {
        var findings = new List<Refusal>();
        if (!Names().IsMatch(name) || name == Caller.Administrator.Name)
            findings.Add(new Refusal(RefusalCode.InvalidResourceName, $"'{name}' is no name of a principal: it must match {Principal.NamePattern}, and '{Caller.Administrator.Name}' is taken", "name"));
        var wanted = Principal.Shape.Normalise(body, default, findings);
        if (findings.Count == 0)
            CheckValues(wanted["properties"]!, findings);
        return findings.Count > 0 ? Refusal.Of(findings, $"{Collection}/{name}") : wanted;
    }

    private static void CheckValues(JsonNode properties, List<Refusal> findings)
    {
        foreach (var (assignment, i) in properties["assignments"]!.AsArray().Select((assignment, i) => (assignment!, i)))
        {
            var scope = assignment["scope"]!.ToString();
            if (Principal.ScopeOf(scope) is null)
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'properties.assignments[{i}].scope': '{scope}' is no scope; write / or a resource id", $"properties.assignments[{i}].scope"));
        }

        if (properties["expiresAt"]?.ToString() is { } text && !DateTimeOffset.TryParseExact(text, ["yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _))
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'properties.expiresAt': '{text}' is no time; write it as 2027-01-31T12:00:00Z", "properties.expiresAt"));
    }

    private static JsonObject Body(Stored row)
    {
        var stored = row.ToObject();
        var properties = stored["properties"]!.DeepClone().AsObject();
        properties["tokenIssuedAt"] = stored["tokenIssuedAt"]?.DeepClone();
        return new JsonObject
        {
            ["id"] = $"{Collection}/{stored["name"]}",
            ["name"] = stored["name"]!.DeepClone(),
            ["type"] = Principal.ResourceType.ToString(),
            ["properties"] = properties,
            ["systemData"] = stored["systemData"]!.DeepClone(),
        };
    }

    private static Refusal NotFound(string name) => new(RefusalCode.ResourceNotFound, $"there is no principal '{name}'", $"{Collection}/{name}");

    [GeneratedRegex(Principal.NamePattern, RegexOptions.CultureInvariant)]
    private static partial Regex Names();
}
