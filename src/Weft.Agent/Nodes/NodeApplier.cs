using System.Collections.Immutable;
using System.ComponentModel;
using System.Security.Cryptography;
using System.Text;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Agent.Reconcilers;
using Weft.Relay;

namespace Weft.Agent.Nodes;

/// <summary>How changes of a node are made.</summary>
/// <param name="RollbackAfter">How long the control plane may be out of reach after a change before it is taken back;
/// zero to keep it whatever happens.</param>
/// <param name="RepairsDrift">Whether what others have changed is put right; otherwise it is only told.</param>
internal sealed record NodeApplyOptions(TimeSpan RollbackAfter, bool RepairsDrift);

/// <summary>
/// One pass over a node: what differs is changed, and what cuts the node off from the control plane is taken back. What
/// must be taken back is on the disk before anything is changed, so that this holds for an agent that is killed, too.
/// </summary>
/// <param name="reach">Answers null where the control plane is within reach, else why not; null where nobody
/// asks.</param>
internal sealed class NodeApplier(
    NodeReader reader,
    NodeOperationExecutor executor,
    NodeStateStore store,
    Func<TimeSpan, CancellationToken, Task<string?>>? reach,
    NodeApplyOptions options,
    TimeProvider clock,
    ILogger log
)
{
    // Long enough for a lost packet or two, short enough that a change isn't held up by an outage that is there
    // already.
    private static readonly TimeSpan QuickProbe = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan InitialRetryDelay = TimeSpan.FromMinutes(1),
        MaxRetryDelay = TimeSpan.FromHours(1);

    private bool IsGuarded => reach is not null && options.RollbackAfter > TimeSpan.Zero;

    /// <summary>What would be done now. Nothing is changed, on the node or on the disk.</summary>
    /// <exception cref="IOException">The node can't be read.</exception>
    public NodePlan Plan(DesiredNode desired)
    {
        var owned = store.ReadOwned().ForBoot(reader.Boot);
        return NodePlan.Create(reader.Read(desired, owned), desired, owned);
    }

    /// <summary>Makes the node what is wanted.</summary>
    /// <param name="cancel">Ends it; a change that isn't proven by then is taken back.</param>
    /// <exception cref="IOException">The node, or the state directory, can't be read or written.</exception>
    public async Task<ReconcileResult> Apply(DesiredNode desired, CancellationToken cancel)
    {
        executor.ClearCache();
        var fingerprint = Fingerprint(desired);
        await Recover(cancel);
        var stored = store.ReadOwned();
        var owned = stored.ForBoot(reader.Boot);
        var plan = NodePlan.Create(reader.Read(desired, owned), desired, owned);
        owned = owned with { Steps = [.. owned.Steps.Where(operation => !plan.Forgotten.Contains(operation.Key!))] };
        var result = await Apply(desired, plan, stored, owned, fingerprint, cancel);
        return result with
        {
            Drift =
            [
                .. result.Drift,
                .. plan.Held.Select(held => new Drift(
                    $"{held.Link} of {desired.Configuration.Node}",
                    held.Why,
                    IsRepaired: false
                )),
            ],
        };
    }

    private async Task<ReconcileResult> Apply(
        DesiredNode desired,
        NodePlan plan,
        OwnedState stored,
        OwnedState owned,
        string fingerprint,
        CancellationToken cancel
    )
    {
        // After a start of the machine everything has to be made, and nobody has taken it away.
        var isProven = owned.Proven == fingerprint;
        var isDrift = isProven && stored.Boot == owned.Boot;
        if (plan.Operations.IsEmpty)
        {
            // What is in place without a change can't have cut anything off.
            // What is held is still to go, and that will be no drift.
            if (plan.Held.IsEmpty && (!isDrift || stored.Steps.Length != owned.Steps.Length))
                store.Save(owned with { Proven = fingerprint });
            if (store.ReadRolledBack() is not null)
                store.Save((RolledBack?)null);
            return new ReconcileResult(0, 0, plan.Findings);
        }

        if (isDrift && !options.RepairsDrift)
            return new ReconcileResult(0, 0, plan.Findings)
            {
                Drift = DriftOf(desired, plan.Operations, isMended: false),
            };
        return ReasonToWait(fingerprint) is { } reason
            ? new ReconcileResult(0, 0, [.. plan.Findings, reason])
            : await ApplyPlan(desired, plan, owned, new RollbackGuard(fingerprint, isProven, isDrift), cancel);
    }

    /// <summary>Why a configuration that was taken back isn't tried yet; null where it may be tried.</summary>
    private string? ReasonToWait(string fingerprint) =>
        store.ReadRolledBack() is { } earlier
        && earlier.Configuration == fingerprint
        && earlier.NotBefore - clock.GetUtcNow() is var left
        // No rest is longer than the longest: then the time of day has stepped back since, and says nothing.
        && left > TimeSpan.Zero
        && left <= MaxRetryDelay
            ? $"{earlier.Why}; it is tried again at {earlier.NotBefore:yyyy-MM-dd'T'HH:mm:ss'Z'}, "
                + "or when the node's configuration changes"
            : null;

    private async Task<ReconcileResult> ApplyPlan(
        DesiredNode desired,
        NodePlan plan,
        OwnedState owned,
        RollbackGuard guard,
        CancellationToken cancel
    )
    {
        // A control plane that is away already proves nothing against a configuration that has been proven before.
        var away = IsGuarded ? await reach!(QuickProbe, cancel) : null;
        var mustProve = IsGuarded && (away is null || !guard.IsProven);
        var pending = new PendingChange(owned.Boot, guard.Configuration, IsDone: false, owned, UndoOf(plan));
        store.Save(pending);
        var findings = plan.Findings.ToList();
        var refused = new List<Drift>();
        var (done, after) = Execute(plan.Operations, owned, findings, refused);
        if (mustProve && done.Count > 0)
        {
            store.Save(after);
            store.Save(pending with { IsDone = true });
            if (await ConfirmReachable(options.RollbackAfter, pending, cancel) is { } why)
            {
                var said = RollBack(pending, guard.Configuration, why);
                return new ReconcileResult(0, 0, [.. findings, said]) { Drift = refused };
            }
        }

        var isWhole = findings.Count == plan.Findings.Length && plan.Held.IsEmpty;
        store.Save(isWhole ? after with { Proven = guard.Configuration } : after);
        store.Save((PendingChange?)null);
        store.Save((RolledBack?)null);
        return new ReconcileResult(
            done.Count(operation => !operation.Removes),
            done.Count(operation => operation.Removes),
            findings
        )
        {
            Drift = [.. guard.IsDrift ? DriftOf(desired, done, isMended: true) : [], .. refused],
        };
    }

    private static ImmutableArray<NodeOperation> UndoOf(NodePlan plan) =>
        [.. plan.Operations.Reverse().Select(operation => operation.Undo()).OfType<NodeOperation>()];

    private (List<NodeOperation> Done, OwnedState After) Execute(
        ImmutableArray<NodeOperation> steps,
        OwnedState owned,
        List<string> findings,
        List<Drift> refused
    )
    {
        var done = new List<NodeOperation>();
        var failed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var operation in steps)
        {
            // What comes after an operation that failed on the same object would fail for want of it, and hide the
            // reason.
            if (
                failed.Contains(operation.Subject)
                || failed.Any(subject => operation.Subject.EndsWith($" of {subject}", StringComparison.Ordinal))
            )
                continue;
            try
            {
                var executed = executor.Execute(operation);
                done.Add(executed);
                owned = owned.With(executed);
                log.NodeStep(operation.Subject, operation.Description);
            }
            catch (ModuleRefusedException e)
            {
                failed.Add(operation.Subject);
                refused.Add(new Drift(operation.ToString(), e.Message, IsRepaired: false));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
            {
                failed.Add(operation.Subject);
                findings.Add($"{operation}: {e.Message}");
            }
        }

        return (done, owned);
    }

    /// <summary>Waits until the control plane is within reach; answers why it isn't.</summary>
    private async Task<string?> ConfirmReachable(TimeSpan within, PendingChange pending, CancellationToken cancel)
    {
        try
        {
            return await reach!(within, cancel);
        }
        catch (OperationCanceledException)
        {
            // The agent stops, and nobody would be left to take it back.
            UndoPending(pending);
            throw;
        }
    }

    /// <summary>
    /// A change that a killed agent has left: taken back, unless it was whole and the control plane turns out to be
    /// within reach.
    /// </summary>
    private async Task Recover(CancellationToken cancel)
    {
        if (store.ReadPending() is not { } pending)
            return;
        var isSameBoot = pending.Boot == reader.Boot;
        if (!isSameBoot)
            pending = pending with { Undo = [.. pending.Undo.OfType<WriteServiceFiles>()] };
        if (!pending.IsDone)
        {
            log.ChangeCutShort("it is taken back and made anew");
            UndoPending(pending);
        }
        else if (IsGuarded && isSameBoot && await ConfirmReachable(options.RollbackAfter, pending, cancel) is { } why)
        {
            RollBack(pending, pending.Configuration, why);
        }
        else
        {
            store.Save(store.ReadOwned() with { Proven = pending.Configuration });
            store.Save((PendingChange?)null);
        }
    }

    private string RollBack(PendingChange pending, string fingerprint, string why)
    {
        var attempts =
            store.ReadRolledBack() is { } earlier && earlier.Configuration == fingerprint ? earlier.Attempts + 1 : 1;
        var rest = ExponentialBackoff.Delay(InitialRetryDelay, MaxRetryDelay, attempts - 1);
        var said =
            "the node's configuration was taken back, because the control plane was not within reach for "
            + $"{options.RollbackAfter.TotalSeconds:0} s after it was applied: {why}";
        store.Save(new RolledBack(fingerprint, attempts, clock.GetUtcNow() + rest, said));
        UndoPending(pending);
        log.RolledBack(why, attempts, rest);
        return $"{said}; it is tried again in {rest.TotalMinutes:0} min, or when the node's configuration changes";
    }

    private void UndoPending(PendingChange pending)
    {
        foreach (var operation in pending.Undo)
        {
            try
            {
                executor.Execute(operation);
                log.NodeUndo(operation.Subject, operation.Description);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
            {
                // What was never done can't be undone; what was, and can't be, is seen by the next plan.
                log.NotUndone(e, operation.Subject, operation.Description);
            }
        }

        store.Save(pending.Before);
        store.Save((PendingChange?)null);
    }

    private static Drift[] DriftOf(DesiredNode desired, IEnumerable<NodeOperation> steps, bool isMended) =>
        [
            .. steps.Select(operation => new Drift(
                $"{operation.Subject} of {desired.Configuration.Node}",
                $"wanted: {operation.Description}",
                isMended
            )),
        ];

    private static string Fingerprint(DesiredNode desired)
    {
        var text = string.Join(
            '\n',
            desired.Configuration.Node,
            desired.Configuration.ToJson().ToJsonString(),
            desired.Guards,
            desired.Service?.Service,
            Files(desired)
        );
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static string Files(DesiredNode desired) =>
        desired.Service is { } files
            ? string.Join(
                '\n',
                files.Files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}\n{f.Value}")
            )
            : "";

    /// <summary>What is known of a configuration before a change.</summary>
    private sealed record RollbackGuard(string Configuration, bool IsProven, bool IsDrift);
}
