using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Agents;

/// <summary>
/// How an agent comes to its credential: by a token that is good for one cluster and for nothing else.
/// </summary>
internal sealed class EnrolmentEndpoints(ControlPlane controlPlane)
{
    /// <summary>Enrols an agent of the token's cluster, or enrols it anew under a new credential.</summary>
    public async Task Enrol(HttpContext http, ResourceId cluster)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !EnrolmentRequest.Read(body).TryGet(out var request, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        var transaction = new ReadTransaction(controlPlane.Store.Current);
        if (transaction.Get(cluster) is not { } row)
        {
            await http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist any more", cluster.ToString())
            );
            return;
        }

        var id = ResourceKind.IdOf(row).Extend(Agent.ResourceType, request.Name);
        var credential = CredentialStore.NewToken("agt");
        var document = new JsonObject
        {
            ["id"] = id.ToString(),
            ["properties"] = new JsonObject
            {
                ["node"] = request.Node,
                ["version"] = request.Version,
                ["enrolledAt"] = controlPlane.Now,
                ["credentialHash"] = CredentialStore.HashOf(credential),
            },
            [Provisioning.MemberName] = new JsonObject { ["state"] = Provisioning.Succeeded },
        };
        if (
            await controlPlane.Store.Commit(
                transaction.ReadSet,
                [
                    Mutation.Put(id, document),
                    Mutation.Remove(AgentStatus.KeyOf(id.Key)),
                    .. InventoryRows.RemovedWithAgent(transaction.State, id),
                ],
                http.RequestAborted
            )
            is null
        )
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.Contended,
                    $"{cluster.Name} changed meanwhile; enrol once more",
                    cluster.ToString()
                )
            );
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await http.Respond(201, new EnrolmentResponse(id.ToString(), id.Parent!.ToString(), credential).ToBytes());
    }
}
