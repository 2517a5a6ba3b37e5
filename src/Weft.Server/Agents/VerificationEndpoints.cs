using System.Globalization;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Verifications;

namespace Weft.Server.Agents;

/// <summary>What agents are asked to verify, and what they answer.</summary>
internal sealed class VerificationEndpoints(VerificationRuns runs, IHostApplicationLifetime lifetime)
{
    /// <summary>Serves <c>GET /agents/v1/verifications</c>.</summary>
    public async Task ServePending(HttpContext http, ResourceId agent)
    {
        var after = long.TryParse(
            http.Request.Query["after"],
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : 0;
        using var over = http.BeginWait(lifetime);
        await runs.WaitUntil(agent.Parent!, () => !runs.ListPending(agent, after).IsEmpty, over.Token);
        var pending = runs.ListPending(agent, after);
        if (pending.IsEmpty)
            await http.Respond(204);
        else
            await http.Respond(
                200,
                new PendingVerifications(pending[^1].Number, [.. pending.Select(run => run.Task)]).ToJson()
            );
    }

    /// <summary>Serves <c>PUT /agents/v1/verifications/ID</c>.</summary>
    public async Task AcceptReport(HttpContext http, ResourceId agent, string name)
    {
        // Read and written again, so that nothing is passed on that no version of ours has said.
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !AgentTexts.ReadVerification(body).TryGet(out var report, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        runs.AddReport(agent, name, report);
        await http.Respond(204);
    }
}
