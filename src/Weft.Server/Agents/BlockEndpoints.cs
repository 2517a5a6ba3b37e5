using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Blocks;
using Weft.Server.Http;

namespace Weft.Server.Agents;

/// <summary>What agents report of their blocks (docs/specs/blocks.md).</summary>
internal sealed class BlockEndpoints(ControlPlane controlPlane, BlockReports reports)
{
    /// <summary>Serves <c>POST /agents/v1/blocks</c>.</summary>
    public async Task Serve(HttpContext http, ResourceId agent)
    {
        var instance = http.Request.Headers[AgentApi.InstanceHeader].ToString();
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !BlockReport.Read(body).TryGet(out var report, out refusal)
        )
            await http.Refuse(refusal);
        else if (Agent.Find(controlPlane.Store.Current, agent) is not { } row)
            await http.Refuse(Agent.Deleted(agent));
        else if ((await reports.Take(row, report, instance, http.RequestAborted)).TryGet(out var reply, out refusal))
            await http.Respond(200, reply.ToBytes());
        else
            await http.Refuse(refusal);
    }
}
