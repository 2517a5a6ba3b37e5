using Weft.Agent.ControlPlane;
using Weft.Agent.Kubernetes;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Inquiries;

/// <summary>
/// Answers what the control plane wants to know of pods and leases (docs/specs/reclaim.md), one question after the other.
/// </summary>
/// <param name="blocks">Gives blocks back; null where the agent serves no node.</param>
/// <param name="pods">Looks pods up; null where the agent has no API server to ask, or serves a node.</param>
internal sealed class InquiryLoop(
    ControlPlaneClient plane,
    PodObserver? pods,
    HolderObserver holders,
    BlockLoop? blocks,
    AgentTimings timings,
    TimeProvider clock
)
{
    /// <summary>Runs until cancelled.</summary>
    public Task Run(CancellationToken cancel) => new QuestionLoop(plane, timings, clock).Run(AnswerNext, cancel);

    private async Task AnswerNext(CancellationToken cancel)
    {
        foreach (var inquiry in await plane.GetInquiries(cancel))
        {
            var report = new InquiryReport(
                pods is null
                    ? [.. inquiry.Pods.Select(_ => PodObservation.Unknown)]
                    : await pods.Observe(inquiry.Pods, cancel),
                await holders.Observe(inquiry.Holders, inquiry.Release),
                await GiveBack(inquiry.Blocks, cancel)
            );
            await plane.ReportInquiry(inquiry.Id, report, cancel);
        }
    }

    private async Task<bool> GiveBack(BlockRecall? recall, CancellationToken cancel) =>
        blocks is not null
        && recall is not null
        && ResourceId.TryParse(recall.Network, out var network)
        && await blocks.GiveBack(network, cancel);
}
