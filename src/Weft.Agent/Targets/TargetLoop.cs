using Weft.Agent.Manifests;

namespace Weft.Agent.Targets;

/// <summary>One pass that was made over a target.</summary>
internal sealed record TargetPass(Picture Picture, TargetOutcome Outcome);

/// <summary>
/// Keeps one target true: a pass when a picture comes, when the target has changed by another's hand, and every few seconds. Each target has
/// a loop of its own, so that an API server that is away keeps no folder and no node from being made true.
/// </summary>
internal sealed class TargetLoop(ITarget target, Pace pace, TimeProvider clock, Log log)
{
    private readonly Signal _wanted = new();
    private volatile Picture? _picture;
    private volatile TargetPass? _last;

    /// <summary>The last pass; null before the first.</summary>
    public TargetPass? Last => _last;

    /// <summary>Says what the target should be like from now on.</summary>
    public void Want(Picture picture)
    {
        _picture = picture;
        _wanted.Set();
    }

    /// <summary>Makes passes until cancelled.</summary>
    public async Task Run(Signal passed, CancellationToken cancel)
    {
        while (true)
        {
            await Due(cancel);
            if (_picture is not { } picture)
                continue;
            _last = new TargetPass(picture, await Pass(picture, cancel));
            passed.Set();
        }
    }

    private async Task Due(CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] reasons = [_wanted.Wait(over.Token), Task.Delay(pace.Mend, clock, over.Token), target.Changed(over.Token)];
        var first = await Task.WhenAny(reasons);
        if (first.IsFaulted)
        {
            // A target that can't be watched is looked at as often as one that nobody tells of.
            log.Warn("watch-failed", first.Exception!.InnerException, ("target", target.Name));
            await reasons[1];
        }
        else
        {
            await first;
        }

        await over.CancelAsync();
    }

    private async Task<TargetOutcome> Pass(Picture picture, CancellationToken cancel)
    {
        try
        {
            var outcome = await target.Apply(picture, cancel);
            if (outcome.Written + outcome.Removed > 0)
                log.Note("applied", ("target", target.Name), ("written", outcome.Written), ("removed", outcome.Removed), ("revision", picture.Revision));
            foreach (var drift in outcome.Drift)
                log.Warn("drift", null, ("target", target.Name), ("what", drift.What), ("was", drift.Was), ("mended", drift.IsMended));
            return outcome;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // One target's fault is a finding of that target: the others, and the leases of pods, go on.
            log.Fault("pass-failed", e, ("target", target.Name));
            return new TargetOutcome(0, 0, [$"{target.Name}: {e.Message}"]);
        }
    }
}
