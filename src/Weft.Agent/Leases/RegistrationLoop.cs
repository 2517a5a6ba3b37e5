using Weft.Addressing;
using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>
/// Tells a control plane that was restored what the node's pods hold (docs/specs/agent-api.md, "Registration").
/// </summary>
/// <remarks>Level-triggered: it is asked again with each desired state until it is done.</remarks>
internal sealed class RegistrationLoop(
    LeaseTable table,
    LeaseService leases,
    ControlPlaneClient plane,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private readonly AsyncAutoResetEvent _asked = new(clock);
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private volatile string? _epoch;

    /// <summary>The control plane asks for it.</summary>
    public void Ask(string epoch)
    {
        _epoch = epoch;
        _asked.Set();
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            await _asked.Wait(cancel);
            try
            {
                await Register(_epoch!, cancel);
                _backoff.Reset();
                // What was asked meanwhile has been answered; if it wasn't, the next answer asks again.
                await _asked.Wait(TimeSpan.Zero, cancel);
            }
            catch (Exception e) when (e is ControlPlaneException or IOException)
            {
                var wait = _backoff.NextDelay((e as ControlPlaneException)?.RetryAfter);
                log.RegistrationPostponed(e, Math.Round(wait.TotalSeconds, 1));
                await Task.Delay(wait, clock, cancel);
            }
        }
    }

    private async Task Register(string epoch, CancellationToken cancel)
    {
        var held = table.Grants().Select(Read).ToList();
        var chunks = held.Chunk(LeaseRegistration.MaxLeases).ToList();
        if (chunks.Count == 0)
            chunks.Add([]);
        var (adopted, conflicts) = (0, 0);
        for (var part = 0; part < chunks.Count; part++)
        {
            var isLast = part == chunks.Count - 1;
            var body = new LeaseRegistration(epoch, part, isLast, [.. chunks[part]])
            {
                Owner = table.Blocks.Owner?.Name,
                Blocks = isLast ? [.. table.Blocks.Blocks.Select(block => block.ToOwned())] : [],
            };
            var answer = await plane.Register(body, cancel);
            adopted += answer.Adopted;
            conflicts += answer.Conflicts.Count;
            foreach (var conflict in answer.Conflicts)
                log.LeaseConflict(conflict.Address, conflict.Holder, conflict.HeldBy);
            await ReleaseGone(chunks[part]);
        }

        log.LeasesRegistered(epoch, held.Count, adopted, conflicts);
    }

    /// <summary>A release that overtook its registration was one of nothing: it is made once more.</summary>
    private async Task ReleaseGone(IEnumerable<RegisteredLease> registered)
    {
        foreach (var lease in registered.Where(lease => !table.TryGet(lease.Holder, out _)))
            await leases.Release(lease.Holder, lease.Pod);
    }

    private static RegisteredLease Read((LeaseHolder Holder, JournalEntry Entry) grant) =>
        new(
            grant.Holder,
            grant.Entry.Pod,
            [.. grant.Entry.Lease!.Addresses.Select(address => address.ParsedAddress).OfType<Address>()]
        )
        {
            Uid = grant.Entry.Uid,
        };
}
