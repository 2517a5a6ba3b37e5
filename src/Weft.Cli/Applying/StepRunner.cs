using System.Collections.Immutable;
using Weft.Cli.Arm;

namespace Weft.Cli.Applying;

/// <summary>
/// Does steps, each as soon as all it depends on has succeeded. A failure stops only what depends on it.
/// </summary>
internal sealed class StepRunner(
    Func<Step, Action, CancellationToken, Task<(StepOutcome Outcome, ArmError? Error)>> work,
    StepProgress progress,
    TimeProvider clock
)
{
    // Enough to keep a server busy, few enough not to be a crowd at its door.
    private const int MaxConcurrency = 8;

    // The order of sending is worth a wait, and not a standstill: what is stuck elsewhere must not hold up those who do
    // not need it.
    private static readonly TimeSpan MaxSendWait = TimeSpan.FromSeconds(15);

    /// <summary>Does the steps.</summary>
    /// <param name="steps">The steps; each depends on earlier ones only.</param>
    /// <returns>What came of them, in their order.</returns>
    public async Task<ImmutableArray<StepResult>> RunAsync(
        ImmutableArray<Step> steps,
        TimeSpan timeout,
        CancellationToken cancel
    )
    {
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        using var doors = new SemaphoreSlim(MaxConcurrency);
        var running = new Task<StepResult>[steps.Length];
        var sent = steps
            .Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .ToArray();
        for (var i = 0; i < steps.Length; i++)
        {
            var behind = steps[i].SentAfter is { } j ? sent[j].Task : Task.CompletedTask;
            running[i] = RunInTurnAsync(
                steps[i],
                [.. steps[i].DependsOn.Select(k => running[k])],
                behind,
                sent[i],
                doors,
                both.Token,
                cancel
            );
        }

        return [.. await Task.WhenAll(running)];
    }

    private async Task<StepResult> RunInTurnAsync(
        Step step,
        Task<StepResult>[] before,
        Task behind,
        TaskCompletionSource sent,
        SemaphoreSlim doors,
        CancellationToken deadline,
        CancellationToken cancel
    )
    {
        try
        {
            var results = await Task.WhenAll(before);
            if (results.FirstOrDefault(result => !result.Succeeded) is { } cause)
                return progress.ReportEnded(
                    new StepResult(step, StepOutcome.Skipped, TimeSpan.Zero, SkippedError(cause))
                );
            if (!behind.IsCompleted)
                await Task.WhenAny(behind, Task.Delay(MaxSendWait, clock, deadline));
            return await RunStepAsync(step, () => sent.TrySetResult(), doors, deadline, cancel);
        }
        finally
        {
            sent.TrySetResult();
        }
    }

    private async Task<StepResult> RunStepAsync(
        Step step,
        Action sent,
        SemaphoreSlim doors,
        CancellationToken deadline,
        CancellationToken cancel
    )
    {
        try
        {
            await doors.WaitAsync(deadline);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return progress.ReportEnded(
                new StepResult(
                    step,
                    StepOutcome.Skipped,
                    TimeSpan.Zero,
                    ArmError.Create("TimedOut", "there was no time left to begin")
                )
            );
        }

        try
        {
            progress.ReportStarted(step);
            var start = clock.GetTimestamp();
            var (outcome, error) = await ExecuteAsync(step, sent, deadline, cancel);
            return progress.ReportEnded(new StepResult(step, outcome, clock.GetElapsedTime(start), error));
        }
        finally
        {
            doors.Release();
        }
    }

    private async Task<(StepOutcome Outcome, ArmError? Error)> ExecuteAsync(
        Step step,
        Action sent,
        CancellationToken deadline,
        CancellationToken cancel
    )
    {
        try
        {
            return await work(step, sent, deadline);
        }
        catch (ArmException exception)
        {
            return (StepOutcome.Failed, exception.Error);
        }
        catch (CliError cliError)
        {
            return (StepOutcome.Failed, ArmError.Create("Unreachable", cliError.Message));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (
                StepOutcome.Failed,
                ArmError.Create(
                    "TimedOut",
                    "it still runs at the server; apply again to wait for it, or give more --timeout"
                )
            );
        }
    }

    private static ArmError SkippedError(StepResult cause)
    {
        var outcome =
            cause.Outcome == StepOutcome.Skipped ? "was skipped" : cause.Outcome.ToString().ToLowerInvariant();
        return ArmError.Create("Skipped", $"{Kinds.Label.For(cause.Step.Id)} {outcome}");
    }
}
