using Weft.Agent.ControlPlane;
using Weft.Agent.Disk;
using Weft.Agent.Kubernetes;
using Weft.Agent.Manifests;
using Weft.Agent.Targets;

namespace Weft.Agent;

/// <summary>
/// The loop between the control plane and the targets. It takes pictures in, has every target made true to the one it holds, and tells what
/// became of it. There is never more than one exchange with the control plane: enrolling, else reporting, else waiting for another picture.
/// </summary>
/// <param name="enrolment">How the agent comes to be known to it.</param>
/// <param name="desiredPath">Where the picture is kept for the time when the control plane is away.</param>
/// <param name="node">The node the agent serves, or null.</param>
/// <param name="authority">The CA certificates of the cluster's API server; null where the agent has none to tell of.</param>
internal sealed class AgentLoop(
    ControlPlaneClient plane,
    Enrolment enrolment,
    string desiredPath,
    IReadOnlyList<ITarget> targets,
    string? node,
    ClusterAuthorityFile? authority,
    Pace pace,
    TimeProvider clock,
    Log log)
{
    private readonly Backoff _backoff = new(pace.FirstRetry, pace.LastRetry);
    private readonly TargetLoop[] _loops = [.. targets.Select(target => new TargetLoop(target, pace, clock, log))];
    private readonly Signal _passed = new();
    private readonly RecentDrift _drift = new(clock);

    // What the targets are kept true to, and the newest picture met, which may be one that can't be drawn.
    private Picture? _held;
    private Picture? _newest;
    private bool _isStored;

    // What became of the newest picture, and what the control plane was last told of it.
    private StatusReport? _status;
    private StatusReport? _reported;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;

    // Ends the wait for another picture; null but while it lasts.
    private CancellationTokenSource? _waiting;

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="CannotStartException">The control plane refused to enrol the agent.</exception>
    public async Task Run(CancellationToken cancel)
    {
        Restore();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // A pass never faults; a loop that ends all the same ends the agent, because a target that nobody keeps true must not go unnoticed.
        var loops = Task.WhenAny(_loops.Select(loop => loop.Run(_passed, over.Token)));
        try
        {
            Task? exchange = null;
            while (true)
            {
                Assess();
                // A pass may end long after the wait for the next picture has begun, and what became of this one shouldn't wait with it.
                if (_waiting is { } waiting && HasNews)
                    await waiting.CancelAsync();
                if (exchange is null && clock.GetUtcNow() >= _notBefore)
                    exchange = Exchange(cancel);
                await NextTurn(exchange, loops, cancel);
                if (exchange is not { IsCompleted: true })
                    continue;
                await Settle(exchange, cancel);
                exchange = null;
                _waiting?.Dispose();
                _waiting = null;
            }
        }
        finally
        {
            await over.CancelAsync();
            _waiting?.Dispose();
        }
    }

    private bool HasNews => _status is not null && _status != _reported;

    private async Task NextTurn(Task? exchange, Task<Task> loops, CancellationToken cancel)
    {
        var wait = pace.Mend;
        if (exchange is null && _notBefore - clock.GetUtcNow() is var left && left < wait)
            wait = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var time = Task.Delay(wait, clock, over.Token);
        var passed = _passed.Wait(over.Token);
        var first = await Task.WhenAny(time, passed, loops, exchange ?? time);
        if (first == loops)
            await await loops;
        else if (first != exchange)
            await first;
        await over.CancelAsync();
    }

    private Task Exchange(CancellationToken cancel) =>
        plane.Identity is null ? Enrol(cancel)
        : HasNews ? Report(_status!, cancel)
        : Poll(cancel);

    /// <summary>Takes in how an exchange ended; only what a person must mend gets out of here.</summary>
    private async Task Settle(Task exchange, CancellationToken cancel)
    {
        try
        {
            await exchange;
            _backoff.Reset();
        }
        catch (Exception e) when (e is not CannotStartException && !cancel.IsCancellationRequested)
        {
            var wait = _backoff.Next((e as ControlPlaneException)?.RetryAfter);
            _notBefore = clock.GetUtcNow() + wait;
            if (plane.Identity is not null && e is ControlPlaneException { Status: 401 })
            {
                log.Fault("credential-refused", e,
                    ("next", "was the agent deleted? To enrol it anew, delete its credential file and start with a new token"));
            }
            else
            {
                log.Warn("control-plane-failed", e, ("seconds", Math.Round(wait.TotalSeconds, 1)));
            }
        }
    }

    private async Task Enrol(CancellationToken cancel)
    {
        var identity = await enrolment.Enrol(cancel);
        log.Note("enrolled", ("agent", identity.AgentId), ("cluster", identity.Cluster));
    }

    private async Task Report(StatusReport status, CancellationToken cancel)
    {
        await plane.Report(status, cancel);
        _reported = status;
        log.Note("reported", ("state", status.State), ("revision", status.Revision), ("digest", status.Digest));
    }

    private async Task Poll(CancellationToken cancel)
    {
        // Should nobody hold the request open, it isn't asked again at once.
        var next = clock.GetUtcNow() + pace.BetweenPolls;
        _waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        byte[]? content;
        try
        {
            content = (await plane.Desired(_newest?.Digest, _waiting.Token)).Content;
        }
        catch (OperationCanceledException) when (HasNews && !cancel.IsCancellationRequested)
        {
            return;
        }

        if (content is null)
        {
            _notBefore = next;
            return;
        }

        var picture = Picture.Read(content, node);
        if (picture.Digest == _newest?.Digest)
            _notBefore = next;
        if (picture.Digest != _newest?.Digest || picture.Revision > _newest.Revision)
            Take(picture);
    }

    private void Take(Picture picture)
    {
        log.Note("desired", ("revision", picture.Revision), ("digest", picture.Digest));
        _newest = picture;
        if (picture.Files.Refusal is not null)
            return;
        (_held, _isStored) = (picture, false);
        foreach (var loop in _loops)
            loop.Want(picture);
    }

    /// <summary>What was desired before the restart is desired until the control plane says otherwise.</summary>
    private void Restore()
    {
        try
        {
            if (!File.Exists(desiredPath))
                return;
            Take(Picture.Read(File.ReadAllBytes(desiredPath), node));
            _isStored = _held is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ControlPlaneException)
        {
            // The next picture replaces it; the folders stay as they are until then.
            log.Warn("desired-not-restored", e, ("file", desiredPath));
        }
    }

    /// <summary>What became of the newest picture, once every target was made true to the one that is held.</summary>
    private void Assess()
    {
        if (_newest is null)
            return;
        var findings = new List<string>();
        if (_held is { } held)
        {
            Store(held, findings);
            if (!_loops.All(loop => ReferenceEquals(loop.Last?.Picture, held)))
                return;
            foreach (var (target, loop) in targets.Zip(_loops))
            {
                findings.AddRange(loop.Last!.Outcome.Findings);
                _drift.Take(target.Name, loop.Last.Outcome);
            }
        }

        if (_newest.Files.Refusal is { } refusal)
            findings.Insert(0, refusal.Message);
        var status = new StatusReport(_newest.Digest, _newest.Revision, findings.Count == 0 ? "Applied" : "Failed",
            findings.Count == 0 ? null : string.Join(" | ", findings), node, AgentOptions.Version)
        {
            Drift = _drift.Report(),
            CertificateAuthority = authority?.Read(),
        };
        if (status != _status && findings.Count > 0)
            log.Warn("apply-failed", null, ("revision", status.Revision), ("findings", status.Message));
        _status = status;
    }

    private void Store(Picture held, List<string> findings)
    {
        if (_isStored)
            return;
        try
        {
            AtomicFile.Write(desiredPath, held.Content, AtomicFile.Private);
            _isStored = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Add($"the desired state can't be stored: {e.Message}");
        }
    }
}
