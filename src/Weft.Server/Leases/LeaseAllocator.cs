using System.Collections.Concurrent;
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
/// Leases addresses to pods. Requests for one network are decided in batches, each on the newest pool, and committed
/// once per batch; an answer is given when it is durable. Networks don't wait for each other.
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
    private const int MaxQueueLength = 4096;
    private const int MaxAttempts = 8;
    private readonly LeaseQuota _quota = new(limits);
    private readonly ConcurrentDictionary<string, Channel<PendingLease[]>> _queues = new(StringComparer.Ordinal);

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
    public ValueTask Submit(ResourceId network, PendingLease[] group, CancellationToken cancel) =>
        _queues.GetOrAdd(network.Key, _ => StartQueue(network)).Writer.WriteAsync(group, cancel);

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

    private Channel<PendingLease[]> StartQueue(ResourceId network)
    {
        var queue = Channel.CreateBounded<PendingLease[]>(MaxQueueLength);
        _ = ServeQueue(network, queue.Reader, lifetime.ApplicationStopping);
        return queue;
    }

    private async Task ServeQueue(ResourceId network, ChannelReader<PendingLease[]> queue, CancellationToken stopping)
    {
        var gate = controlPlane.PoolLockOf(NetworkPool.PartitionOf(network));
        var last = ImmutableArray<Address>.Empty;
        var users = new NetworkUsersCache(network);
        var batch = new List<PendingLease>();
        while (await queue.WaitToReadAsync(stopping))
        {
            batch.Clear();
            while (batch.Count < MaxBatchSize && queue.TryRead(out var group))
                Admit(group, batch);
            await gate.WaitAsync(stopping);
            try
            {
                for (var decided = 0; decided < batch.Count; )
                {
                    (last, var count) = await DecideBatch(network, users, batch[decided..], last, stopping);
                    decided += count;
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                batch.ForEach(pending =>
                    pending.Complete(
                        new Refusal(
                            RefusalCode.ServiceUnavailable,
                            $"no lease was written: {e.Message}",
                            network.ToString()
                        )
                    )
                );
            }
            catch (Exception e)
            {
                // The network's other pods must not wait for ever on a bug of weftd.
                Log.BatchFailed(logger, network, e);
                batch.ForEach(pending =>
                    pending.Complete(
                        new Refusal(
                            RefusalCode.InternalError,
                            "a fault of weftd; its log says more",
                            network.ToString()
                        )
                    )
                );
            }
            finally
            {
                gate.Release();
            }
        }
    }

    /// <summary>
    /// Asked here, where the requests of a holder stand in one line: one that is let through is decided before the next.
    /// </summary>
    private void Admit(PendingLease[] group, List<PendingLease> batch)
    {
        foreach (var pending in group)
        {
            var request = pending.Request;
            if (request.Order is { } order && sessions.Admit(request.Agent, request.Holder.Id, order) is { } late)
                pending.Complete(late);
            else
                batch.Add(pending);
        }
    }

    /// <returns>The addresses that were picked last, and how many requests were answered: as many as one commit may hold.</returns>
    private async Task<(ImmutableArray<Address> Last, int Count)> DecideBatch(
        ResourceId network,
        NetworkUsersCache users,
        List<PendingLease> batch,
        ImmutableArray<Address> last,
        CancellationToken cancel
    )
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var transaction = new ReadTransaction(controlPlane.Store.Current);
            var decided = new LeaseBatch(network, transaction, _quota, users.Get(transaction.State), last, Draw);
            if (transaction.Get(network) is { } row)
                decided.Decide(row, batch, controlPlane.Limits, controlPlane.Now, controlPlane.Store.MaxMutations);
            else
                decided.RefuseAll(
                    batch,
                    new Refusal(RefusalCode.ResourceNotFound, $"{network} doesn't exist", network.ToString())
                );
            if (
                decided.Mutations.Count == 0
                || await controlPlane.Store.Commit(transaction.ReadSet, decided.Mutations, cancel) is not null
            )
            {
                decided.CompleteRequests();
                return (decided.LastAssigned, decided.CountDecided);
            }
        }

        batch.ForEach(pending =>
            pending.Complete(
                new Refusal(RefusalCode.Contended, "others lease from the same pool; try once more", network.ToString())
            )
        );
        return (last, batch.Count);
    }

    /// <summary>No secret: whoever asks is told the address that comes of it.</summary>
    private static ulong Draw() => (ulong)Random.Shared.NextInt64() + 1;

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Error, "Leases of {Network} can't be decided")]
        public static partial void BatchFailed(ILogger logger, ResourceId network, Exception error);
    }
}
