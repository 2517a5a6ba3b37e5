using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Addresses;
using Weft.Server.Api;
using Weft.Server.Identity;

namespace Weft.Server;

/// <summary>What agents ask and say (docs/specs/agent-api.md). The credential says which cluster it is about, never the body.</summary>
internal sealed class AgentEndpoints(Site site, AddressBook book, Enrollment enrollment, Verifications verifications, AgentRelay relay, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan StandardWait = TimeSpan.FromSeconds(30);

    /// <summary>Serves a path below <c>/agents/v1/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path) => (http.Request.Method, path) switch
    {
        ("POST", "enroll") when caller.Enrolls is { } cluster => enrollment.Enroll(http, cluster),
        ("POST", "enroll") => http.Refuse(new Refusal(RefusalCode.AuthorizationFailed, "enrolment takes an enrolment token; make one with: weft agent token --cluster NAME")),
        (_, "desired" or "status" or "inventory" or "leases/acquire" or "leases/release" or "verifications" or "relay") when caller.Agent is null =>
            http.Refuse(new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} is no agent; enrol first")),
        ("GET", "desired") => Desired(http, caller.Agent!),
        ("PUT", "status") => Status(http, caller.Agent!),
        ("PUT", "inventory") => Inventory(http, caller.Agent!),
        ("GET", "relay") => relay.Serve(http, caller.Agent!),
        ("GET", "verifications") => verifications.Pending(http, caller.Agent!),
        ("PUT", _) when path.StartsWith("verifications/", StringComparison.Ordinal) => caller.Agent is { } agent ? verifications.Report(http, agent, path["verifications/".Length..])
            : http.Refuse(new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} is no agent; enrol first")),
        ("POST", "leases/acquire") => Acquire(http, caller.Agent!.Parent!),
        ("POST", "leases/release") => Release(http, caller.Agent!.Parent!),
        _ => http.Refuse(new Refusal(RefusalCode.InvalidResourceId, $"agents know no {http.Request.Method} {path}", path)),
    };

    private async Task Desired(HttpContext http, ResourceId agent)
    {
        var cluster = agent.Parent!;
        var known = http.Request.Query["after"].ToString();
        var wait = http.QueryNumber("wait") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, 60)) : StandardWait;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        stop.CancelAfter(wait);
        // First what is waited behind, then the picture: a change between the two ends the wait at once.
        var image = site.Store.Current;
        var picture = site.Picture(cluster);
        while (picture.Digest == known)
        {
            try
            {
                var drawn = Site.RevisionOf(image);
                do
                    image = await site.Store.Watch(image.Revision, stop.Token);
                while (Site.RevisionOf(image) == drawn);
            }
            catch (OperationCanceledException)
            {
                http.Response.Headers["Weft-Revision"] = site.Store.Current.Revision.ToString(CultureInfo.InvariantCulture);
                await http.Answer(204);
                return;
            }

            if (image.Get(StoreKey.Of(agent)) is not { } row || Provisioning.IsDeleting(row))
            {
                await http.Refuse(Deleted(agent));
                return;
            }

            picture = site.Picture(cluster);
        }

        await http.Answer(200, picture.ToBytes());
    }

    private async Task Status(HttpContext http, ResourceId agent)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var state = body["state"]?.ToString();
        if (state is not ("Applied" or "Failed") || body["digest"]?.ToString() is not { Length: > 0 } digest || body["revision"] is not JsonValue number || !number.TryGetValue<long>(out var revision))
        {
            await http.Refuse(new Refusal(RefusalCode.InvalidRequestContent, "a status has a digest, a revision, and a state of Applied or Failed", "state"));
            return;
        }

        if (!FoundDrift.Read(JsonElement.Parse(Json.Bytes(body))).TryGet(out var drift, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var image = site.Store.Current;
        if (image.Get(StoreKey.Of(agent)) is not { } row)
        {
            await http.Refuse(Deleted(agent));
            return;
        }

        if (!ClusterAuthority.Read(body, row).TryGet(out var authority, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var status = new AgentStatus(digest, revision, state == "Applied", body["message"]?.ToString() ?? "", site.Now)
        {
            Drift = drift,
            CertificateAuthority = authority.Length == 0 ? null : authority,
        };
        if (!status.Repeats(AgentStatus.Of(image, agent.Key)))
            _ = await site.Store.Commit(Seen.Nothing, [status.ToChange(agent.Key)], http.RequestAborted);
        await http.Answer(204);
    }

    private async Task Inventory(HttpContext http, ResourceId agent)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var image = site.Store.Current;
        if (image.Get(StoreKey.Of(agent)) is not { } row)
        {
            await http.Refuse(Deleted(agent));
            return;
        }

        if (!Inventories.Report(image, row, body, site.Now).TryGet(out var changes, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        // The agent's own row is looked at: one that is deleted meanwhile leaves no inventory behind.
        if (!changes.IsEmpty && await site.Store.Commit(Seen.Of(image, [Change.Remove(StoreKey.Of(agent))]), changes, http.RequestAborted) is null)
            await http.Refuse(new Refusal(RefusalCode.Contended, $"agent {agent.Name} changed meanwhile; report once more"));
        else
            await http.Answer(204);
    }

    private static Refusal Deleted(ResourceId agent) => new(RefusalCode.AuthenticationFailed, $"agent {agent.Name} was deleted; its credential is good for nothing");

    private async Task Acquire(HttpContext http, ResourceId cluster)
    {
        if (!(await Read(http, cluster)).TryGet(out var request, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        // The book asks this again of the picture it commits on; asked here it keeps made-up networks out of the book.
        if (!AddressBook.IsAttached(new Snapshot(site.Store.Current), cluster, request.Network))
            await http.Refuse(AddressBook.NotAttached(cluster, request.Network));
        else if ((await book.Ask(request, http.RequestAborted)).TryGet(out var leases, out refusal))
            await http.Answer(200, Body(new Snapshot(site.Store.Current), request.Network, leases));
        else
            await http.Refuse(refusal);
    }

    private async Task Release(HttpContext http, ResourceId cluster)
    {
        // No attachment is asked for: what was leased is given back even after the network was detached.
        if (!(await Read(http, cluster)).TryGet(out var request, out var refusal))
            await http.Refuse(refusal);
        else if (site.Store.Current.Get(StoreKey.Of(request.Network)) is null)
            await http.Answer(204);
        else if (!(await book.Ask(request with { IsRelease = true }, http.RequestAborted)).TryGet(out _, out refusal))
            await http.Refuse(refusal);
        else
            await http.Answer(204);
    }

    private JsonObject Body(Snapshot seen, ResourceId network, IEnumerable<Lease> leases)
    {
        var subnets = seen.Get(network) is { } row ? NetworkPool.Of(seen.Image, row, site.Limits).Subnets : [];
        return new JsonObject
        {
            ["addresses"] = new JsonArray([.. leases.Select(lease =>
            {
                var subnet = subnets.First(s => s.Prefix.Family == lease.Address.Family);
                return (JsonNode)new JsonObject { ["address"] = $"{lease.Address}/{subnet.Prefix.Length}", ["gateway"] = subnet.Gateway.ToString() };
            })]),
            ["routes"] = new JsonArray(),
        };
    }

    private static async Task<Outcome<LeaseRequest>> Read(HttpContext http, ResourceId cluster)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
            return refusal;
        string? Text(string name) => body[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= 256 ? text : null;
        var findings = new List<Refusal>();
        if (!ResourceId.TryParse(Text("network"), out var network) || network.Type != L3Network.ResourceType)
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'network': '{Text("network")}' is no id of an L3 network", "network"));
        foreach (var name in (string[])["containerId", "interface"])
        {
            if (Text(name) is not { } text || text.Contains('#', StringComparison.Ordinal))
                findings.Add(new Refusal(RefusalCode.MissingMember, $"'{name}' is required: up to 256 characters without '#'", name));
        }

        var wanted = new List<Address>();
        if (body["ips"] is not (null or JsonArray))
            findings.Add(new Refusal(RefusalCode.InvalidMember, "'ips' must be a list of addresses", "ips"));
        foreach (var ip in body["ips"] as JsonArray ?? [])
        {
            if (!Address.Parse(ip?.ToString() ?? "", "ips").TryGet(out var address, out refusal))
                findings.Add(refusal);
            else if (wanted.Exists(w => w.Family == address.Family))
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'ips': {address} is a second {address.Family} address; an interface has one of each family", "ips"));
            else
                wanted.Add(address);
        }

        if (findings.Count > 0)
            return Refusal.Of(findings, "lease");
        var pod = Text("pod") is { } podName ? $"{Text("namespace") ?? "default"}/{podName}" : null;
        return new LeaseRequest(cluster, network!, MachineAddresses.PodHolder(cluster, Text("containerId")!, Text("interface")!, pod, Text("node")), [.. wanted], false);
    }
}
