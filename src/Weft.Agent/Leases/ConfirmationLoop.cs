using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>
/// Learns from the control plane what became of leases that were requested and of which no word is left: the machine
/// stopped before the answer was on its disk, or no answer came.
/// </summary>
/// <remarks>Level-triggered: what is to be learned is read off the table each time.</remarks>
internal sealed class ConfirmationLoop(
    LeaseTable table,
    Journal journal,
    KeyedLock locks,
    LeaseCalls calls,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoffAfterRefusal);

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var wait = timings.MaxBackoff;
            try
            {
                foreach (var chunk in table.Requests().Chunk(LeaseBatchBody.MaxItems))
                    await Confirm(chunk);
                _backoff.Reset();
            }
            catch (Exception e) when (e is ControlPlaneException or IOException)
            {
                wait = _backoff.NextDelay((e as ControlPlaneException)?.RetryAfter);
                log.ConfirmationPostponed(e, Math.Round(wait.TotalSeconds, 1));
            }

            await Task.Delay(wait, clock, cancel);
        }
    }

    /// <summary>Asks for some, but for those that somebody is busy with: they are about to be known.</summary>
    private async Task Confirm(IEnumerable<(LeaseHolder Holder, JournalEntry Entry)> requests)
    {
        using var turns = new HolderTurns(locks);
        // Whoever had its turn meanwhile has settled it.
        var open = requests.Where(r => turns.TryTake(r.Holder) && table.IsRequested(r.Holder)).ToList();
        if (open.Count == 0)
            return;
        var answers = await calls.Send([
            .. open.Select(r => new BatchedLeaseRequest(LeaseVerb.Confirm, new PodLeaseRequest(r.Holder))),
        ]);
        var learned = open.Zip(answers, (request, answer) => Learn(request.Entry, answer))
            .OfType<JournalEntry>()
            .ToList();
        await Task.WhenAll(learned.Select(journal.Note));
        if (learned.Count > 0)
            log.LeasesConfirmed(
                learned.Count(entry => entry.Did == JournalEntry.Granted),
                learned.Count(entry => entry.Did == JournalEntry.Refused)
            );
        if (learned.Count < open.Count)
            throw answers.Select(answer => answer.Error).OfType<ControlPlaneException>().First(IsOpen);
    }

    /// <summary>What an answer says of a request; null where it leaves that open.</summary>
    private static JournalEntry? Learn(JournalEntry request, LeaseAnswer answer) =>
        answer switch
        {
            { Lease: { } lease } => request with { Did = JournalEntry.Granted, Lease = lease },
            { Error: { } error } when !IsOpen(error) => request with { Did = JournalEntry.Refused },
            _ => null,
        };

    private static bool IsOpen(ControlPlaneException error) => error.Code != nameof(RefusalCode.ResourceNotFound);
}
