using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Api;

/// <summary>Plan, who, and the limits: questions that write nothing.</summary>
internal sealed class QuestionEndpoints(Site site, RelayEndpoints relay)
{
    /// <summary>Serves <c>/providers/Weft.Fleet/plan</c>, <c>/providers/Weft.Fleet/limits</c>, <c>/providers/Weft.Ipam/who</c>, <c>/providers/Weft.Relay/check</c> and <c>/providers/Weft.Relay/status</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        var question = path.Trim('/').ToLowerInvariant();
        var method = http.Request.Method;
        if (question is not ("providers/weft.fleet/plan" or "providers/weft.fleet/limits" or "providers/weft.ipam/who" or RelayEndpoints.CheckPath or RelayEndpoints.StatusPath))
            return http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"{path} is no resource", path));
        if (ApiVersion.Check(http, FleetVersions.Namespace, FleetVersions.All) is { } version)
            return http.Refuse(version);
        // An address book shows the whole site.
        if (question is "providers/weft.ipam/who" && Authorization.Need(caller, Privilege.Read, null) is { } denied)
            return http.Refuse(denied);
        return (question, method) switch
        {
            ("providers/weft.fleet/plan", "POST") => Plan(http, caller),
            ("providers/weft.fleet/limits", "GET") => http.Answer(200, site.Limits.ToJson()),
            ("providers/weft.ipam/who", "GET") => Who(http),
            (RelayEndpoints.CheckPath, "GET") => relay.Check(http, caller),
            (RelayEndpoints.StatusPath, "GET") => relay.Status(http, caller),
            _ => http.Refuse(new Refusal(RefusalCode.MethodNotAllowed, $"{method} isn't for {path}", path)),
        };
    }

    private async Task Plan(HttpContext http, Caller caller)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        if (body["resources"] is not JsonArray list || list.Any(element => element is not JsonObject))
        {
            await http.Refuse(new Refusal(RefusalCode.MissingMember, "'resources' must be a list of resources, each with its id", "resources"));
            return;
        }

        List<JsonObject> resources = [.. list.OfType<JsonObject>()];
        // What is in a plan is shown as it is and as it would be.
        var unseen = resources.Select(resource => ResourceId.TryParse(resource["id"]?.ToString(), out var id) ? Authorization.Need(caller, Privilege.Read, id) : null).OfType<Refusal>().ToList();
        if (unseen.Count > 0)
        {
            await http.Refuse(Refusal.Of(unseen, "plan"));
            return;
        }

        var asker = new PlanAsker(id => caller.May(Privilege.Read, id), id => caller.May(Privilege.Write, id))
        {
            Name = caller.Name, From = SourceAddress.Of(http)?.ToString(), Force = http.IsForced(),
        };
        if (site.Plan.Draw(resources, site.Store.Current, site.Now, asker).TryGet(out var plan, out refusal))
            await http.Answer(200, plan);
        else
            await http.Refuse(refusal);
    }

    private Task Who(HttpContext http)
    {
        var image = site.Store.Current;
        var query = http.Request.Query;
        if (query.TryGetValue("address", out var text))
            return Address.Parse(text.ToString(), "address").TryGet(out var address, out var refusal) ? http.Answer(200, site.Who.OfAddress(image, address)) : http.Refuse(refusal);
        if (query.TryGetValue("vlan", out text))
        {
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan) && VlanSet.IsVlan(vlan)
                ? http.Answer(200, site.Who.OfVlan(image, vlan))
                : http.Refuse(new Refusal(RefusalCode.InvalidMember, $"'vlan': {text} is no VLAN id; write 1 to 4094", "vlan"));
        }

        if (query.TryGetValue("mac", out text))
            return http.Answer(200, WhoHas.OfMac(image, text.ToString().ToLowerInvariant().Replace('-', ':')));
        return query.TryGetValue("name", out text) && text.ToString().Length > 0
            ? http.Answer(200, WhoHas.OfName(image, text.ToString()))
            : http.Refuse(new Refusal(RefusalCode.MissingMember, "ask for one of address, vlan, mac or name", "query"));
    }
}
