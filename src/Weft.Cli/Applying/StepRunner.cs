using System.Collections.Immutable;
using Weft.Cli.Wire;

namespace Weft.Cli.Applying;

/// <summary>Does steps, each as soon as all it depends on has succeeded. A failure stops only what depends on it.</summary>
internal sealed class StepRunner(Func<Step, CancellationToken, Task<(StepOutcome Outcome, ArmError? Error)>> work, StepProgress progress, TimeProvider clock)
{
    // Enough to keep a server busy, few enough not to be a crowd at its door.
    private const int MostAtOnce = 8;

    /// <summary>Does the steps.</summary>
    /// <param name="steps">The steps; each depends on earlier ones only.</param>
    /// <param name="timeout">When to stop waiting.</param>
    /// <param name="cancel">Interrupts.</param>
    /// <returns>What came of them, in their order.</returns>
    public async Task<ImmutableArray<StepResult>> RunAsync(ImmutableArray<Step> steps, TimeSpan timeout, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        using var doors = new SemaphoreSlim(MostAtOnce);
        var running = new Task<StepResult>[steps.Length];
        for (var i = 0; i < steps.Length; i++)
            running[i] = OneAsync(steps[i], [.. steps[i].After.Select(j => running[j])], doors, both.Token, cancel);
        return [.. await Task.WhenAll(running)];
    }

    private async Task<StepResult> OneAsync(Step step, Task<StepResult>[] before, SemaphoreSlim doors, CancellationToken deadline, CancellationToken cancel)
    {
        var results = await Task.WhenAll(before);
        if (results.FirstOrDefault(result => !result.Succeeded) is { } cause)
            return progress.Ended(new StepResult(step, StepOutcome.Skipped, TimeSpan.Zero, Because(cause)));
        var start = clock.GetTimestamp();
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
            start = clock.GetTimestamp();
            var (outcome, error) = await WorkAsync(step, deadline, cancel);
            return progress.Ended(new StepResult(step, outcome, clock.GetElapsedTime(start), error));
        }
        finally
        {
            doors.Release();
        }
    }

    private async Task<(StepOutcome Outcome, ArmError? Error)> WorkAsync(Step step, CancellationToken deadline, CancellationToken cancel)
    {
        try
        {
            return await work(step, deadline);
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
