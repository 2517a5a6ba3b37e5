using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Addressing;
using Weft.Relay.Server.Sessions;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Api;

/// <summary>The questions who would get in at the relay, and who is there.</summary>
internal sealed class RelayQueries(ControlPlane controlPlane, RelayRuntime runtime, RelayDirectory directory)
{
    /// <summary>The question who would get in.</summary>
    public const string CheckPath = "providers/weft.relay/check";

    /// <summary>The question who is there.</summary>
    public const string StatusPath = "providers/weft.relay/status";

    /// <summary>The question what bounds there are.</summary>
    public const string LimitsPath = "providers/weft.relay/limits";

    /// <summary>
    /// Serves <c>GET
    /// /providers/Weft.Relay/check?from=ADDRESS&amp;to=ID[&amp;as=sender|listener][&amp;service=NAME]</c>.
    /// </summary>
    public Task ServeCheck(HttpContext http, Caller caller)
    {
        if (!ReadCheck(http).TryGet(out var question, out var refusal))
            return http.Refuse(refusal);
        var target = question.Target;
        var state = controlPlane.Store.Current;
        if (Authorization.Require(caller, AccessVerb.Read, target) is { } denied)
            return http.Refuse(denied);
        if (state.Get(StoreKey.ForResource(target)) is not { } row)
            return http.Refuse(new Refusal(RefusalCode.ResourceNotFound, $"{target} doesn't exist", target.ToString()));
        var report = AccessCheckReport.Create(
            state,
            ResourceKind.IdOf(row),
            question.As,
            question.Services,
            question.From,
            id => caller.May(AccessVerb.Read, id)
        );
        return http.Respond(200, report);
    }

    /// <summary>
    /// Serves <c>GET /providers/Weft.Relay/status</c>: who listens and who is joined with whom, now, as far as the
    /// caller may see.
    /// </summary>
    public Task ServeStatus(HttpContext http, Caller caller)
    {
        if (runtime.Relay?.GetStatus() is not { } now)
            return http.Refuse(RelayRuntime.NotServed);
        var seesAll = caller.May(AccessVerb.Read);
        bool Sees(string connection) =>
            seesAll || (directory.TargetOf(connection) is { } target && caller.May(AccessVerb.Read, target));
        var listeners = now.Listeners.Where(listener => Sees(listener.Connection)).Select(RenderListener);
        var sessions = now.Sessions.Where(session => Sees(session.Connection)).Select(RenderSession);
        var answer = new JsonObject
        {
            ["relay"] = $"{runtime.Address!.Scheme}://{runtime.Address.Authority}",
            ["listeners"] = new JsonArray([.. listeners]),
            ["sessions"] = new JsonArray([.. sessions]),
        };
        // Counted over all connections, so they are for those who see all.
        if (seesAll)
        {
            answer["waiting"] = now.Waiting;
            answer["totals"] = RenderTotals(now.Totals);
        }

        return http.Respond(200, answer);
    }

    private static Outcome<CheckQuestion> ReadCheck(HttpContext http)
    {
        var query = http.Request.Query;
        var findings = new List<Refusal>();
        var from = SourceAddress.From(http) ?? default;
        if (
            query.TryGetValue("from", out var text)
            && !Address.Parse(text.ToString(), "from").TryGet(out from, out var refusal)
        )
            findings.Add(refusal);
        if (!ResourceId.TryParse(query["to"], out var target) || !RelayTargets.IsTarget(target.Type))
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'to': '{query["to"]}' is nothing the relay leads to; write the id of a Kubernetes cluster, node, "
                        + "virtual machine, Nexus Cluster, relay namespace or hybrid connection",
                    "to"
                )
            );
        if (query["as"].ToString() is not ("" or "sender" or "listener"))
            findings.Add(
                new Refusal(RefusalCode.InvalidMember, $"'as': '{query["as"]}' is neither sender nor listener", "as")
            );
        if (findings.Count > 0)
            return Refusal.Combine(findings, "check");
        if (query["as"] == "listener")
            return new CheckQuestion(target!, AppliesTo.Listeners, [""], from);
        ImmutableArray<string> services = query["service"].ToString() is { Length: > 0 } named
            ? [named]
            : RelayTargets.ServicesOf(target!.Type);
        return new CheckQuestion(target!, AppliesTo.Senders, services, from);
    }

    private static JsonNode RenderListener(ListenerStatus listener) =>
        new JsonObject
        {
            ["connection"] = listener.Connection,
            ["id"] = listener.Id,
            ["source"] = listener.Source.ToString(),
            ["since"] = listener.Since.ToString("O", CultureInfo.InvariantCulture),
            ["agent"] = listener.Agent,
            ["key"] = listener.Key,
        };

    private static JsonNode RenderSession(SessionStatus session) =>
        new JsonObject
        {
            ["connection"] = session.Connection,
            ["id"] = session.Id,
            ["service"] = session.Service,
            ["source"] = session.Source.ToString(),
            ["listener"] = session.ListenerId,
            ["since"] = session.Since.ToString("O", CultureInfo.InvariantCulture),
            ["key"] = session.Key,
            ["bytesUp"] = session.BytesUp,
            ["bytesDown"] = session.BytesDown,
        };

    private static JsonObject RenderTotals(RelayTotals totals) =>
        new()
        {
            ["sessions"] = totals.Sessions,
            ["requests"] = totals.Requests,
            ["refusals"] = totals.Refusals,
            ["bytesUp"] = totals.BytesUp,
            ["bytesDown"] = totals.BytesDown,
        };

    private sealed record CheckQuestion(ResourceId Target, AppliesTo As, ImmutableArray<string> Services, Address From);
}
