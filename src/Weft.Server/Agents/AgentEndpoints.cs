using System.Globalization;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Blocks;
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
    LeaseSessions sessions,
    LeaseRates rates,
    LeaseRegistrar registrar,
    LeasedNetworks networks,
    LeaseBatchEndpoints batches,
    BlockEndpoints blocks,
    BlockRecalls recalls,
    EnrolmentEndpoints enrolment,
    CredentialEndpoints credentials,
    CredentialUses uses,
    JoinEndpoints join,
    VerificationEndpoints verifications,
    InquiryEndpoints inquiries,
    AgentRelayEndpoints relay,
    IHostApplicationLifetime lifetime
)
{
    private const string ReportPath = AgentApi.Verifications + "/";
    private const string AnswerPath = AgentApi.Inquiries + "/";

    /// <summary>Whether a request proves who it is from by something else than a token of weftd's.</summary>
    public static bool IsJoin(HttpRequest request) =>
        HttpMethods.IsPost(request.Method)
        && request.Path.Equals(AgentApi.Root + AgentApi.Join, StringComparison.Ordinal);

    /// <summary>Serves <c>POST join</c>.</summary>
    /// <param name="token">The bearer, which nobody has looked at yet.</param>
    public Task ServeJoin(HttpContext http, string token) => join.Join(http, token);

    /// <summary>Serves a path below <c>/agents/v1/</c>.</summary>
    public Task Serve(HttpContext http, Caller caller, string path)
    {
        var isEnrolment = path == AgentApi.Enrol && HttpMethods.IsPost(http.Request.Method);
        if (isEnrolment && caller.Enrolment is { } token)
            return enrolment.Enrol(http, token);
        if (isEnrolment)
            return http.Refuse(
                new Refusal(
                    RefusalCode.AuthorizationFailed,
                    "enrolment takes an enrolment token; make one with: weft agent token --cluster NAME"
                )
            );
        return caller.AgentId is { } agent
            ? Serve(http, agent, caller.NextCredential, path)
            : http.Refuse(new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} is no agent; enrol first"));
    }

    private async Task Serve(HttpContext http, ResourceId agent, string? nextCredential, string path)
    {
        if (nextCredential is not null && await credentials.Take(http, agent, nextCredential) is { } refusal)
        {
            await http.Refuse(refusal);
            return;
        }

        await uses.Record(http, agent);
        await Serve(http, agent, path);
    }

    private Task Serve(HttpContext http, ResourceId agent, string path) =>
        (http.Request.Method, path) switch
        {
            ("GET", AgentApi.Desired) => ServeDesiredState(http, agent),
            ("PUT", AgentApi.Status) => ServeStatus(http, agent),
            ("PUT", AgentApi.Inventory) => ServeInventory(http, agent),
            ("POST", AgentApi.Credential) => credentials.Announce(http, agent),
            ("PUT", AgentApi.Issuer) => join.AcceptIssuer(http, agent),
            ("GET", AgentApi.Relay) => relay.Serve(http, agent),
            ("GET", AgentApi.Verifications) => verifications.ServePending(http, agent),
            ("PUT", _) when path.StartsWith(ReportPath, StringComparison.Ordinal) => verifications.AcceptReport(
                http,
                agent,
                path[ReportPath.Length..]
            ),
            ("GET", AgentApi.Inquiries) => inquiries.ServePending(http, agent),
            ("PUT", _) when path.StartsWith(AnswerPath, StringComparison.Ordinal) => inquiries.AcceptReport(
                http,
                agent,
                path[AnswerPath.Length..]
            ),
            ("POST", AgentApi.Session) => http.Respond(200, sessions.Open(agent).ToBytes()),
            ("POST", AgentApi.Acquire) => AcquireLeases(http, agent),
            ("POST", AgentApi.LeaseBatch) => batches.Serve(http, agent),
            ("POST", AgentApi.Register) => RegisterLeases(http, agent),
            ("POST", AgentApi.Release) => ReleaseLeases(http, agent),
            ("POST", AgentApi.Blocks) => blocks.Serve(http, agent),
            _ => http.Refuse(
                new Refusal(RefusalCode.InvalidResourceId, $"agents know no {http.Request.Method} {path}", path)
            ),
        };

    private async Task ServeDesiredState(HttpContext http, ResourceId agent)
    {
        var known = http.Request.Query["after"].ToString();
        using var over = http.BeginWait(lifetime);
        var desired = await WaitForDesiredState(http, agent, known, over.Token);
        if (Agent.Find(controlPlane.Store.Current, agent) is not { } row)
        {
            await http.Refuse(Agent.Deleted(agent));
        }
        else if (desired.Digest != known)
        {
            await http.Respond(200, desired.For(Agent.NodeOf(row)).ToBytes());
        }
        else
        {
            http.Response.Headers[AgentApi.RevisionHeader] = desired.Revision.ToString(CultureInfo.InvariantCulture);
            await http.Respond(204);
        }
    }

    /// <summary>Waits for another desired state than an agent knows, and no longer than there is the agent.</summary>
    /// <returns>The newest one; the known one where the time is over, or something else is to be said.</returns>
    private async Task<DesiredState> WaitForDesiredState(
        HttpContext http,
        ResourceId agent,
        string known,
        CancellationToken over
    )
    {
        var watchers = controlPlane.Store.Watchers;
        while (true)
        {
            var gone = new Watcher([StoreKey.ForResource(agent)]);
            watchers.Add(gone, controlPlane.Store.Current.Revision);
            try
            {
                var (desired, changed) = controlPlane.WatchDesiredState(agent.Parent!);
                if (
                    AsksForRegistration(http, agent)
                    || desired.Digest != known
                    || over.IsCancellationRequested
                    || Agent.Find(controlPlane.Store.Current, agent) is null
                )
                    return desired;
                _ = await Task.WhenAny(changed, gone.Changed).WaitAsync(over);
            }
            catch (OperationCanceledException)
            {
                // The newest one is looked at once more, so that the revision that is answered is true of it.
            }
            finally
            {
                watchers.Remove(gone);
            }
        }
    }

    private async Task ServeStatus(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !StatusReport.Read(body).TryGet(out var report, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var image = controlPlane.Store.Current;
        if (image.Get(StoreKey.ForResource(agent)) is not { } row)
        {
            await http.Refuse(Agent.Deleted(agent));
            return;
        }

        if (report.Revision > image.Revision)
        {
            // What hasn't been written yet would count as applied once it is.
            await http.Refuse(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'revision': it is {report.Revision}; the newest that was ever told is {image.Revision}",
                    "revision"
                )
            );
            return;
        }

        if (
            !ClusterAuthority
                .AcceptReport(StatusReport.ReadCertificateAuthority(body), row)
                .TryGet(out var authority, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var status = AgentStatus.FromReport(report with { CertificateAuthority = authority }, controlPlane.Now);
        var known = AgentStatus.Find(image, agent.Key);
        if (authority != known?.CertificateAuthority)
        {
            // It says whom callers take for the cluster's API server.
            http.Audit().IsAlwaysRecorded = true;
            http.Audit().Note("certificateAuthority", "Changed");
        }

        if (!status.EqualsIgnoringTime(known))
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
            await http.Refuse(Agent.Deleted(agent));
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

    private async Task AcquireLeases(HttpContext http, ResourceId agent)
    {
        var cluster = agent.Parent!;
        if (!(await ReadLeaseRequest(http, agent)).TryGet(out var request, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        if (rates.Take(agent, request.OnlyOfNode) is { } tooFast)
        {
            await http.Refuse(tooFast);
            return;
        }

        // The allocator checks this again on the state it commits on; checked here it keeps made-up networks out of the
        // allocator.
        if (!LeaseAllocator.IsAttached(new ReadTransaction(controlPlane.Store.Current), cluster, request.Network))
            await http.Refuse(LeaseAllocator.NotAttachedRefusal(cluster, request.Network));
        else if (
            (await recalls.Decide(() => allocator.Submit(request, http.RequestAborted), http.RequestAborted)).TryGet(
                out var leases,
                out refusal
            )
        )
            await http.Respond(200, networks.Render(request.Network, leases));
        else
            await http.Refuse(refusal);
    }

    private async Task ReleaseLeases(HttpContext http, ResourceId agent)
    {
        // No attachment is asked for: what was leased is given back even after the network was detached.
        if (!(await ReadLeaseRequest(http, agent)).TryGet(out var request, out var refusal))
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

    private async Task RegisterLeases(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !LeaseRegistration.Read(body).TryGet(out var part, out refusal)
        )
            await http.Refuse(refusal);
        else if (Agent.Find(controlPlane.Store.Current, agent) is not { } row)
            await http.Refuse(Agent.Deleted(agent));
        else if ((await registrar.Register(row, part, http.RequestAborted)).TryGet(out var response, out refusal))
            await http.Respond(200, response.ToBytes());
        else
            await http.Refuse(refusal);
    }

    /// <summary>Asks, by a header, for what the agent's pods hold, where the store was restored and it hasn't said.</summary>
    private bool AsksForRegistration(HttpContext http, ResourceId agent)
    {
        var state = controlPlane.Store.Current;
        if (Agent.Find(state, agent) is not { } row || Registration.AskedOf(state, row) is not { } epoch)
            return false;
        http.Response.Headers[AgentApi.RegistrationHeader] = epoch.Id;
        return true;
    }

    private Outcome<PodLeaseRequest> ReadLeaseRequest(ReadOnlyMemory<byte> bytes)
    {
        if (PlainLeaseBody.TryRead(bytes.Span, networks.Find) is { } plain)
            return plain;
        return RequestBody.ParseObject(bytes).TryGet(out var body, out var refusal)
            ? PodLeaseRequest.Read(body)
            : refusal;
    }

    private async Task<Outcome<LeaseRequest>> ReadLeaseRequest(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadBytes()).TryGet(out var bytes, out var refusal)
            || !ReadLeaseRequest(bytes).TryGet(out var request, out refusal)
        )
            return refusal;
        // Asked after the body has come, which may take long: who is gone by now speaks for nobody.
        if (Agent.Find(controlPlane.Store.Current, agent) is not { } row)
            return Agent.Deleted(agent);
        return request.Of(agent, row);
    }
}
