using System.Text.Json.Nodes;
using Weft.Attachments;
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
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        var name = body["name"]?.ToString() ?? "";
        var node = body["node"]?.ToString();
        var transaction = new ReadTransaction(controlPlane.Store.Current);
        var row = transaction.Get(cluster);
        if (!DnsLabel.IsValid(name))
            refusal = new Refusal(
                RefusalCode.InvalidMember,
                $"'name': '{name}' is no DNS label: lower-case letters, digits and hyphens, at most 63",
                "name"
            );
        else if (row is null)
            refusal = new Refusal(
                RefusalCode.ResourceNotFound,
                $"{cluster} doesn't exist any more",
                cluster.ToString()
            );
        if (refusal is not null)
        {
            await http.Refuse(refusal);
            return;
        }

        var id = ResourceKind.IdOf(row!).Extend(Agent.ResourceType, name);
        var credential = CredentialStore.NewToken("agt");
        var document = new JsonObject
        {
            ["id"] = id.ToString(),
            ["properties"] = new JsonObject
            {
                ["node"] = node,
                ["version"] = body["version"]?.ToString(),
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
        await http.Respond(
            201,
            new JsonObject
            {
                ["agentId"] = id.ToString(),
                ["cluster"] = id.Parent!.ToString(),
                ["credential"] = credential,
            }
        );
    }
}
