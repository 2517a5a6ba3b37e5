using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Leases;

namespace Weft.Server.Agents;

/// <summary>
/// What agents ask and say (docs/specs/agent-api.md). The credential says which cluster it is about, never the body.
/// </summary>
internal sealed class AgentEndpoints(
    ControlPlane controlPlane,
    LeaseAllocator allocator,
    EnrolmentEndpoints enrolment,
    VerificationEndpoints verifications,
    AgentRelayEndpoints relay,
    IHostApplicationLifetime lifetime
)
{
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(30);

    /// <summary>Serves a path below <c>/agents/v1/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path) =>
        (http.Request.Method, path) switch
        {
            ("POST", "enroll") when caller.EnrolmentCluster is { } cluster => enrolment.Enrol(http, cluster),
            ("POST", "enroll") => http.Refuse(
                new Refusal(
                    RefusalCode.AuthorizationFailed,
                    "enrolment takes an enrolment token; make one with: weft agent token --cluster NAME"
                )
            ),
            (
                _,
                "desired"
                    or "status"
                    or "inventory"
                    or "leases/acquire"
                    or "leases/release"
                    or "verifications"
                    or "relay"
            ) when caller.AgentId is null => http.Refuse(
                new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} is no agent; enrol first")
            ),
            ("GET", "desired") => ServeDesiredState(http, caller.AgentId!),
            ("PUT", "status") => ServeStatus(http, caller.AgentId!),
            ("PUT", "inventory") => ServeInventory(http, caller.AgentId!),
            ("GET", "relay") => relay.Serve(http, caller.AgentId!),
            ("GET", "verifications") => verifications.ServePending(http, caller.AgentId!),
            ("PUT", _) when path.StartsWith("verifications/", StringComparison.Ordinal) => caller.AgentId is { } agent
                ? verifications.AcceptReport(http, agent, path["verifications/".Length..])
                : http.Refuse(new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} is no agent; enrol first")),
            ("POST", "leases/acquire") => AcquireLeases(http, caller.AgentId!.Parent!),
            ("POST", "leases/release") => ReleaseLeases(http, caller.AgentId!.Parent!),
            _ => http.Refuse(
                new Refusal(RefusalCode.InvalidResourceId, $"agents know no {http.Request.Method} {path}", path)
            ),
        };

    private async Task ServeDesiredState(HttpContext http, ResourceId agent)
    {
        var cluster = agent.Parent!;
        var known = http.Request.Query["after"].ToString();
        var wait = http.QueryInteger("wait") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, 60)) : DefaultWait;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            lifetime.ApplicationStopping
        );
        stop.CancelAfter(wait);
        // First what is waited behind, then the desired state: a change between the two ends the wait at once.
        var state = controlPlane.Store.Current;
        var desired = controlPlane.DesiredStateOf(cluster);
        while (desired.Digest == known)
        {
            try
            {
                var drawn = ControlPlane.ResourceRevisionOf(state);
                do state = await controlPlane.Store.Watch(state.Revision, stop.Token);
                while (ControlPlane.ResourceRevisionOf(state) == drawn);
            }
            catch (OperationCanceledException)
            {
                http.Response.Headers["Weft-Revision"] = controlPlane.Store.Current.Revision.ToString(
                    CultureInfo.InvariantCulture
                );
                await http.Respond(204);
                return;
            }

            if (state.Get(StoreKey.ForResource(agent)) is not { } row || Provisioning.IsDeleting(row))
            {
                await http.Refuse(AgentDeleted(agent));
                return;
            }

            desired = controlPlane.DesiredStateOf(cluster);
        }

        await http.Respond(200, desired.ToBytes());
    }

    private async Task ServeStatus(HttpContext http, ResourceId agent)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var state = body["state"]?.ToString();
        if (
            state is not ("Applied" or "Failed")
            || body["digest"]?.ToString() is not { Length: > 0 } digest
            || body["revision"] is not JsonValue number
            || !number.TryGetValue<long>(out var revision)
        )
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.InvalidRequestContent,
                    "a status has a digest, a revision, and a state of Applied or Failed",
                    "state"
                )
            );
            return;
        }

        if (!DriftFinding.Read(JsonElement.Parse(Json.ToUtf8(body))).TryGet(out var drift, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var image = controlPlane.Store.Current;
        if (image.Get(StoreKey.ForResource(agent)) is not { } row)
        {
            await http.Refuse(AgentDeleted(agent));
            return;
        }

        if (!ClusterAuthority.ReadReport(body, row).TryGet(out var authority, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var status = new AgentStatus(
            digest,
            revision,
            state == "Applied",
            body["message"]?.ToString() ?? "",
            controlPlane.Now
        )
        {
            Drift = drift,
            CertificateAuthority = authority.Length == 0 ? null : authority,
        };
        if (!status.EqualsIgnoringTime(AgentStatus.Find(image, agent.Key)))
            _ = await controlPlane.Store.Commit(ReadSet.Empty, [status.ToMutation(agent.Key)], http.RequestAborted);
        await http.Respond(204);
    }

    private async Task ServeInventory(HttpContext http, ResourceId agent)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(agent)) is not { } row)
        {
            await http.Refuse(AgentDeleted(agent));
            return;
        }

        if (!InventoryRows.ApplyReport(state, row, body, controlPlane.Now).TryGet(out var changes, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        // The agent's own row is looked at: one that is deleted meanwhile leaves no inventory behind.
        if (
            !changes.IsEmpty
            && await controlPlane.Store.Commit(
                ReadSet.FromMutations(state, [Mutation.Remove(StoreKey.ForResource(agent))]),
                changes,
                http.RequestAborted
            )
                is null
        )
            await http.Refuse(
                new Refusal(RefusalCode.Contended, $"agent {agent.Name} changed meanwhile; report once more")
            );
        else
            await http.Respond(204);
    }

    private static Refusal AgentDeleted(ResourceId agent) =>
        new(RefusalCode.AuthenticationFailed, $"agent {agent.Name} was deleted; its credential is good for nothing");

    private async Task AcquireLeases(HttpContext http, ResourceId cluster)
    {
        if (!(await ReadLeaseRequest(http, cluster)).TryGet(out var request, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        // The allocator checks this again on the state it commits on; checked here it keeps made-up networks out of the
        // allocator.
        if (!LeaseAllocator.IsAttached(new ReadTransaction(controlPlane.Store.Current), cluster, request.Network))
            await http.Refuse(LeaseAllocator.NotAttachedRefusal(cluster, request.Network));
        else if ((await allocator.Submit(request, http.RequestAborted)).TryGet(out var leases, out refusal))
            await http.Respond(
                200,
                RenderLeases(new ReadTransaction(controlPlane.Store.Current), request.Network, leases)
            );
        else
            await http.Refuse(refusal);
    }

    private async Task ReleaseLeases(HttpContext http, ResourceId cluster)
    {
        // No attachment is asked for: what was leased is given back even after the network was detached.
        if (!(await ReadLeaseRequest(http, cluster)).TryGet(out var request, out var refusal))
            await http.Refuse(refusal);
        else if (controlPlane.Store.Current.Get(StoreKey.ForResource(request.Network)) is null)
            await http.Respond(204);
        else if (
            !(await allocator.Submit(request with { IsRelease = true }, http.RequestAborted)).TryGet(out _, out refusal)
        )
            await http.Refuse(refusal);
        else
            await http.Respond(204);
    }

    private JsonObject RenderLeases(ReadTransaction transaction, ResourceId network, IEnumerable<Lease> leases)
    {
        var subnets = transaction.Get(network) is { } row
            ? NetworkPool.PoolOf(transaction.State, row, controlPlane.Limits).Subnets
            : [];
        return new JsonObject
        {
            ["addresses"] = new JsonArray([
                .. leases.Select(lease =>
                {
                    var subnet = subnets.First(s => s.Prefix.Family == lease.Address.Family);
                    return (JsonNode)
                        new JsonObject
                        {
                            ["address"] = $"{lease.Address}/{subnet.Prefix.Length}",
                            ["gateway"] = subnet.Gateway.ToString(),
                        };
                }),
            ]),
            ["routes"] = new JsonArray(),
        };
    }

    private static async Task<Outcome<LeaseRequest>> ReadLeaseRequest(HttpContext http, ResourceId cluster)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
            return refusal;
        string? Text(string name) =>
            body[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= 256
                ? text
                : null;
        var findings = new List<Refusal>();
        if (!ResourceId.TryParse(Text("network"), out var network) || network.Type != L3Network.ResourceType)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'network': '{Text("network")}' is no id of an L3 network",
                    "network"
                )
            );
        foreach (var name in (string[])["containerId", "interface"])
        {
            if (Text(name) is not { } text || text.Contains('#', StringComparison.Ordinal))
                findings.Add(
                    new Refusal(
                        RefusalCode.MissingMember,
                        $"'{name}' is required: up to 256 characters without '#'",
                        name
                    )
                );
        }

        var wanted = new List<Address>();
        if (body["ips"] is not (null or JsonArray))
            findings.Add(new Refusal(RefusalCode.InvalidMember, "'ips' must be a list of addresses", "ips"));
        foreach (var ip in body["ips"] as JsonArray ?? [])
        {
            if (!Address.Parse(ip?.ToString() ?? "", "ips").TryGet(out var address, out refusal))
                findings.Add(refusal);
            else if (wanted.Exists(w => w.Family == address.Family))
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'ips': {address} is a second {address.Family} address; an interface has one of each family",
                        "ips"
                    )
                );
            else
                wanted.Add(address);
        }

        if (findings.Count > 0)
            return Refusal.Combine(findings, "lease");
        var pod = Text("pod") is { } podName ? $"{Text("namespace") ?? "default"}/{podName}" : null;
        return new LeaseRequest(
            cluster,
            network!,
            AddressClaims.PodHolderOf(cluster, Text("containerId")!, Text("interface")!, pod, Text("node")),
            [.. wanted],
            false
        );
    }
}
