using System.Collections.Immutable;
using System.ComponentModel;
using System.Security.Cryptography;
using System.Text;
using Weft.Agent.Targets;

namespace Weft.Agent.Nodes;

/// <summary>How changes of a node are made.</summary>
/// <param name="RollbackAfter">How long the control plane may be out of reach after a change before it is taken back; zero to keep it whatever happens.</param>
/// <param name="MendsDrift">Whether what others have changed is put right; otherwise it is only told.</param>
internal sealed record NodePolicy(TimeSpan RollbackAfter, bool MendsDrift);

/// <summary>
/// One pass over a node: what differs is changed, and what cuts the node off from the control plane is taken back. What must be taken back is
/// on the disk before anything is changed, so that this holds for an agent that is killed, too.
/// </summary>
/// <param name="reach">Answers null where the control plane is within reach, else why not; null where nobody asks.</param>
internal sealed class NodePass(
    NodeReader reader, NodeWriter writer, NodeMemory memory, Func<TimeSpan, CancellationToken, Task<string?>>? reach, NodePolicy policy, TimeProvider clock, Log log)
{
    // Long enough for a lost packet or two, short enough that a change isn't held up by an outage that is there already.
    private static readonly TimeSpan QuickLook = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FirstRest = TimeSpan.FromMinutes(1), LastRest = TimeSpan.FromHours(1);

    private bool IsGuarded => reach is not null && policy.RollbackAfter > TimeSpan.Zero;

    /// <summary>What would be done now. Nothing is changed, on the node or on the disk.</summary>
    /// <exception cref="IOException">The node can't be read.</exception>
    public NodePlan Plan(NodeWish wish)
    {
        var made = memory.Made().In(reader.Boot);
        return NodePlan.Of(reader.Read(wish, made), wish, made);
    }

    /// <summary>Makes the node what is wanted.</summary>
    /// <param name="cancel">Ends it; a change that isn't proven by then is taken back.</param>
    /// <exception cref="IOException">The node, or the state directory, can't be read or written.</exception>
    public async Task<TargetOutcome> Run(NodeWish wish, CancellationToken cancel)
    {
        writer.Forget();
        var fingerprint = Fingerprint(wish);
        await Recover(cancel);
        var stored = memory.Made();
        var made = stored.In(reader.Boot);
        var plan = NodePlan.Of(reader.Read(wish, made), wish, made);
        made = made with { Steps = [.. made.Steps.Where(step => !plan.Forgotten.Contains(step.Key!))] };
        // After a start of the machine everything has to be made, and nobody has taken it away.
        var isProven = made.Proven == fingerprint;
        var isDrift = isProven && stored.Boot == made.Boot;
        if (plan.Steps.IsEmpty)
        {
            // What is in place without a change can't have cut anything off.
            if (!isDrift || stored.Boot != made.Boot || stored.Steps.Length != made.Steps.Length)
                memory.Keep(made with { Proven = fingerprint });
            if (memory.RolledBack() is not null)
                memory.Keep((RolledBack?)null);
            return new TargetOutcome(0, 0, plan.Findings);
        }

        if (isDrift && !policy.MendsDrift)
            return new TargetOutcome(0, 0, plan.Findings) { Drift = Drifted(wish, plan.Steps, isMended: false) };
        if (memory.RolledBack() is { } earlier && earlier.Configuration == fingerprint && clock.GetUtcNow() < earlier.NotBefore)
            return new TargetOutcome(0, 0, [.. plan.Findings, $"{earlier.Why}; it is tried again at {earlier.NotBefore:yyyy-MM-dd'T'HH:mm:ss'Z'}, or when the node's configuration changes"]);
        return await Change(wish, plan, made, new Proof(fingerprint, isProven, isDrift), cancel);
    }

    private async Task<TargetOutcome> Change(NodeWish wish, NodePlan plan, Made made, Proof proof, CancellationToken cancel)
    {
        // A control plane that is away already proves nothing against a configuration that has been proven before.
        var away = IsGuarded ? await reach!(QuickLook, cancel) : null;
        var mustProve = IsGuarded && (away is null || !proof.IsProven);
        var undo = plan.Steps.Reverse().Select(step => step.Undo()).OfType<NodeStep>().ToImmutableArray();
        var pending = new Pending(made.Boot, proof.Configuration, IsDone: false, made, undo);
        memory.Keep(pending);
        var findings = plan.Findings.ToList();
        var (done, after) = Do(plan.Steps, made, findings);
        if (mustProve && done.Count > 0)
        {
            memory.Keep(after);
            memory.Keep(pending with { IsDone = true });
            if (await Prove(policy.RollbackAfter, pending, cancel) is { } why)
            {
                var said = RollBack(pending, proof.Configuration, why);
                return new TargetOutcome(0, 0, [.. findings, said]);
            }
        }

        memory.Keep(findings.Count == plan.Findings.Length ? after with { Proven = proof.Configuration } : after);
        memory.Keep((Pending?)null);
        memory.Keep((RolledBack?)null);
        return new TargetOutcome(done.Count(step => !step.TakesAway), done.Count(step => step.TakesAway), findings)
        {
            Drift = proof.IsDrift ? Drifted(wish, done, isMended: true) : [],
        };
    }

    private (List<NodeStep> Done, Made After) Do(ImmutableArray<NodeStep> steps, Made made, List<string> findings)
    {
        var done = new List<NodeStep>();
        var failed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var step in steps)
        {
            // What comes after a step that failed on the same object would fail for want of it, and hide the reason.
            if (failed.Contains(step.Subject) || failed.Any(subject => step.Subject.EndsWith($" of {subject}", StringComparison.Ordinal)))
                continue;
            try
            {
                var taken = writer.Do(step);
                done.Add(taken);
                made = made.After(taken);
                log.Note("node-step", ("what", step.Subject), ("does", step.Does));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
            {
                failed.Add(step.Subject);
                findings.Add($"{step}: {e.Message}");
            }
        }

        return (done, made);
    }

    /// <summary>Waits until the control plane is within reach; answers why it isn't.</summary>
    private async Task<string?> Prove(TimeSpan within, Pending pending, CancellationToken cancel)
    {
        try
        {
            return await reach!(within, cancel);
        }
        catch (OperationCanceledException)
        {
            // The agent stops, and nobody would be left to take it back.
            TakeBack(pending);
            throw;
        }
    }

    /// <summary>A change that a killed agent has left: taken back, unless it was whole and the control plane turns out to be within reach.</summary>
    private async Task Recover(CancellationToken cancel)
    {
        if (memory.Pending() is not { } pending)
            return;
        var isSameBoot = pending.Boot == reader.Boot;
        if (!isSameBoot)
            pending = pending with { Undo = [.. pending.Undo.OfType<WriteFiles>()] };
        if (!pending.IsDone)
        {
            log.Warn("change-cut-short", null, ("next", "it is taken back and made anew"));
            TakeBack(pending);
        }
        else if (IsGuarded && isSameBoot && await Prove(policy.RollbackAfter, pending, cancel) is { } why)
        {
            RollBack(pending, pending.Configuration, why);
        }
        else
        {
            memory.Keep(memory.Made() with { Proven = pending.Configuration });
            memory.Keep((Pending?)null);
        }
    }

    private string RollBack(Pending pending, string fingerprint, string why)
    {
        var attempts = memory.RolledBack() is { } earlier && earlier.Configuration == fingerprint ? earlier.Attempts + 1 : 1;
        var rest = TimeSpan.FromTicks(Math.Min(LastRest.Ticks, FirstRest.Ticks << Math.Min(attempts - 1, 10)));
        var said = $"the node's configuration was taken back, because the control plane was not within reach for {policy.RollbackAfter.TotalSeconds:0} s after it was applied: {why}";
        memory.Keep(new RolledBack(fingerprint, attempts, clock.GetUtcNow() + rest, said));
        TakeBack(pending);
        log.Warn("rolled-back", null, ("why", why), ("attempts", attempts), ("rest", rest));
        return $"{said}; it is tried again in {rest.TotalMinutes:0} min, or when the node's configuration changes";
    }

    private void TakeBack(Pending pending)
    {
        foreach (var step in pending.Undo)
        {
            try
            {
                writer.Do(step);
                log.Note("node-undo", ("what", step.Subject), ("does", step.Does));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
            {
                // What was never done can't be undone; what was, and can't be, is seen by the next plan.
                log.Warn("not-undone", e, ("what", step.Subject), ("does", step.Does));
            }
        }

        memory.Keep(pending.Before);
        memory.Keep((Pending?)null);
    }

    private static Drift[] Drifted(NodeWish wish, IEnumerable<NodeStep> steps, bool isMended) =>
        [.. steps.Select(step => new Drift($"{step.Subject} of {wish.Configuration.Node}", $"wanted: {step.Does}", isMended))];

    private static string Fingerprint(NodeWish wish) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{wish.Configuration.Node}\n{wish.Configuration.ToJson().ToJsonString()}\n{wish.Guards}\n{wish.Service?.Service}\n{Files(wish)}")));

    private static string Files(NodeWish wish) =>
        wish.Service is { } service ? string.Join('\n', service.Files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}\n{f.Value}")) : "";

    /// <summary>What is known of a configuration before a change.</summary>
    private sealed record Proof(string Configuration, bool IsProven, bool IsDrift);
}
