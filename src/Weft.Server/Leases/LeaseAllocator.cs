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
    private const int MaxBatchSize = 1024;
    private const int MaxQueueLength = 16_384;
    private const int MaxAttempts = 8;
    private readonly LeaseQuota _quota = new(limits);
    private readonly Dictionary<string, NetworkQueue> _networks = new(StringComparer.Ordinal);
    private readonly Channel<PendingLease> _queue = Channel.CreateBounded<PendingLease>(
        new BoundedChannelOptions(MaxQueueLength) { SingleReader = true }
    );
    private int _isServed;

    /// <summary>Leases or releases; the same holder gets the same addresses.</summary>
    public async Task<Outcome<ImmutableArray<Lease>>> Submit(LeaseRequest request, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _isServed, 1) == 0)
            _ = Task.Run(() => Serve(lifetime.ApplicationStopping), CancellationToken.None);
        var pending = new PendingLease(request);
        if (!_queue.Writer.TryWrite(pending) && !await TryWaitToWrite(pending, cancel))
            return new Refusal(RefusalCode.ServiceUnavailable, "no lease was written: weftd is ending");
        // Whoever leaves meanwhile: what they asked for is decided all the same.
        return await pending.Completion.Task;
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

    /// <returns>False where nobody decides any more.</returns>
    private async Task<bool> TryWaitToWrite(PendingLease pending, CancellationToken cancel)
    {
        while (await _queue.Writer.WaitToWriteAsync(cancel))
        {
            if (_queue.Writer.TryWrite(pending))
                return true;
        }

        return false;
    }

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
            var refusal = new Refusal(RefusalCode.ServiceUnavailable, "no lease was written: weftd is ending");
            waiting.ForEach(network => network.RefuseAll(refusal));
            while (_queue.Reader.TryRead(out var pending))
                pending.Completion.TrySetResult(refusal);
        }
    }

    private async Task Serve(List<NetworkQueue> waiting, CancellationToken stopping)
    {
        while (await _queue.Reader.WaitToReadAsync(stopping))
        {
            for (var taken = 0; taken < MaxBatchSize && _queue.Reader.TryRead(out var pending); taken++)
                Admit(pending, waiting);
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
    private void Admit(PendingLease pending, List<NetworkQueue> waiting)
    {
        var request = pending.Request;
        if (request.Order is { } order && sessions.Admit(request.Agent, request.Holder.Id, order) is { } late)
        {
            pending.Completion.TrySetResult(late);
            return;
        }

        if (!_networks.TryGetValue(request.Network.Key, out var network))
        {
            var gate = controlPlane.PoolLockOf(NetworkPool.PartitionOf(request.Network));
            _networks[request.Network.Key] = network = new NetworkQueue(request.Network, gate);
        }

        if (network.Waiting.Count == 0)
            waiting.Add(network);
        network.Waiting.Add(pending);
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
        var commit = new LeaseCommit(transaction, _quota, controlPlane.Store.MaxMutations);
        foreach (var network in networks)
            commit.Decide(network, controlPlane.Limits, controlPlane.Now);
        var mutations = commit.ToMutations();
        if (mutations.Count > 0 && await controlPlane.Store.Commit(transaction.ReadSet, mutations, cancel) is null)
            return false;
        commit.CompleteRequests();
        return true;
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Error, "Leases of {Network} can't be decided")]
        public static partial void BatchFailed(ILogger logger, ResourceId network, Exception error);
    }
}
