using Weft.Agent.ControlPlane;
using Weft.Agent.Kubernetes;
using Weft.Agent.Manifests;
using Weft.Agent.Reconcilers;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Agent;

/// <summary>
/// The loop between the control plane and the reconcilers. It accepts desired states, has every target reconciled to
/// the one it holds, and reports what became of it. There is never more than one exchange with the control plane:
/// enrolling, else reporting, else waiting for another desired state.
/// </summary>
/// <param name="enrolment">How the agent comes to be known to it.</param>
/// <param name="rotation">What becomes of its credential later.</param>
/// <param name="desiredPath">Where the desired state is kept for the time when the control plane is away.</param>
/// <param name="node">The node the agent serves, or null.</param>
/// <param name="authority">The CA certificates of the cluster's API server; null where the agent has none to tell
/// of.</param>
internal sealed class AgentLoop(
    ControlPlaneClient plane,
    Enrolment enrolment,
    CredentialRotation rotation,
    string desiredPath,
    IReadOnlyList<IReconciler> targets,
    string? node,
    ClusterAuthorityFile? authority,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private readonly ReconcileLoop[] _loops =
    [
        .. targets.Select(reconciler => new ReconcileLoop(reconciler, timings, clock, log)),
    ];
    private readonly AsyncAutoResetEvent _reconciled = new(clock);
    private readonly DriftHistory _driftHistory = new(clock);

    // What the targets are kept true to, and the newest desired state met, which may be one that can't be rendered.
    private volatile DesiredState? _current;
    private DesiredState? _latest;
    private bool _isStored;

    // What became of the newest desired state, and what the control plane was last told of it.
    private StatusReport? _status;
    private StatusReport? _reported;
    private long _notBefore;

    // The credential was refused, and the one before it may be known.
    private bool _mustRecover;

    // Ends the wait for another desired state; null but while it lasts.
    private CancellationTokenSource? _pollCancellation;

    /// <summary>What the targets are kept true to; null before the first desired state.</summary>
    public DesiredState? Current => _current;

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="StartupException">The control plane refused to enrol the agent.</exception>
    public async Task Run(CancellationToken cancel)
    {
        Restore();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // A pass never faults; a loop that ends all the same ends the agent, because a target that nobody keeps true
        // must not go unnoticed.
        Task[] running = [.. _loops.Select(loop => loop.Run(_reconciled, over.Token))];
        var loops = Task.WhenAny(running);
        Task? exchange = null;
        try
        {
            while (true)
            {
                UpdateStatus();
                // A pass may end long after the wait for the next desired state has begun, and what became of this one
                // shouldn't wait with it.
                if (_pollCancellation is { } waiting && HasUnreportedStatus)
                    await waiting.CancelAsync();
                if (exchange is null && clock.GetTimestamp() >= _notBefore)
                    exchange = Exchange(over.Token);
                await WaitForEvent(exchange, loops, cancel);
                if (exchange is not { IsCompleted: true })
                    continue;
                await CompleteExchange(exchange, cancel);
                exchange = null;
                _pollCancellation?.Dispose();
                _pollCancellation = null;
            }
        }
        finally
        {
            await over.CancelAsync();
            // A pass or an exchange that is under way may still write: whoever holds the state directory next must not meet it.
            await Task.WhenAll([.. running, exchange ?? Task.CompletedTask])
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _pollCancellation?.Dispose();
        }
    }

    private bool HasUnreportedStatus => _status is not null && _status != _reported;

    private async Task WaitForEvent(Task? exchange, Task<Task> loops, CancellationToken cancel)
    {
        var wait = timings.ResyncPeriod;
        if (exchange is null && clock.GetRemainingTime(_notBefore) is var left && left < wait)
            wait = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var time = Task.Delay(wait, clock, over.Token);
        var passed = _reconciled.Wait(over.Token);
        var first = await Task.WhenAny(time, passed, loops, exchange ?? time);
        if (first == loops)
            await await loops;
        else if (first != exchange)
            await first;
        await over.CancelAsync();
    }

    private Task Exchange(CancellationToken cancel) =>
        plane.Identity is null ? Enrol(cancel)
        : _mustRecover ? Recover(cancel)
        : HasUnreportedStatus ? Report(_status!, cancel)
        : Poll(cancel);

    /// <summary>Takes in how an exchange ended; only what a person must fix gets out of here.</summary>
    private async Task CompleteExchange(Task exchange, CancellationToken cancel)
    {
        try
        {
            await exchange;
            _backoff.Reset();
        }
        catch (Exception e) when (e is not StartupException && !cancel.IsCancellationRequested)
        {
            var wait = _backoff.NextDelay((e as ControlPlaneException)?.RetryAfter);
            _notBefore = clock.GetTimestamp(wait);
            if (plane.Identity is not null && e is ControlPlaneException { Status: 401 })
            {
                _mustRecover = !_mustRecover && rotation.CanRecover;
                log.CredentialRefused(
                    e,
                    "was the agent deleted? To enrol it anew, delete its credential file and start with a new token"
                );
            }
            else
            {
                log.ControlPlaneFailed(e, Math.Round(wait.TotalSeconds, 1));
            }
        }
    }

    private async Task Enrol(CancellationToken cancel)
    {
        var identity = await enrolment.Enrol(cancel);
        log.Enrolled(identity.AgentId, identity.Cluster);
    }

    private async Task Recover(CancellationToken cancel)
    {
        await rotation.Recover(cancel);
        _mustRecover = false;
    }

    private async Task Report(StatusReport status, CancellationToken cancel)
    {
        await plane.ReportStatus(status, cancel);
        _reported = status;
        log.Reported(status.State, status.Revision, status.Digest);
    }

    private async Task Poll(CancellationToken cancel)
    {
        // Should nobody hold the request open, it isn't asked again at once.
        var next = clock.GetTimestamp(timings.MinPollInterval);
        _pollCancellation = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        byte[]? content;
        try
        {
            content = await plane.GetDesired(_latest?.Digest, _pollCancellation.Token);
        }
        catch (OperationCanceledException) when (HasUnreportedStatus && !cancel.IsCancellationRequested)
        {
            return;
        }

        if (content is null)
        {
            _notBefore = next;
            return;
        }

        var desired = DesiredState.Read(content, node);
        if (desired.Digest == _latest?.Digest)
            _notBefore = next;
        if (desired.Digest != _latest?.Digest || desired.Revision > _latest.Revision)
            Accept(desired);
    }

    private void Accept(DesiredState desired)
    {
        log.Desired(desired.Revision, desired.Digest);
        _latest = desired;
        if (desired.Files.Refusal is not null)
            return;
        (_current, _isStored) = (desired, false);
        foreach (var loop in _loops)
            loop.SetDesired(desired);
    }

    /// <summary>What was desired before the restart is desired until the control plane says otherwise.</summary>
    private void Restore()
    {
        try
        {
            if (!File.Exists(desiredPath))
                return;
            Accept(DesiredState.Read(File.ReadAllBytes(desiredPath), node));
            _isStored = _current is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ControlPlaneException)
        {
            // The next desired state replaces it; the folders stay as they are until then.
            log.DesiredNotRestored(e, desiredPath);
        }
    }

    /// <summary>
    /// What became of the newest desired state, once every target was reconciled to the one that is held.
    /// </summary>
    private void UpdateStatus()
    {
        if (_latest is null)
            return;
        var findings = new List<string>();
        if (_current is { } current)
        {
            Store(current, findings);
            if (!_loops.All(loop => ReferenceEquals(loop.LastPass?.DesiredState, current)))
                return;
            foreach (var (reconciler, loop) in targets.Zip(_loops))
            {
                findings.AddRange(loop.LastPass!.Result.Findings);
                _driftHistory.Record(reconciler.Name, loop.LastPass.Result);
            }
        }

        if (_latest.Files.Refusal is { } refusal)
            findings.Insert(0, refusal.Message);
        var status = new StatusReport(
            _latest.Digest,
            _latest.Revision,
            findings.Count == 0 ? StatusReport.Applied : StatusReport.Failed,
            findings.Count == 0 ? null : string.Join(" | ", findings),
            node,
            AgentOptions.Version
        )
        {
            Drift = _driftHistory.Report(),
            CertificateAuthority = authority?.Read(),
        };
        if (status != _status && findings.Count > 0)
            log.ApplyFailed(status.Revision, status.Message);
        _status = status;
    }

    private void Store(DesiredState current, List<string> findings)
    {
        if (_isStored)
            return;
        try
        {
            DurableFile.Write(desiredPath, current.Content, DurableFile.Private);
            _isStored = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Add($"the desired state can't be stored: {e.Message}");
        }
    }
}
