using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Api;
using Weft.Server.Identity;

namespace Weft.Server;

/// <summary>How an agent comes to its credential: by a token that is good for one cluster and for nothing else.</summary>
internal sealed class Enrollment(Site site)
{
    private static readonly TimeSpan Validity = TimeSpan.FromHours(24);

    /// <summary>Makes an enrolment token for a cluster. It is shown once; a hash of it is kept.</summary>
    public async Task NewToken(HttpContext http, ResourceId cluster)
    {
        var seen = new Snapshot(site.Store.Current);
        if (seen.Get(cluster) is not { } row)
        {
            await http.Refuse(new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString()));
            return;
        }

        var token = Credentials.NewToken("enr");
        var expires = (site.Clock + Validity).ToString("O", CultureInfo.InvariantCulture);
        var kept = new JsonObject { ["cluster"] = cluster.ToString(), ["made"] = Credentials.MadeAt(row), ["expiresAt"] = expires };
        _ = await site.Store.Commit(Seen.Nothing, [Change.Put($"{Credentials.EnrollmentPartition}|{Credentials.HashText(token)}", kept)], http.RequestAborted);
        http.Response.Headers.CacheControl = "no-store";
        await http.Answer(200, new JsonObject { ["token"] = token, ["expiresAt"] = expires, ["cluster"] = cluster.ToString() });
    }

    /// <summary>Enrols an agent of the token's cluster, or enrols it anew under a new credential.</summary>
    public async Task Enroll(HttpContext http, ResourceId cluster)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var name = body["name"]?.ToString() ?? "";
        var node = body["node"]?.ToString();
        var seen = new Snapshot(site.Store.Current);
        var row = seen.Get(cluster);
        if (!DnsLabel.Is(name))
            refusal = new Refusal(RefusalCode.InvalidMember, $"'name': '{name}' is no DNS label: lower-case letters, digits and hyphens, at most 63", "name");
        else if (row is null)
            refusal = new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist any more", cluster.ToString());
        if (refusal is not null)
        {
            await http.Refuse(refusal);
            return;
        }

        var id = ResourceKind.IdOf(row!).Extend(Agent.ResourceType, name);
        var credential = Credentials.NewToken("agt");
        var document = new JsonObject
        {
            ["id"] = id.ToString(),
            ["properties"] = new JsonObject { ["node"] = node, ["version"] = body["version"]?.ToString(), ["enrolledAt"] = site.Now, ["credentialHash"] = Credentials.HashText(credential) },
            [Provisioning.Member] = new JsonObject { ["state"] = Provisioning.Succeeded },
        };
        if (await site.Store.Commit(seen.Seen, [Change.Put(id, document), Change.Remove(AgentStatus.KeyOf(id.Key)), .. Inventories.RemovedWithAgent(seen.Image, id)], http.RequestAborted) is null)
        {
            await http.Refuse(new Refusal(RefusalCode.Contended, $"{cluster.Name} changed meanwhile; enrol once more", cluster.ToString()));
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await http.Answer(201, new JsonObject { ["agentId"] = id.ToString(), ["cluster"] = id.Parent!.ToString(), ["credential"] = credential });
    }
}
