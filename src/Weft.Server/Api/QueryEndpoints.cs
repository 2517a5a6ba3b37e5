using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Planning;
using Weft.Relay.Transport;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Api;

/// <summary>Plan, who, and the limits: questions that write nothing.</summary>
internal sealed class QueryEndpoints(
    ControlPlane controlPlane,
    RelayQueries relay,
    AuditEndpoints audit,
    LeaseAuditEndpoints leases,
    PlanGate plans,
    ServeOptions options
)
{
    /// <summary>
    /// Serves <c>/providers/Weft.Fleet/plan</c>, <c>/providers/Weft.Fleet/limits</c>, <c>/providers/Weft.Ipam/who</c>,
    /// <c>/providers/Weft.Ipam/registrations</c>, <c>/providers/Weft.Ipam/audit</c>, <c>/providers/Weft.Relay/check</c>,
    /// <c>/providers/Weft.Relay/status</c>, <c>/providers/Weft.Relay/limits</c> and <c>/providers/Weft.Site/audit</c>.
    /// </summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        var question = path.Trim('/').ToLowerInvariant();
        var method = http.Request.Method;
        if (
            question
            is not (
                "providers/weft.fleet/plan"
                or "providers/weft.fleet/limits"
                or "providers/weft.ipam/who"
                or RegistrationQuery.Path
                or LeaseAuditEndpoints.Path
                or RelayQueries.CheckPath
                or RelayQueries.StatusPath
                or RelayQueries.LimitsPath
                or AuditEndpoints.Path
            )
        )
            return http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"{path} is no resource", path));
        if (ApiVersion.Check(http, FleetVersions.Namespace, FleetVersions.All) is { } version)
            return http.Refuse(version);
        // An address book shows the whole site.
        if (
            question is "providers/weft.ipam/who" or RegistrationQuery.Path or LeaseAuditEndpoints.Path
            && Authorization.Require(caller, AccessVerb.Read, null) is { } denied
        )
            return http.Refuse(denied);
        return (question, method) switch
        {
            ("providers/weft.fleet/plan", "POST") => ServePlan(http, caller),
            ("providers/weft.fleet/limits", "GET") => http.Respond(200, controlPlane.Limits.ToJson()),
            (RelayQueries.LimitsPath, "GET") => http.Respond(200, options.Numbers.ToJson(DescriptorLimit.Read())),
            (RegistrationQuery.Path, "GET") => http.Respond(200, RegistrationQuery.Create(controlPlane.Store.Current)),
            (LeaseAuditEndpoints.Path, "POST") => leases.Serve(http, caller),
            ("providers/weft.ipam/who", "GET") => ServeHolders(http),
            (RelayQueries.CheckPath, "GET") => relay.ServeCheck(http, caller),
            (AuditEndpoints.Path, "GET") => audit.Serve(http, caller),
            (RelayQueries.StatusPath, "GET") => relay.ServeStatus(http, caller),
            _ => http.Refuse(new Refusal(RefusalCode.MethodNotAllowed, $"{method} isn't for {path}", path)),
        };
    }

    private async Task ServePlan(HttpContext http, Caller caller)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        if (body["resources"] is not JsonArray list || list.Any(element => element is not JsonObject))
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.MissingMember,
                    "'resources' must be a list of resources, each with its id",
                    "resources"
                )
            );
            return;
        }

        List<JsonObject> resources = [.. list.OfType<JsonObject>()];
        // What is in a plan is shown as it is and as it would be.
        var unseen = resources
            .Select(resource =>
                ResourceId.TryParse(resource["id"]?.ToString(), out var id)
                    ? Authorization.Require(caller, AccessVerb.Read, id)
                    : null
            )
            .OfType<Refusal>()
            .ToList();
        if (unseen.Count > 0)
        {
            await http.Refuse(Refusal.Combine(unseen, "plan"));
            return;
        }

        if (!(await plans.Enter(http.CallerKey(), http.RequestAborted)).TryGet(out var place, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        Outcome<PlanResponse> plan;
        using (place)
            plan = CreatePlan(http, caller, resources);
        await (plan.TryGet(out var made, out refusal) ? http.Respond(200, made.ToJson()) : http.Refuse(refusal));
    }

    private Outcome<PlanResponse> CreatePlan(HttpContext http, Caller caller, List<JsonObject> resources)
    {
        var planCaller = new PlanCaller(caller.Sees, id => caller.May(AccessVerb.Write, id))
        {
            CheckJoin = (path, linked) => Authorization.CheckJoin(caller, path, linked),
            Name = caller.Name,
            CallerAddress = SourceAddress.From(http)?.ToString(),
            Force = http.IsForced(),
        };
        return controlPlane.Plan.Create(resources, controlPlane.Store.Current, controlPlane.Now, planCaller);
    }

    private Task ServeHolders(HttpContext http)
    {
        var state = controlPlane.Store.Current;
        var query = http.Request.Query;
        if (query.TryGetValue("address", out var text))
            return ServeAddress(http, text.ToString());
        if (query.TryGetValue("vlan", out text))
        {
            return
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan)
                && VlanSet.IsVlan(vlan)
                ? http.Respond(200, controlPlane.Holders.ByVlan(state, vlan))
                : http.Refuse(
                    new Refusal(RefusalCode.InvalidMember, $"'vlan': {text} is no VLAN id; write 1 to 4094", "vlan")
                );
        }

        if (query.TryGetValue("mac", out text))
            return http.Respond(
                200,
                HolderLookup.ByMacAddress(state, text.ToString().ToLowerInvariant().Replace('-', ':'))
            );
        return query.TryGetValue("name", out text) && text.ToString().Length > 0
            ? http.Respond(200, HolderLookup.ByName(state, text.ToString()))
            : http.Refuse(new Refusal(RefusalCode.MissingMember, "ask for one of address, vlan, mac or name", "query"));
    }

    /// <summary>Who has an address; with <c>history=true</c> also who had it, and with <c>at</c> who had it then.</summary>
    private Task ServeAddress(HttpContext http, string text)
    {
        var (state, query) = (controlPlane.Store.Current, http.Request.Query);
        if (!Address.Parse(text, "address").TryGet(out var address, out var refusal))
            return http.Refuse(refusal);
        DateTimeOffset? at = null;
        if (query.TryGetValue("at", out var time))
        {
            if (
                !DateTimeOffset.TryParse(
                    time.ToString(),
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal,
                    out var read
                )
            )
                return http.Refuse(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'at': '{time}' is no time; write 2026-11-22T10:00:00Z",
                        "at"
                    )
                );
            at = read;
        }

        return at is null && query["history"] != "true"
            ? http.Respond(200, controlPlane.Holders.ByAddress(state, address))
            : http.Respond(
                200,
                controlPlane.Holders.History(
                    state,
                    address,
                    network => controlPlane.History?.History(network, address) ?? [],
                    at
                )
            );
    }
}
