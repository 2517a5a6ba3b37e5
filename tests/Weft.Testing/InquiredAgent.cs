using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Inquiries;

namespace Weft.Testing;

/// <summary>An agent, as weftd meets it, that answers what it is asked about pods and leases.</summary>
internal sealed class InquiredAgent : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<AgentInquiry> _asked = [];
    private readonly InProcessServer _server;
    private readonly string _credential;
    private readonly Task _running;

    private InquiredAgent(InProcessServer server, string credential)
    {
        (_server, _credential) = (server, credential);
        _running = Run();
    }

    /// <summary>What it has found of each pod.</summary>
    public Func<PodReference, PodObservation> Pod { get; set; } = _ => PodObservation.Unknown;

    /// <summary>What it has found of each holder, and does with it.</summary>
    public Func<InquiredHolder, InquiryRelease, HolderObservation> Holder { get; set; } =
        (_, _) => HolderObservation.Unknown;

    /// <summary>What it was asked so far.</summary>
    public IReadOnlyList<AgentInquiry> Asked => [.. _asked];

    /// <summary>Begins to listen.</summary>
    /// <param name="id">The agent's id.</param>
    public static async Task<InquiredAgent> Listen(InProcessServer server, string credential, string id)
    {
        var agent = new InquiredAgent(server, credential);
        var name = ResourceId.Parse(id, "id").Value;
        await server.WaitUntil(() => server.Service<AgentInquiries>().IsListening(name), $"{name.Name} listens");
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task Run()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
                await AnswerNext().WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task AnswerNext()
    {
        var answer = await _server.SendAsAgent(_credential, "GET", $"{AgentApi.Inquiries}?wait=2");
        if (answer.Status == 204)
            return;
        foreach (
            var inquiry in PendingInquiries.Read(System.Text.Encoding.UTF8.GetBytes(answer.Expect(200).Text))!.Inquiries
        )
        {
            _asked.Enqueue(inquiry);
            var report = new InquiryReport(
                [.. inquiry.Pods.Select(Pod)],
                [.. inquiry.Holders.Select(holder => Holder(holder, inquiry.Release))]
            );
            (
                await _server.SendAsAgent(
                    _credential,
                    "PUT",
                    $"{AgentApi.Inquiries}/{inquiry.Id}",
                    JsonNode.Parse(report.ToBytes())
                )
            ).Expect(204);
        }
    }
}
