using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;
using HybridConnection = Weft.Access.HybridConnection;

namespace Weft.Server.Api;

/// <summary>
/// What the relay's resources can do beyond the verbs: connections that are computed, credentials for them, keys, and
/// the question who would get in.
/// </summary>
internal sealed class RelayEndpoints(
    ControlPlane controlPlane,
    RelayTokenIssuer tokens,
    RelayRuntime runtime,
    RelayDirectory directory,
    RelayAuditLog audit
)
{
    /// <summary>The question who would get in.</summary>
    public const string CheckPath = "providers/weft.relay/check";

    /// <summary>The question who is there.</summary>
    public const string StatusPath = "providers/weft.relay/status";

    /// <summary>Two random keys: 256 bits each, as base64.</summary>
    public static ImmutableArray<string> GenerateKeys() => [GenerateKey(), GenerateKey()];

    /// <summary>Whether an id is that of a computed connection.</summary>
    public static bool IsConnection(ResourceId id) =>
        id.Type == TargetConnection.ResourceType && id.Parent is { } target && TargetConnection.ExistsFor(target.Type);

    /// <summary>Serves <c>GET {target}/providers/Weft.Relay/connections/default</c>.</summary>
    public Task ServeConnection(HttpContext http, ResourceId id)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
            return http.Refuse(
                new Refusal(RefusalCode.MethodNotAllowed, $"{id.Type} are drawn; they are only read", id.ToString())
            );
        return FindConnection(http, id).TryGet(out var connection, out var refusal)
            ? http.Respond(200, RenderConnection(connection))
            : http.Refuse(refusal);
    }

    /// <summary>Serves the collection of a target's connections, of which there is one.</summary>
    public Task ServeConnections(HttpContext http, ResourceId target) =>
        FindConnection(http, target.Extend(TargetConnection.ResourceType, NetworkRuleSet.DefaultName))
            .TryGet(out var connection, out var refusal)
            ? http.Respond(200, new JsonObject { ["value"] = new JsonArray(RenderConnection(connection)) })
            : http.Refuse(refusal);

    /// <summary>
    /// Serves <c>POST …/connections/default/listCredentials?expiresin=SECONDS</c>: where, which path, and a token that
    /// is good for a while.
    /// </summary>
    public async Task ServeCredentials(HttpContext http, Caller caller, ResourceId id)
    {
        if (
            !FindConnection(http, id).TryGet(out var connection, out var refusal)
            || !(await http.ReadObject()).TryGet(out var body, out refusal)
            || !ReadCredentialRequest(http, body).TryGet(out var wanted, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        if (
            Authorization.Require(
                caller,
                wanted.Rights == RelayRights.Listen ? Privilege.Listen : Privilege.Connect,
                id
            ) is
            { } denied
        )
            await http.Refuse(denied);
        else if (tokens.Issue(connection, wanted.Rights, wanted.Life, out var expires) is not { } credentials)
            await http.Refuse(RelayRuntime.NotServed);
        else
        {
            audit.WriteIssued(
                connection.Path,
                wanted.Rights == RelayRights.Listen ? ClientRole.Listener : ClientRole.Sender,
                caller.Name,
                SourceAddress.From(http)?.ToString(),
                expires
            );
            http.Response.Headers.CacheControl = "no-store";
            await http.Respond(200, credentials.ToJson());
        }
    }

    /// <summary>Serves <c>listKeys</c> and <c>regenerateKeys</c> of authorization rules.</summary>
    public async Task ServeKeys(HttpContext http, ResourceId rule, string action)
    {
        var regenerates = action.Equals("regenerateKeys", StringComparison.OrdinalIgnoreCase);
        if (!regenerates && !action.Equals("listKeys", StringComparison.OrdinalIgnoreCase))
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.InvalidResourceType,
                    $"an authorization rule has no action '{action}'; it has listKeys and regenerateKeys",
                    rule.ToString()
                )
            );
            return;
        }

        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !(await ReadOrRegenerateKeys(rule, regenerates ? body : null, http.RequestAborted)).TryGet(
                out var keys,
                out refusal
            )
        )
        {
            await http.Refuse(refusal);
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(
            200,
            new JsonObject
            {
                ["keyName"] = rule.Name,
                ["primaryKey"] = keys.Primary,
                ["secondaryKey"] = keys.Secondary,
                ["primaryConnectionString"] = ConnectionString(rule, keys.Primary),
                ["secondaryConnectionString"] = ConnectionString(rule, keys.Secondary),
            }
        );
    }

    /// <summary>
    /// Serves <c>GET
    /// /providers/Weft.Relay/check?from=ADDRESS&amp;to=ID[&amp;as=sender|listener][&amp;service=NAME]</c>.
    /// </summary>
    public Task ServeCheck(HttpContext http, Caller caller)
    {
        var query = http.Request.Query;
        var findings = new List<Refusal>();
        var from = SourceAddress.From(http) ?? default;
        if (
            query.TryGetValue("from", out var text)
            && !Address.Parse(text.ToString(), "from").TryGet(out from, out var refusal)
        )
            findings.Add(refusal);
        if (!ResourceId.TryParse(query["to"], out var to) || !RelayTargets.IsTarget(to.Type))
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'to': '{query["to"]}' is nothing the relay leads to; write the id of a Kubernetes cluster, node, virtual machine, Nexus Cluster, relay namespace or hybrid connection",
                    "to"
                )
            );
        if (query["as"].ToString() is not ("" or "sender" or "listener"))
            findings.Add(
                new Refusal(RefusalCode.InvalidMember, $"'as': '{query["as"]}' is neither sender nor listener", "as")
            );
        if (findings.Count > 0)
            return http.Refuse(Refusal.Combine(findings, "check"));
        var state = controlPlane.Store.Current;
        if (Authorization.Require(caller, Privilege.Read, to) is { } denied)
            return http.Refuse(denied);
        if (state.Get(StoreKey.ForResource(to!)) is not { } row)
            return http.Refuse(new Refusal(RefusalCode.ResourceNotFound, $"{to} doesn't exist", to!.ToString()));
        var role = query["as"] == "listener" ? RelayRole.Listener : RelayRole.Sender;
        ImmutableArray<string> services =
            role == RelayRole.Listener ? [""]
            : query["service"].ToString() is { Length: > 0 } named ? [named]
            : RelayTargets.ServicesOf(to!.Type);
        return http.Respond(200, AccessCheckReport.Create(state, ResourceKind.IdOf(row), role, services, from));
    }

    /// <summary>
    /// Serves <c>GET /providers/Weft.Relay/status</c>: who listens and who is joined with whom, now, as far as the
    /// caller may see.
    /// </summary>
    public Task ServeStatus(HttpContext http, Caller caller)
    {
        if (runtime.Relay?.GetStatus() is not { } now)
            return http.Refuse(RelayRuntime.NotServed);
        var seesAll = caller.HasPrivilege(Privilege.Read);
        bool Sees(string connection) =>
            seesAll || (directory.TargetOf(connection) is { } target && caller.HasPrivilege(Privilege.Read, target));
        var answer = new JsonObject
        {
            ["relay"] = $"{runtime.Address!.Scheme}://{runtime.Address.Authority}",
            ["listeners"] = new JsonArray([
                .. now
                    .Listeners.Where(l => Sees(l.Connection))
                    .Select(l =>
                        (JsonNode)
                            new JsonObject
                            {
                                ["connection"] = l.Connection,
                                ["id"] = l.Id,
                                ["source"] = l.Source.ToString(),
                                ["since"] = l.Since.ToString("O", CultureInfo.InvariantCulture),
                                ["agent"] = l.Agent,
                                ["key"] = l.Key,
                            }
                    ),
            ]),
            ["sessions"] = new JsonArray([
                .. now
                    .Sessions.Where(s => Sees(s.Connection))
                    .Select(s =>
                        (JsonNode)
                            new JsonObject
                            {
                                ["connection"] = s.Connection,
                                ["id"] = s.Id,
                                ["service"] = s.Service,
                                ["source"] = s.Source.ToString(),
                                ["listener"] = s.ListenerId,
                                ["since"] = s.Since.ToString("O", CultureInfo.InvariantCulture),
                                ["key"] = s.Key,
                                ["bytesUp"] = s.BytesUp,
                                ["bytesDown"] = s.BytesDown,
                            }
                    ),
            ]),
        };
        // Counted over all connections, so they are for those who see all.
        if (seesAll)
        {
            answer["waiting"] = now.Waiting;
            answer["totals"] = new JsonObject
            {
                ["sessions"] = now.Totals.Sessions,
                ["requests"] = now.Totals.Requests,
                ["refusals"] = now.Totals.Refusals,
                ["bytesUp"] = now.Totals.BytesUp,
                ["bytesDown"] = now.Totals.BytesDown,
            };
        }

        return http.Respond(200, answer);
    }

    /// <summary>How many listeners wait at a hybrid connection.</summary>
    public int ListenerCountOf(ResourceId connection) => runtime.ListenerCountOf(HybridConnection.PathOf(connection));

    private async Task<Outcome<RelayKeys>> ReadOrRegenerateKeys(
        ResourceId rule,
        JsonObject? regenerate,
        CancellationToken cancel
    )
    {
        RelayKeys? keys = null;
        var outcome = await controlPlane.Decide(
            transaction =>
            {
                if (transaction.Get(rule) is not { } row || transaction.Get(RelayKeys.KeyOf(rule)) is null)
                    return new Refusal(
                        RefusalCode.ResourceNotFound,
                        $"the authorization rule {rule} doesn't exist",
                        rule.ToString()
                    );
                keys = RelayKeys.Find(transaction.State, rule)!;
                if (regenerate is null)
                    return new Decision([], row, transaction.State, false, null);
                if (!keys.Regenerate(regenerate, GenerateKey()).TryGet(out keys, out var refusal))
                    return refusal;
                return new Decision([keys.ToMutation(rule)], row, transaction.State, false, null);
            },
            cancel
        );
        return outcome.TryGet(out _, out var refused) ? keys! : refused;
    }

    private string? ConnectionString(ResourceId rule, string key)
    {
        if (runtime.Address is not { } at)
            return null;
        var path =
            rule.Parent!.Type == HybridConnection.ResourceType
                ? $";EntityPath={HybridConnection.PathOf(rule.Parent)}"
                : "";
        return $"Endpoint=sb://{at.Authority}/;SharedAccessKeyName={rule.Name};SharedAccessKey={key}{path}";
    }

    private JsonObject RenderConnection(TargetConnection connection)
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

    private Outcome<TargetConnection> FindConnection(HttpContext http, ResourceId id)
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

    private static Outcome<(RelayRights Rights, TimeSpan Life)> ReadCredentialRequest(HttpContext http, JsonObject body)
    {
        var findings = new List<Refusal>();
        var request = CredentialRequestSchema.Normalise(body, default, findings);
        var life = RelayTokenIssuer.MaxLifetime;
        if (http.Request.Query.TryGetValue("expiresin", out var text))
        {
            life = TimeSpan.FromSeconds(
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : 0
            );
            if (life < RelayTokenIssuer.MinLifetime || life > RelayTokenIssuer.MaxLifetime)
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'expiresin': {text} is not from {RelayTokenIssuer.MinLifetime.TotalSeconds} to {RelayTokenIssuer.MaxLifetime.TotalSeconds} seconds",
                        "expiresin"
                    )
                );
        }

        if (findings.Count > 0)
            return Refusal.Combine(findings, "listCredentials");
        return (request["role"]!.ToString() == "listener" ? RelayRights.Listen : RelayRights.Send, life);
    }

    private static readonly Schema CredentialRequestSchema = new([SchemaMember.Enum("role", "*sender|listener")]);

    private static string GenerateKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
}
