using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;

namespace Weft.Server.Agents;

/// <summary>
/// How an agent changes its credential by itself: it announces the next one, and by using it ends the one before
/// (docs/specs/agent-api.md, "Credential").
/// </summary>
internal sealed class CredentialEndpoints(ControlPlane controlPlane)
{
    private const int MaxAttempts = 8;

    /// <summary>Serves <c>POST credential</c>.</summary>
    public async Task Announce(HttpContext http, ResourceId agent)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !CredentialRequest.Read(body).TryGet(out var request, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        refusal = await Change(
            http,
            agent,
            "Announced",
            row => AgentCredential.Announce(row, request.CredentialHash, controlPlane.UtcNow)
        );
        if (refusal is not null)
            await http.Refuse(refusal);
        else
            await http.Respond(204);
    }

    /// <summary>Puts the credential in force that an agent has just shown for the first time.</summary>
    /// <returns>Null where it is in force; else why not.</returns>
    public Task<Refusal?> Take(HttpContext http, ResourceId agent, string hash) =>
        Change(
            http,
            agent,
            "Taken",
            // Another request may have been the first.
            row => AgentCredential.Read(row).Hash == hash ? null : AgentCredential.Take(row, controlPlane.UtcNow),
            row => AgentCredential.Read(row) is var known && (known.Hash == hash || known.NextHash == hash)
        );

    private async Task<Refusal?> Change(
        HttpContext http,
        ResourceId agent,
        string what,
        Func<Row, Mutation?> change,
        Func<Row, bool>? holds = null
    )
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var transaction = new ReadTransaction(controlPlane.Store.Current);
            if (transaction.Get(agent) is not { } row || Provisioning.IsDeleting(row) || holds?.Invoke(row) == false)
                return Agent.Deleted(agent);
            if (change(row) is not { } mutation)
                return null;
            if (
                await controlPlane.Store.Commit(transaction.ReadSet, [mutation], http.RequestAborted)
                is not { } revision
            )
                continue;
            var entry = http.Audit();
            entry.IsAlwaysRecorded = true;
            entry.Id = agent.ToString();
            entry.Note("credential", what);
            entry.Change(row, new Row(row.Key, revision, mutation.Bytes!.Value));
            return null;
        }

        return new Refusal(RefusalCode.Contended, $"agent {agent.Name} changed meanwhile; ask once more");
    }
}
