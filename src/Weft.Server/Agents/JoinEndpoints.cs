using Weft.Attachments;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Agents;

/// <summary>
/// How nodes of a Kubernetes cluster join by themselves, without a secret that many share: the cluster vouches for them
/// (docs/specs/agent-api.md, "Joining").
/// </summary>
internal sealed class JoinEndpoints(ControlPlane controlPlane, EnrolmentEndpoints enrolment)
{
    private const string Partition = "issuer";

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
            !(await ServiceAccountTokens.ReadNode(token, issuer, controlPlane.UtcNow)).TryGet(
                out var node,
                out var refused
            )
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
