using Weft.Agent.Manifests;

namespace Weft.Agent.Reconcilers;

/// <summary>One pass that was made over a target.</summary>
internal sealed record ReconcilePass(DesiredState DesiredState, ReconcileResult Result);

/// <summary>
/// Keeps one target true: a pass when a desired state comes, when the target has changed by another's hand, and every
/// few seconds. Each target has a loop of its own, so that an API server that is away keeps no folder and no node from
/// being made true.
/// </summary>
internal sealed class ReconcileLoop(IReconciler reconciler, AgentTimings timings, TimeProvider clock, ILogger log)
{
    private readonly AsyncAutoResetEvent _desiredChanged = new(clock);
    private volatile DesiredState? _desired;
    private volatile ReconcilePass? _lastPass;

    /// <summary>The last pass; null before the first.</summary>
    public ReconcilePass? LastPass => _lastPass;

    /// <summary>Says what the target should be like from now on.</summary>
    public void SetDesired(DesiredState desired)
    {
        _desired = desired;
        _desiredChanged.Set();
    }

    /// <summary>Makes passes until cancelled.</summary>
    public async Task Run(AsyncAutoResetEvent passed, CancellationToken cancel)
    {
        while (true)
        {
            await WaitUntilDue(cancel);
            if (_desired is not { } desired)
                continue;
            _lastPass = new ReconcilePass(desired, await Reconcile(desired, cancel));
            passed.Set();
        }
    }

    private async Task WaitUntilDue(CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] reasons =
        [
            _desiredChanged.Wait(over.Token),
            Task.Delay(timings.ResyncPeriod, clock, over.Token),
            reconciler.WaitForChange(over.Token),
        ];
        var first = await Task.WhenAny(reasons);
        if (first.IsFaulted)
        {
            // A target that can't be watched is compared at every resync, like one that reports no changes.
            log.WatchFailed(first.Exception!.InnerException, reconciler.Name);
            await reasons[1];
        }
        else
        {
            await first;
        }

        await over.CancelAsync();
    }

    private async Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel)
    {
        try
        {
            var result = await reconciler.Reconcile(desired, cancel);
            if (result.Written + result.Removed > 0)
                log.Applied(reconciler.Name, result.Written, result.Removed, desired.Revision);
            // What stands is found again by every pass, and said once.
            var before = _lastPass?.Result.Drift ?? [];
            foreach (var drift in result.Drift.Where(drift => drift.IsRepaired || !before.Contains(drift)))
                log.Drift(reconciler.Name, drift.What, drift.Was, drift.IsRepaired);
            return result;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // One target's fault is a finding of that target: the others, and the leases of pods, go on.
            log.PassFailed(e, reconciler.Name);
            return new ReconcileResult(0, 0, [$"{reconciler.Name}: {e.Message}"]);
        }
    }
}
