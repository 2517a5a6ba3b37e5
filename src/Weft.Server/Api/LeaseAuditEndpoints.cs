using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Reclaim;

namespace Weft.Server.Api;

/// <summary><c>POST /providers/Weft.Ipam/audit</c>: what pods hold that are gone, looked at now.</summary>
internal sealed class LeaseAuditEndpoints(ControlPlane controlPlane, LeaseReclaimer reclaimer)
{
    /// <summary>The question's path.</summary>
    public const string Path = "providers/weft.ipam/audit";

    /// <summary>Serves it.</summary>
    public async Task Serve(HttpContext http, Caller caller)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !Read(body).TryGet(out var question, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        if (question.Repair && Authorization.Require(caller, AccessVerb.Write, question.Network) is { } denied)
            await http.Refuse(denied);
        else
            await http.Respond(
                200,
                (await reclaimer.Audit(question.Network, question.Repair, http.RequestAborted)).ToJson()
            );
    }

    private Outcome<Question> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        foreach (var (member, _) in body.Where(item => item.Key is not ("network" or "repair")))
            findings.Add(
                new Refusal(RefusalCode.UnknownMember, $"an audit has no '{member}'; it has network and repair", member)
            );
        var json = JsonElement.Parse(Json.ToUtf8(body));
        if (body["repair"] is not (null or JsonValue) || json.Member("repair").ValueKind == JsonValueKind.String)
            findings.Add(new Refusal(RefusalCode.InvalidMember, "'repair' must be true or false", "repair"));
        var network = json.Id("network");
        if (body.ContainsKey("network") && network?.Type != L3Network.ResourceType)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'network': '{body["network"]}' is no id of an L3 network",
                    "network"
                )
            );
        else if (network is not null && controlPlane.Store.Current.Get(StoreKey.ForResource(network)) is null)
            findings.Add(new Refusal(RefusalCode.ResourceNotFound, $"{network} doesn't exist", "network"));
        return findings.Count > 0 ? Refusal.Combine(findings, "audit") : new Question(network, json.Boolean("repair"));
    }

    private sealed record Question(ResourceId? Network, bool Repair);
}
