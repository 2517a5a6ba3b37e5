using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Attachments.Verification;
using Weft.Resources;

namespace Weft.Agent.Verify;

/// <summary>Waits for verifications that somebody asks for, makes them, and tells what was found (docs/specs/verify.md).</summary>
internal sealed class VerifyLoop(ControlPlaneClient plane, Verifier verifier, string desiredPath, Pace pace, TimeProvider clock, Log log)
{
    private readonly Backoff _backoff = new(pace.FirstRetry, pace.LastRetry);
    private long _after;

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var wait = pace.BetweenPolls;
            try
            {
                if (plane.Identity is not null)
                    await Turn(cancel);
                _backoff.Reset();
            }
            catch (ControlPlaneException e) when (!cancel.IsCancellationRequested)
            {
                // The main loop says what is wrong with the control plane; one of an older version knows no verifications and is asked seldom.
                wait = e.Status is 404 or 400 ? pace.LastRetryOfRefused : _backoff.Next(e.RetryAfter);
            }

            await Task.Delay(wait, clock, cancel);
        }
    }

    private async Task Turn(CancellationToken cancel)
    {
        if (await plane.Verifications(_after, cancel) is not { } content)
            return;
        var answer = Parse(content);
        foreach (var task in answer.Each("verifications").Select(VerificationTask.Of).Where(t => t.Id.Length > 0))
        {
            log.Note("verify", ("id", task.Id), ("pod", task.Pod), ("network", task.Network));
            var report = await Made(task);
            log.Note("verified", ("id", task.Id), ("interfaces", report.Interfaces.Length), ("result", report.Error ?? (report.IsGood ? "passed" : "failed")));
            await plane.Report(task.Id, Json.Bytes(report.ToJson()), cancel);
        }

        _after = answer.Whole("after") ?? _after;
    }

    private async Task<VerificationReport> Made(VerificationTask task)
    {
        try
        {
            var picture = Parse(await File.ReadAllBytesAsync(desiredPath));
            return await verifier.Run(task, picture);
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
            using var document = JsonDocument.Parse(content);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("what the control plane sent is no JSON", e);
        }
    }
}
