using System.Collections.Immutable;
using Weft.Cli.Wire;

namespace Weft.Cli.Applying;

/// <summary>Does steps, each as soon as all it depends on has succeeded. A failure stops only what depends on it.</summary>
internal sealed class StepRunner(Func<Step, Action, CancellationToken, Task<(StepOutcome Outcome, ArmError? Error)>> work, StepProgress progress, TimeProvider clock)
{
    // Enough to keep a server busy, few enough not to be a crowd at its door.
    private const int MostAtOnce = 8;

    // The order of sending is worth a wait, and not a standstill: what is stuck elsewhere must not hold up those who do not need it.
    private static readonly TimeSpan LongestBehind = TimeSpan.FromSeconds(15);

    /// <summary>Does the steps.</summary>
    /// <param name="steps">The steps; each depends on earlier ones only.</param>
    /// <returns>What came of them, in their order.</returns>
    public async Task<ImmutableArray<StepResult>> RunAsync(ImmutableArray<Step> steps, TimeSpan timeout, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        using var doors = new SemaphoreSlim(MostAtOnce);
        var running = new Task<StepResult>[steps.Length];
        var sent = steps.Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        for (var i = 0; i < steps.Length; i++)
        {
            var behind = steps[i].Behind is { } j ? sent[j].Task : Task.CompletedTask;
            running[i] = InTurnAsync(steps[i], [.. steps[i].After.Select(k => running[k])], behind, sent[i], doors, both.Token, cancel);
        }

        return [.. await Task.WhenAll(running)];
    }

    private async Task<StepResult> InTurnAsync(
        Step step, Task<StepResult>[] before, Task behind, TaskCompletionSource sent, SemaphoreSlim doors, CancellationToken deadline, CancellationToken cancel)
    {
        try
        {
            var results = await Task.WhenAll(before);
            if (results.FirstOrDefault(result => !result.Succeeded) is { } cause)
                return progress.Ended(new StepResult(step, StepOutcome.Skipped, TimeSpan.Zero, Because(cause)));
            if (!behind.IsCompleted)
                await Task.WhenAny(behind, Task.Delay(LongestBehind, clock, deadline));
            return await OneAsync(step, () => sent.TrySetResult(), doors, deadline, cancel);
        }
        finally
        {
            sent.TrySetResult();
        }
    }

    private async Task<StepResult> OneAsync(Step step, Action sent, SemaphoreSlim doors, CancellationToken deadline, CancellationToken cancel)
    {
        try
        {
            await doors.WaitAsync(deadline);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return progress.Ended(new StepResult(step, StepOutcome.Skipped, TimeSpan.Zero, ArmError.Of("TimedOut", "there was no time left to begin")));
        }

        try
        {
            progress.Started(step);
            var start = clock.GetTimestamp();
            var (outcome, error) = await WorkAsync(step, sent, deadline, cancel);
            return progress.Ended(new StepResult(step, outcome, clock.GetElapsedTime(start), error));
        }
        finally
        {
            doors.Release();
        }
    }

    private async Task<(StepOutcome Outcome, ArmError? Error)> WorkAsync(Step step, Action sent, CancellationToken deadline, CancellationToken cancel)
    {
        try
        {
            return await work(step, sent, deadline);
        }
        catch (ArmFailure failure)
        {
            return (StepOutcome.Failed, failure.Error);
        }
        catch (Complaint complaint)
        {
            return (StepOutcome.Failed, ArmError.Of("Unreachable", complaint.Message));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (StepOutcome.Failed, ArmError.Of("TimedOut", "it still runs at the server; apply again to wait for it, or give more --timeout"));
        }
    }

    private static ArmError Because(StepResult cause) => ArmError.Of(
        "Skipped", $"{Kinds.Label.Of(cause.Step.Id)} {(cause.Outcome == StepOutcome.Skipped ? "was skipped" : $"{cause.Outcome.ToString().ToLowerInvariant()}")}");
}
