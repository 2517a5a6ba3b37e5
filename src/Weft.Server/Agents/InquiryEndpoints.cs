using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Inquiries;

namespace Weft.Server.Agents;

/// <summary>What weftd asks agents about pods and leases, and what they answer.</summary>
internal sealed class InquiryEndpoints(AgentInquiries inquiries, IHostApplicationLifetime lifetime)
{
    /// <summary>Serves <c>GET /agents/v1/inquiries</c>.</summary>
    public async Task ServePending(HttpContext http, ResourceId agent)
    {
        using var over = http.BeginWait(lifetime);
        var open = await inquiries.Next(agent, over.Token);
        await (open.IsEmpty ? http.Respond(204) : http.Respond(200, new PendingInquiries(open).ToBytes()));
    }

    /// <summary>Serves <c>PUT /agents/v1/inquiries/ID</c>.</summary>
    public async Task AcceptReport(HttpContext http, ResourceId agent, string id)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !InquiryReport.Read(body).TryGet(out var report, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        inquiries.Answer(agent, id, report);
        await http.Respond(204);
    }
}
