using Weft.Addressing;
using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>What the plugin asks of the agent: a verb each. Contract: docs/specs/agent-socket.md.</summary>
/// <param name="locks">Keeps the order per holder.</param>
/// <param name="stopping">
/// The agent's end. A plugin that leaves doesn't end what was begun for it: the control plane may have granted already.
/// </param>
internal sealed class LeaseService(
    LeaseTable table,
    Journal journal,
    KeyedLock locks,
    ReleaseLoop releases,
    BlockDemands demand,
    ControlPlaneClient plane,
    LeaseCalls calls,
    Connectivity connectivity,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log,
    CancellationToken stopping
)
{
    /// <summary>The lease of a holder: the one it has, or one that the control plane grants now.</summary>
    /// <returns>The lease, or why there is none.</returns>
    /// <exception cref="ControlPlaneException">The control plane refused, or can't be reached.</exception>
    /// <exception cref="IOException">The journal didn't take it.</exception>
    /// <param name="configuration">The name of the CNI network configuration; null where the plugin doesn't say.</param>
    public async Task<Outcome<PodLease>> Acquire(PodLeaseRequest request, string? configuration = null)
    {
        var holder = request.Holder;
        if (table.TryGet(holder, out var lease))
            return lease;
        using var patience = new CancellationTokenSource(timings.AcquireTimeout, clock);
        var granting = Grant(request, configuration, patience.Token);
        try
        {
            return await granting.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            LogWhenDone(granting, holder);
            return new Refusal(
                RefusalCode.ServiceUnavailable,
                $"the control plane has not answered for {timings.AcquireTimeout.TotalSeconds:0.#} s; "
                    + "try again, the same lease is kept for you"
            );
        }
    }

    /// <summary>
    /// Ends what a holder has or is getting. Once it is on the disk it will be done, whoever is away meanwhile.
    /// </summary>
    /// <returns>Done once it is on the disk.</returns>
    /// <exception cref="IOException">The journal didn't take it.</exception>
    public async Task Release(LeaseHolder holder, string? pod)
    {
        locks.MarkReleased(holder);
        await journal.Append(
            JournalEntry.Create(
                JournalEntry.ReleaseWanted,
                holder,
                clock.GetUtcNow(),
                want: table.NextReleaseNumber(),
                pod: pod
            )
        );
        releases.Wake();
        demand.Wake();
    }

    /// <summary>
    /// Ends what a network configuration came to and isn't valid any more. What another configuration of the same network
    /// came to is not in the runtime's list, and stays; so does what an agent of before has granted, which didn't say.
    /// </summary>
    /// <returns>Done once it is on the disk.</returns>
    /// <exception cref="IOException">The journal didn't take it.</exception>
    public async Task Collect(ResourceId network, string configuration, IReadOnlySet<SocketAttachment> valid)
    {
        // What is being requested just now is in no list of a runtime yet.
        var requested = table.Requests().Where(request => !locks.IsOpen(request.Holder));
        foreach (var (holder, entry) in table.Grants().Concat(requested))
        {
            if (
                holder.Network.Equals(network)
                && entry.Configuration == configuration
                && !valid.Contains(new SocketAttachment(holder.ContainerId, holder.Interface))
            )
                await Release(holder, entry.Pod);
        }
    }

    /// <summary>Whether a holder has a lease that holds some addresses.</summary>
    /// <returns>Null if so, else why not.</returns>
    public Refusal? Check(LeaseHolder holder, IReadOnlyList<Address> addresses)
    {
        if (!table.TryGet(holder, out var lease))
            return new Refusal(
                RefusalCode.ResourceNotFound,
                $"{Describe(holder)} has no lease of this network",
                holder.Network.ToString()
            );
        if (lease.Holds(addresses))
            return null;
        var held = string.Join(", ", lease.Addresses.Select(a => a.Address));
        return new Refusal(
            RefusalCode.Mismatch,
            $"the lease holds {held}, and not {string.Join(", ", addresses)}",
            "addresses"
        );
    }

    /// <summary>Whether an acquire would be served now.</summary>
    /// <returns>Null if so, else why not.</returns>
    /// <exception cref="IOException">The journal takes no entries.</exception>
    public async Task<Refusal?> Status()
    {
        if (plane.Identity is null)
            return Unavailable("the agent isn't enrolled yet");
        if (!connectivity.IsReachable && !table.Blocks.HasRoom)
            return Unavailable("the control plane doesn't answer the agent");

        // Tried anew rather than remembered: a runtime that is told no sends no pods, and nothing else would find the
        // disk repaired.
        await journal.ProveWritable();
        return null;
    }

    private static Refusal Unavailable(string why) => new(RefusalCode.ServiceUnavailable, why);

    private async Task<Outcome<PodLease>> Grant(
        PodLeaseRequest request,
        string? configuration,
        CancellationToken patience
    )
    {
        var holder = request.Holder;
        using var entry = locks.Open(holder);
        var gone = entry.ReleaseCount;
        await entry.Enter(patience);
        try
        {
            if (entry.ReleaseCount != gone)
                return ReleasedMeanwhile(holder);
            return table.TryGet(holder, out var lease) ? lease : await GrantLocked(request, configuration);
        }
        finally
        {
            entry.Exit();
        }
    }

    private async Task<Outcome<PodLease>> GrantLocked(PodLeaseRequest request, string? configuration)
    {
        var holder = request.Holder;
        // Both before the control plane is asked: an earlier release must not end the new lease, and a lease must find
        // room on the disk.
        if (table.ReleaseNumberOf(holder) is { } earlier)
            await releases.Complete(holder, earlier, stopping);
        await journal.EnsureWritable();

        var requested = CreateRequested(request, configuration);
        var given = TakeOfBlocks(request, requested.Pod);
        if (given is not null)
            await KeepOfBlocks(holder, requested, given);
        else
        {
            var lease = await Ask(request, requested);
            await journal.Note(requested with { Did = JournalEntry.Granted, At = clock.GetUtcNow(), Lease = lease });
        }

        demand.Note(holder.Network);
        if (!table.TryGet(holder, out var kept))
        {
            // Its release came first: the entry means nothing, and nobody holds the addresses.
            if (given is not null)
                table.Blocks.Free(holder.Network, given);
            return ReleasedMeanwhile(holder);
        }

        log.LeaseGranted(holder, string.Join(',', kept.Addresses.Select(a => a.Address)), requested.Pod);
        return kept;
    }

    /// <summary>
    /// Takes addresses of the agent's blocks. An address or a claim that is asked for is weftd's to give, also where it lies in
    /// a block; so is what was asked for before, as nobody knows yet what came of that.
    /// </summary>
    /// <returns>The lease, which isn't on the disk yet; null where weftd is to be asked.</returns>
    private PodLease? TakeOfBlocks(PodLeaseRequest request, string? pod) =>
        request.Ips.IsEmpty && request.Claim is null && !table.IsRequested(request.Holder)
            ? table.Blocks.TryTake(request.Holder.Network, pod)
            : null;

    /// <summary>Puts a lease of a block on the disk, synced: nobody else knows of it.</summary>
    private async Task KeepOfBlocks(LeaseHolder holder, JournalEntry requested, PodLease given)
    {
        try
        {
            await journal.Append(
                requested with
                {
                    Did = JournalEntry.Granted,
                    At = clock.GetUtcNow(),
                    Lease = given,
                    IsOfBlock = true,
                }
            );
        }
        catch (IOException)
        {
            table.Blocks.Free(holder.Network, given);
            throw;
        }
    }

    private JournalEntry CreateRequested(PodLeaseRequest request, string? configuration) =>
        JournalEntry.Create(
            JournalEntry.Requested,
            request.Holder,
            clock.GetUtcNow(),
            pod: request.Pod is null ? null : $"{request.Namespace}/{request.Pod}",
            configuration: configuration
        ) with
        {
            Uid = request.Uid,
        };

    /// <summary>
    /// Asks the control plane while the journal takes note that it is asked: two disks, side by side. Once both have it, no
    /// crash of either makes the lease one that nobody knows of, and what it holds can be learned again.
    /// </summary>
    private async Task<PodLease> Ask(PodLeaseRequest request, JournalEntry requested)
    {
        // What came of an earlier request isn't known: then a refusal of this one says nothing of that.
        var isFirst = !table.IsRequested(request.Holder);
        var noting = isFirst ? journal.Append(requested) : Task.CompletedTask;
        try
        {
            var lease = await calls.Acquire(request);
            await noting;
            return lease;
        }
        catch (ControlPlaneException e)
        {
            await noting;
            if (isFirst && e.IsRefusal)
                await journal.Note(requested with { Did = JournalEntry.Refused });
            throw;
        }
    }

    private static Refusal ReleasedMeanwhile(LeaseHolder holder) =>
        new(
            RefusalCode.Conflict,
            $"{Describe(holder)} was released while its address was being acquired",
            holder.Network.ToString()
        );

    private static string Describe(LeaseHolder holder) =>
        $"the interface '{holder.Interface}' of the container '{holder.ContainerId}'";

    /// <summary>Nobody waits for it any more, and what comes of it must still be seen.</summary>
    private void LogWhenDone(Task<Outcome<PodLease>> granting, LeaseHolder holder) =>
        _ = granting.ContinueWith(
            failed => log.AcquireFailedLate(failed.Exception!.InnerException!, holder),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default
        );
}
