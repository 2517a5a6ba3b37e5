using Weft.Attachments;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Inquiries;

namespace Weft.Server.Agents;

/// <summary>
/// How nodes of a Kubernetes cluster join by themselves, without a secret that many share: the cluster vouches for them
/// (docs/specs/agent-api.md, "Joining").
/// </summary>
internal sealed class JoinEndpoints(ControlPlane controlPlane, EnrolmentEndpoints enrolment, AgentInquiries inquiries)
{
    private const string Partition = "issuer";

    /// <summary>How long a node waits for its cluster's word before it is told to come again.</summary>
    private static readonly TimeSpan VouchingPatience = TimeSpan.FromSeconds(10);

    /// <summary>Keeps who signs a cluster's service account tokens, as the cluster's own agent reports it.</summary>
    public async Task AcceptIssuer(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !ServiceAccountIssuer.Read(body).TryGet(out var issuer, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var state = controlPlane.Store.Current;
        // Asked after the body has come: who is gone by now speaks for no cluster.
        if (Agent.Find(state, agent) is not { } reporter)
        {
            await http.Refuse(Agent.Deleted(agent));
            return;
        }

        if (Agent.NodeOf(reporter) is not null)
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.Conflict,
                    $"agent {agent.Name} serves a node, and who signs the cluster's tokens is for the cluster's agent to report"
                )
            );
            return;
        }

        var cluster = agent.Parent!;
        if (state.Get(StoreKey.ForResource(cluster)) is { } row)
        {
            var document = issuer.ToJson();
            ClusterBinding.Bind(document, row);
            var change = Mutation.Put(KeyOf(cluster), document);
            if (state.Get(change.Key)?.Bytes.Span.SequenceEqual(change.Bytes!.Value.Span) != true)
            {
                http.Audit().IsAlwaysRecorded = true;
                http.Audit().Note("issuer", issuer.Issuer);
                _ = await controlPlane.Store.Commit(ReadSet.Empty, [change], http.RequestAborted);
            }
        }

        await http.Respond(204);
    }

    /// <summary>Enrols the agent of a node that shows the token of its pod's service account.</summary>
    /// <param name="token">The bearer, which nobody has looked at yet.</param>
    public async Task Join(HttpContext http, string token)
    {
        var named = http.Request.Query[AgentApi.JoinCluster].ToString();
        var state = controlPlane.Store.Current;
        // A stranger learns nothing of which clusters there are.
        if (!ResourceId.TryParse(named, out var cluster) || FindIssuer(state, cluster) is not { } issuer)
        {
            await http.Refuse(ServiceAccountTokens.NotVouchedFor);
            return;
        }

        if (
            !(await ServiceAccountTokens.ReadPod(token, issuer, controlPlane.UtcNow)).TryGet(
                out var pod,
                out var refused
            ) || !(await FindNode(state, cluster, pod, http.RequestAborted)).TryGet(out var node, out refused)
        )
        {
            await http.Refuse(refused);
            return;
        }

        http.Audit().IdentifyServiceAccount();
        http.IdentifyCaller($"{cluster.Key}#{node}");
        http.Features.Set<Sight>(id => ResourceId.TryParse(id, out var told) && Caller.IsNearCluster(cluster, told));
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !EnrolmentRequest.Read(body).TryGet(out var request, out refusal)
            || !CheckNode(request, node).TryGet(out request, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        await enrolment.EnrolNode(http, cluster, request);
    }

    /// <summary>
    /// The node of a pod: the token says it, or else the cluster's own agent, who asks the API server for the pod. Its UID
    /// and its service account are compared, as a TokenReview would.
    /// </summary>
    private async Task<Outcome<string>> FindNode(
        StoreState state,
        ResourceId cluster,
        PodReference pod,
        CancellationToken cancel
    )
    {
        if (pod.Node is { Length: > 0 } node)
            return node;
        foreach (var agent in Agent.ListIn(state, cluster).Where(row => Agent.NodeOf(row) is null))
        {
            var report = await inquiries.Ask(
                ResourceKind.IdOf(agent),
                [pod],
                [],
                InquiryRelease.No,
                VouchingPatience,
                cancel
            );
            switch (report?.Pods[0])
            {
                case { State: PodState.Present, Node: { Length: > 0 } found } seen when seen.Uid == pod.Uid:
                    return seen.ServiceAccount == ServiceAccountIssuer.ServiceAccountName
                        ? found
                        : ServiceAccountTokens.PodIsGone(pod);
                case { State: not PodState.Unknown }:
                    return ServiceAccountTokens.PodIsGone(pod);
            }
        }

        return new Refusal(
            RefusalCode.ServiceUnavailable,
            $"the token names no node, as Kubernetes does from 1.32 on, and no agent of {cluster.Name} has said where the pod "
                + $"{pod.Namespace}/{pod.Name} runs: is the cluster's own agent running, and may it get pods there?"
        );
    }

    private static ServiceAccountIssuer? FindIssuer(StoreState state, ResourceId cluster) =>
        cluster.Type == KubernetesCluster.ResourceType
        && state.Get(KeyOf(cluster)) is { } row
        && ClusterBinding.Holds(row, state, cluster)
        && ServiceAccountIssuer.Read(row.ToJsonObject()).TryGet(out var issuer, out _)
            ? issuer
            : null;

    private static string KeyOf(ResourceId cluster) => $"{Partition}|{cluster.Key}";

    private static Outcome<EnrolmentRequest> CheckNode(EnrolmentRequest request, string node)
    {
        if (!string.Equals(request.Node, node, StringComparison.Ordinal))
            return new Refusal(
                RefusalCode.AuthorizationFailed,
                $"the token is of a pod on the node {node}, and speaks for no other",
                "node"
            );
        var name = DnsLabel.From(node);
        return request.Name == name
            ? request
            : new Refusal(RefusalCode.AuthorizationFailed, $"the agent of the node {node} is called '{name}'", "name");
    }
}
