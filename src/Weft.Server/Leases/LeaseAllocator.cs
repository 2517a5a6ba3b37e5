using System.Collections.Immutable;
using System.Threading.Channels;
using Weft.Addressing;
using Weft.Attachments.Plugins;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>A pod's request for addresses, or for releasing them.</summary>
/// <param name="RequestedAddresses">The addresses it must have; empty where the pool picks.</param>
internal sealed record LeaseRequest(
    ResourceId Cluster,
    ResourceId Network,
    Holder Holder,
    ImmutableArray<Address> RequestedAddresses,
    bool IsRelease
)
{
    /// <summary>The agent that asks.</summary>
    public required ResourceId Agent { get; init; }

    /// <summary>Where it stands among the agent's requests; null where it counts whenever it comes.</summary>
    public RequestOrder? Order { get; init; }

    /// <summary>Whether it asks for nothing but what is held.</summary>
    public bool IsConfirmation { get; init; }

    /// <summary>The node whose pods alone may be spoken for; null for all of the cluster's.</summary>
    public string? OnlyOfNode { get; init; }
}

/// <summary>
/// Leases addresses to pods. What waits is decided together, each network's requests in a batch on the newest pool, and
/// committed once for all of them; an answer is given when it is durable. A network that somebody else holds shut, or that
/// loses to another commit, keeps none of the others waiting.
/// </summary>
internal sealed partial class LeaseAllocator(
    ControlPlane controlPlane,
    LeaseSessions sessions,
    LeaseLimits limits,
    IHostApplicationLifetime lifetime,
    ILogger<LeaseAllocator> logger
)
{
    /// <summary>Of how many requests on no more are taken into a batch; the last call's come all the same.</summary>
    private const int MaxBatchSize = 1024;
    private const int MaxQueueLength = 16_384;
    private const int MaxAttempts = 8;
    private readonly LeaseQuota _quota = new(limits);
    private readonly Dictionary<string, NetworkQueue> _networks = new(StringComparer.Ordinal);
    private readonly Channel<LeaseGroup> _queue = Channel.CreateBounded<LeaseGroup>(
        new BoundedChannelOptions(MaxQueueLength) { SingleReader = true }
    );
    private int _isServed;

    /// <summary>Leases or releases; the same holder gets the same addresses.</summary>
    public async Task<Outcome<ImmutableArray<Lease>>> Submit(LeaseRequest request, CancellationToken cancel)
    {
        var call = new PendingCall(1);
        var pending = new PendingLease(request, call);
        await Submit(request.Network, [pending], cancel);
        await call.Task.WaitAsync(cancel);
        return pending.Answer;
    }

    /// <summary>
    /// Leases and releases, in order, by one commit where one may hold that many: nobody's request comes between them.
    /// </summary>
    /// <param name="group">Requests about the network. They are answered when their call is done.</param>
    public ValueTask Submit(ResourceId network, PendingLease[] group, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _isServed, 1) == 0)
            _ = Task.Run(() => Serve(lifetime.ApplicationStopping), CancellationToken.None);
        var waiting = new LeaseGroup(network, group);
        return _queue.Writer.TryWrite(waiting) ? ValueTask.CompletedTask : WaitToWrite(waiting, cancel);
    }

    /// <summary>Whether a cluster's pods may have addresses of a network.</summary>
    public static bool IsAttached(ReadTransaction transaction, ResourceId cluster, ResourceId network) =>
        ClusterAttachments.PodsMayLease(transaction, cluster, network);

    /// <summary>Why they may not.</summary>
    public static Refusal NotAttachedRefusal(ResourceId cluster, ResourceId network) =>
        new(
            RefusalCode.AuthorizationFailed,
            $"{network.Name} isn't attached to {cluster.Name} with ipamEnabled True, "
                + $"nor on a VLAN of a trunk that {PluginRegistry.ListNames(p => p.HasPerVlanDefinitions, "or")} "
                + "attaches there, so its pods get no addresses of it",
            "network",
            network.ToString()
        );

    private async ValueTask WaitToWrite(LeaseGroup group, CancellationToken cancel)
    {
        while (await _queue.Writer.WaitToWriteAsync(cancel))
        {
            if (_queue.Writer.TryWrite(group))
                return;
        }

        // Nobody decides any more.
        group.RefuseAll(EndingRefusal());
    }

    private static Refusal EndingRefusal() =>
        new(RefusalCode.ServiceUnavailable, "no lease was written: weftd is ending");

    private async Task Serve(CancellationToken stopping)
    {
        var waiting = new List<NetworkQueue>();
        try
        {
            await Serve(waiting, stopping);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            _queue.Writer.Complete();
            waiting.ForEach(network => network.RefuseAll(EndingRefusal()));
            while (_queue.Reader.TryRead(out var group))
                group.RefuseAll(EndingRefusal());
        }
    }

    private async Task Serve(List<NetworkQueue> waiting, CancellationToken stopping)
    {
        while (await _queue.Reader.WaitToReadAsync(stopping))
        {
            for (var taken = 0; taken < MaxBatchSize && _queue.Reader.TryRead(out var group); )
            {
                Admit(group, waiting);
                taken += group.Requests.Length;
            }

            while (waiting.Count > 0)
            {
                var open = await Enter(waiting, stopping);
                try
                {
                    await Decide(open, stopping);
                }
                finally
                {
                    open.ForEach(network => network.Gate.Release());
                }
            }
        }
    }

    /// <summary>
    /// Asked here, where the requests of a holder stand in one line: one that is let through is decided before the next.
    /// </summary>
    private void Admit(LeaseGroup group, List<NetworkQueue> waiting)
    {
        if (!_networks.TryGetValue(group.Network.Key, out var network))
        {
            var gate = controlPlane.PoolLockOf(NetworkPool.PartitionOf(group.Network));
            _networks[group.Network.Key] = network = new NetworkQueue(group.Network, gate);
        }

        var isWaiting = network.Waiting.Count > 0;
        foreach (var pending in group.Requests)
        {
            var request = pending.Request;
            if (request.Order is { } order && sessions.Admit(request.Agent, request.Holder.Id, order) is { } late)
                pending.Complete(late);
            else if (request.IsRelease && sessions.IsBeingReported(request.Holder.Id))
                pending.Complete(
                    new Refusal(
                        RefusalCode.Contended,
                        $"what {request.Holder.Text} was given of a block is being taken in; release it once more",
                        "containerId"
                    )
                );
            else
                network.Waiting.Add(pending);
        }

        if (!isWaiting && network.Waiting.Count > 0)
            waiting.Add(network);
    }

    /// <summary>
    /// Takes those whose gates are open, or waits for one alone: who waits for a gate must hold none, for who holds that
    /// one may wait for these.
    /// </summary>
    private static async ValueTask<List<NetworkQueue>> Enter(List<NetworkQueue> waiting, CancellationToken stopping)
    {
        var open = waiting.FindAll(network => network.Gate.Wait(0, CancellationToken.None));
        if (open.Count == 0)
        {
            await waiting[0].Gate.WaitAsync(stopping);
            open.Add(waiting[0]);
        }

        waiting.RemoveAll(open.Contains);
        return open;
    }

    private async Task Decide(List<NetworkQueue> networks, CancellationToken stopping)
    {
        try
        {
            while (networks.Exists(network => network.Waiting.Count > 0))
            {
                if (await TryDecide(networks, stopping))
                    continue;
                // One of them lost to another commit: each goes its own way, and the others don't lose with it.
                await Task.WhenAll(networks.Select(network => DecideAlone(network, stopping)));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            foreach (var network in networks)
                network.RefuseAll(
                    new Refusal(
                        RefusalCode.ServiceUnavailable,
                        $"no lease was written: {e.Message}",
                        network.Id.ToString()
                    )
                );
        }
        catch (Exception e) when (networks.Count == 1)
        {
            // The network's other pods must not wait for ever on a bug of weftd.
            Log.BatchFailed(logger, networks[0].Id, e);
            networks[0]
                .RefuseAll(
                    new Refusal(
                        RefusalCode.InternalError,
                        "a fault of weftd; its log says more",
                        networks[0].Id.ToString()
                    )
                );
        }
        catch
        {
            // Whose bug it is shows where each is decided by itself.
            foreach (var network in networks)
                await Decide([network], stopping);
        }
    }

    private async Task DecideAlone(NetworkQueue network, CancellationToken stopping)
    {
        // Once together it was tried already.
        for (var attempt = 1; attempt < MaxAttempts && network.Waiting.Count > 0; attempt++)
        {
            if (await TryDecide([network], stopping))
                attempt = -1;
        }

        network.RefuseAll(
            new Refusal(RefusalCode.Contended, "others lease from the same pool; try once more", network.Id.ToString())
        );
    }

    /// <summary>Decides as many of the requests as one commit may hold, and answers them.</summary>
    /// <returns>False where the commit lost, and nothing is answered.</returns>
    private async Task<bool> TryDecide(List<NetworkQueue> networks, CancellationToken cancel)
    {
        var transaction = new ReadTransaction(controlPlane.Store.Current);
        var commit = new LeaseCommit(transaction, _quota, controlPlane.Store.MaxMutations, Draw);
        foreach (var network in networks)
            commit.Decide(network, controlPlane.Limits, controlPlane.Now);
        var mutations = commit.ToMutations();
        if (mutations.Count > 0 && await controlPlane.Store.Commit(transaction.ReadSet, mutations, cancel) is null)
            return false;
        commit.CompleteRequests();
        return true;
    }

    /// <summary>No secret: whoever asks is told the address that comes of it.</summary>
    private static ulong Draw() => (ulong)Random.Shared.NextInt64() + 1;

    /// <summary>A call's requests of one network, which are decided behind each other.</summary>
    private readonly record struct LeaseGroup(ResourceId Network, PendingLease[] Requests)
    {
        public void RefuseAll(Refusal refusal)
        {
            foreach (var pending in Requests)
                pending.Complete(refusal);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Error, "Leases of {Network} can't be decided")]
        public static partial void BatchFailed(ILogger logger, ResourceId network, Exception error);
    }
}
