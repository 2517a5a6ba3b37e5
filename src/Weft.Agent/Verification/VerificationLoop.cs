using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Verification;

/// <summary>
/// Waits for verifications that somebody asks for, makes them, and tells what was found (docs/specs/verify.md).
/// </summary>
/// <param name="held">The desired state that the agent holds; null while it holds none.</param>
/// <param name="desiredPath">Where the last one is kept, for an agent that holds none yet.</param>
internal sealed class VerificationLoop(
    ControlPlaneClient plane,
    Verifier verifier,
    Func<DesiredStateDocument?> held,
    string desiredPath,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private long _after;

    /// <summary>Runs until cancelled.</summary>
    public Task Run(CancellationToken cancel) => new QuestionLoop(plane, timings, clock).Run(RunNext, cancel);

    private async Task RunNext(CancellationToken cancel)
    {
        if (await plane.GetVerifications(_after, cancel) is not { } content)
            return;
        var answer = PendingVerifications.Read(Parse(content));
        foreach (var task in answer.Tasks)
        {
            log.Verify(task.Id, task.Pod, task.Network);
            var report = await RunTask(task);
            log.Verified(task.Id, report.Interfaces.Length, report.Error ?? (report.HasPassed ? "passed" : "failed"));
            await plane.ReportVerification(task.Id, Json.ToUtf8(AgentTexts.Cut(report).ToJson()), cancel);
        }

        _after = answer.After ?? _after;
    }

    private async Task<VerificationReport> RunTask(VerificationTask task)
    {
        try
        {
            var desired = held() ?? DesiredStateDocument.Read(Parse(await File.ReadAllBytesAsync(desiredPath)));
            return await verifier.Run(task, desired);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ControlPlaneException)
        {
            return new VerificationReport(null, $"the agent has no picture to verify against: {e.Message}", []);
        }
    }

    private static JsonElement Parse(byte[] content)
    {
        try
        {
            return JsonElement.Parse(content);
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("what the control plane sent is no JSON", e);
        }
    }
}
