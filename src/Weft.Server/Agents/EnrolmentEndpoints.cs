using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Relays;

namespace Weft.Server.Agents;

/// <summary>
/// How an agent becomes known: by a token that is good for one agent of one cluster, once.
/// </summary>
/// <remarks>Source: docs/specs/agent-api.md, "Enrolment".</remarks>
internal sealed class EnrolmentEndpoints(ControlPlane controlPlane)
{
    /// <summary>Enrols the agent that a token is for; an agent that asks again is told the same again.</summary>
    public async Task Enrol(HttpContext http, EnrolmentToken token)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !EnrolmentRequest.Read(body).TryGet(out var request, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        Describe(http, token.Cluster, request);
        var transaction = new ReadTransaction(controlPlane.Store.Current);
        if (transaction.Get(token.Cluster) is not { } cluster || transaction.Get(token.Key) is not { } tokenRow)
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.ResourceNotFound,
                    $"{token.Cluster} doesn't exist any more",
                    token.Cluster.ToString()
                )
            );
            return;
        }

        var id = ResourceKind.IdOf(cluster).Extend(Agent.ResourceType, token.Name);
        var agent = transaction.Get(id);
        var isRepeated = agent is not null && AgentCredential.Read(agent).Hash == request.CredentialHash;
        if (!isRepeated && Reject(token, tokenRow, request, agent) is { } rejected)
        {
            await http.Refuse(rejected);
            return;
        }

        if (
            !isRepeated
            && !await Write(
                http,
                transaction,
                id,
                request,
                token.CreatedBy,
                [EnrolmentToken.Use(tokenRow, request.CredentialHash)]
            )
        )
        {
            await http.Refuse(Contended(token.Cluster));
            return;
        }

        await Confirm(http, id);
    }

    /// <summary>
    /// Enrols the agent of a node for which its cluster has vouched. It takes the place of whoever was that node's agent
    /// before: a node that was set up anew is still that node.
    /// </summary>
    public async Task EnrolNode(HttpContext http, ResourceId cluster, EnrolmentRequest request)
    {
        Describe(http, cluster, request);
        var transaction = new ReadTransaction(controlPlane.Store.Current);
        if (transaction.Get(cluster) is not { } row)
        {
            await http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist any more", cluster.ToString())
            );
            return;
        }

        var id = ResourceKind.IdOf(row).Extend(Agent.ResourceType, request.Name);
        var agent = transaction.Get(id);
        var properties = agent is null ? default : ResourceKind.PropertiesOf(agent);
        if (agent is not null && !Provisioning.IsDeleting(agent) && properties.Text("node") != request.Node)
        {
            await http.Refuse(Agent.NameInUse(agent));
            return;
        }

        const string By =
            $"service account {ServiceAccountIssuer.ServiceAccountNamespace}/{ServiceAccountIssuer.ServiceAccountName}";
        if (
            properties.Text(AgentCredential.HashMember) != request.CredentialHash
            && !await Write(http, transaction, id, request, By, [])
        )
        {
            await http.Refuse(Contended(cluster));
            return;
        }

        await Confirm(http, id);
    }

    private static Refusal? Reject(EnrolmentToken token, Row tokenRow, EnrolmentRequest request, Row? agent)
    {
        // By the row that the commit rests on: the token was shown before the body came, and may be used up since.
        if (EnrolmentToken.IsUsed(tokenRow))
            return new Refusal(
                RefusalCode.AuthenticationFailed,
                $"this token has enrolled {token.Name} of {token.Cluster.Name}, and is good for one enrolment; "
                    + $"make another with: {CommandFor(token)}"
            );
        if (request.Name != token.Name || !string.Equals(request.Node, token.Node, StringComparison.OrdinalIgnoreCase))
            return new Refusal(
                RefusalCode.AuthorizationFailed,
                $"this token enrols {Describe(token.Name, token.Node)}, not {Describe(request.Name, request.Node)}",
                request.Name != token.Name ? "name" : "node"
            );
        return agent is not null && !Provisioning.IsDeleting(agent) && !token.MayReplace
            ? Agent.NameInUse(agent)
            : null;
    }

    private async Task<bool> Write(
        HttpContext http,
        ReadTransaction transaction,
        ResourceId id,
        EnrolmentRequest request,
        string by,
        IEnumerable<Mutation> besides
    )
    {
        var document = new JsonObject
        {
            ["id"] = id.ToString(),
            ["properties"] = new JsonObject
            {
                ["node"] = request.Node,
                ["version"] = request.Version,
                ["enrolledAt"] = controlPlane.Now,
                ["enrolledFrom"] = SourceAddress.From(http)?.ToString(),
                ["enrolledBy"] = by,
                [AgentCredential.SinceMember] = controlPlane.Now,
                [AgentCredential.HashMember] = request.CredentialHash,
            },
            [Provisioning.MemberName] = new JsonObject { ["state"] = Provisioning.Succeeded },
        };
        var row = Mutation.Put(id, document);
        if (
            await controlPlane.Store.Commit(
                transaction.ReadSet,
                [
                    row,
                    .. besides,
                    Mutation.Remove(AgentStatus.KeyOf(id.Key)),
                    Mutation.Remove(SharedCredential.KeyOf(id.Key)),
                    .. InventoryRows.RemovedWithAgent(transaction.State, id),
                ],
                http.RequestAborted
            )
            is not { } revision
        )
            return false;
        DescribeChange(http.Audit(), transaction.Get(id), new Row(row.Key, revision, row.Bytes!.Value));
        return true;
    }

    private static void DescribeChange(AuditEntry entry, Row? before, Row after)
    {
        entry.Change(before, after);
        if (before is null)
            return;
        var replaced = ResourceKind.PropertiesOf(before);
        entry.Note("replaced", replaced.Text("enrolledAt"));
        entry.Note("replacedFrom", replaced.Text("enrolledFrom"));
    }

    private static void Describe(HttpContext http, ResourceId cluster, EnrolmentRequest request)
    {
        var entry = http.Audit();
        entry.Note("cluster", cluster.ToString());
        entry.Note("name", request.Name);
        entry.Note("node", request.Node);
    }

    private static Task Confirm(HttpContext http, ResourceId id)
    {
        http.Audit().Id = id.ToString();
        http.Response.Headers.CacheControl = "no-store";
        return http.Respond(201, new EnrolmentResponse(id.ToString(), id.Parent!.ToString()).ToBytes());
    }

    private static Refusal Contended(ResourceId cluster) =>
        new(RefusalCode.Contended, $"{cluster.Name} changed meanwhile; enrol once more", cluster.ToString());

    private static string Describe(string name, string? node) =>
        node is null ? $"'{name}' for the cluster as a whole" : $"'{name}' for the node {node}";

    private static string CommandFor(EnrolmentToken token) =>
        $"weft agent token --cluster {token.Cluster.Name} --name {token.Name}"
        + (token.Node is null ? "" : $" --node {token.Node}");
}
