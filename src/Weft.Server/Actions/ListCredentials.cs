using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Computed;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Actions;

/// <summary>
/// <c>POST …/connections/default/listCredentials?expiresin=SECONDS</c>: where a connection is, which path it has, and a
/// token that is good for a while.
/// </summary>
internal sealed class ListCredentials(RelayConnections connections, RelayTokenIssuer tokens, RelayAuditLog audit)
{
    private static readonly Schema BodySchema = new([SchemaMember.Enum("role", "*sender|listener")]);

    public async Task Serve(ActionRequest action)
    {
        var (http, caller, id, _) = action;
        if (
            !connections.Find(http, id).TryGet(out var connection, out var refusal)
            || !(await http.ReadObject()).TryGet(out var body, out refusal)
            || !ReadRequest(http, body).TryGet(out var request, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        if (Authorization.Require(caller, request.Verb, id) is { } denied)
        {
            await http.Refuse(denied);
            return;
        }

        if (tokens.Issue(connection, request.Rights, request.Lifetime, out var expires) is not { } credentials)
        {
            await http.Refuse(RelayRuntime.NotServed);
            return;
        }

        var source = SourceAddress.From(http)?.ToString();
        audit.WriteIssued(connection.Path, request.Role, caller.Name, source, expires);
        http.Audit().NoteCredentials(connection.Path, request.Role.ToString(), expires);
        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(200, credentials.ToJson());
    }

    private static Outcome<CredentialRequest> ReadRequest(HttpContext http, JsonObject body)
    {
        var findings = new List<Refusal>();
        var request = BodySchema.Normalise(body, default, findings);
        var lifetime = ReadLifetime(http, findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, TargetConnection.CredentialsAction);
        var role = request["role"]!.ToString() == "listener" ? ClientRole.Listener : ClientRole.Sender;
        return new CredentialRequest(role, lifetime);
    }

    private static TimeSpan ReadLifetime(HttpContext http, List<Refusal> findings)
    {
        if (!http.Request.Query.TryGetValue("expiresin", out var text))
            return RelayTokenIssuer.MaxLifetime;
        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds);
        var lifetime = TimeSpan.FromSeconds(isNumber ? seconds : 0);
        if (lifetime < RelayTokenIssuer.MinLifetime || lifetime > RelayTokenIssuer.MaxLifetime)
        {
            var (least, most) = (RelayTokenIssuer.MinLifetime.TotalSeconds, RelayTokenIssuer.MaxLifetime.TotalSeconds);
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'expiresin': {text} is not from {least} to {most} seconds",
                    "expiresin"
                )
            );
        }

        return lifetime;
    }

    private sealed record CredentialRequest(ClientRole Role, TimeSpan Lifetime)
    {
        public RelayRights Rights => Role == ClientRole.Listener ? RelayRights.Listen : RelayRights.Send;

        public string Verb => Role == ClientRole.Listener ? AccessVerb.Listen : AccessVerb.Connect;
    }
}
