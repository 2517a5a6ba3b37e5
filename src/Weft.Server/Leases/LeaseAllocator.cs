using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Weft.Addressing;
using Weft.Attachments.Plugins;
using Weft.Contracts;
using Weft.Fleet;
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
/// Leases addresses to pods. Requests for one network are decided in batches, each on the newest pool, and committed
/// once per batch; an answer is given when it is durable. Networks don't wait for each other.
/// </summary>
internal sealed partial class LeaseAllocator(
    ControlPlane controlPlane,
    LeaseSessions sessions,
    IHostApplicationLifetime lifetime,
    ILogger<LeaseAllocator> logger
)
{
    private const int MaxBatchSize = 1024;
    private const int MaxQueueLength = 4096;
    private const int MaxAttempts = 8;
    private readonly ConcurrentDictionary<string, Channel<PendingRequest>> _queues = new(StringComparer.Ordinal);

    /// <summary>Leases or releases; the same holder gets the same addresses.</summary>
    public async Task<Outcome<ImmutableArray<Lease>>> Submit(LeaseRequest request, CancellationToken cancel)
    {
        var pending = new PendingRequest(request);
        var queue = _queues.GetOrAdd(request.Network.Key, _ => StartQueue(request.Network));
        await queue.Writer.WriteAsync(pending, cancel);
        return await pending.Completion.Task.WaitAsync(cancel);
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

    private Channel<PendingRequest> StartQueue(ResourceId network)
    {
        var queue = Channel.CreateBounded<PendingRequest>(MaxQueueLength);
        _ = ServeQueue(network, queue.Reader, lifetime.ApplicationStopping);
        return queue;
    }

    private async Task ServeQueue(ResourceId network, ChannelReader<PendingRequest> queue, CancellationToken stopping)
    {
        var gate = controlPlane.PoolLockOf(NetworkPool.PartitionOf(network));
        var last = ImmutableArray<Address>.Empty;
        var batch = new List<PendingRequest>();
        while (await queue.WaitToReadAsync(stopping))
        {
            batch.Clear();
            while (batch.Count < MaxBatchSize && queue.TryRead(out var pending))
                Admit(pending, batch);
            await gate.WaitAsync(stopping);
            try
            {
                last = await DecideBatch(network, batch, last, stopping);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                batch.ForEach(pending =>
                    pending.Completion.TrySetResult(
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
                    pending.Completion.TrySetResult(
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
    private void Admit(PendingRequest pending, List<PendingRequest> batch)
    {
        var request = pending.Request;
        if (request.Order is { } order && sessions.Admit(request.Agent, request.Holder.Id, order) is { } late)
            pending.Completion.TrySetResult(late);
        else
            batch.Add(pending);
    }

    private async Task<ImmutableArray<Address>> DecideBatch(
        ResourceId network,
        List<PendingRequest> batch,
        ImmutableArray<Address> last,
        CancellationToken cancel
    )
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var transaction = new ReadTransaction(controlPlane.Store.Current);
            var decided = new Batch(network, transaction, last);
            if (transaction.Get(network) is { } row)
                decided.Decide(row, batch, controlPlane.Limits, controlPlane.Now);
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
                return decided.LastAssigned;
            }
        }

        batch.ForEach(pending =>
            pending.Completion.TrySetResult(
                new Refusal(RefusalCode.Contended, "others lease from the same pool; try once more", network.ToString())
            )
        );
        return last;
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Error, "Leases of {Network} can't be decided")]
        public static partial void BatchFailed(ILogger logger, ResourceId network, Exception error);
    }

    private sealed record PendingRequest(LeaseRequest Request)
    {
        public TaskCompletionSource<Outcome<ImmutableArray<Lease>>> Completion { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>One batch on one store state: thrown away whole if the commit is lost.</summary>
    private sealed class Batch(ResourceId network, ReadTransaction transaction, ImmutableArray<Address> last)
    {
        private Refusal? _pending;
        private readonly Dictionary<string, bool> _attached = new(StringComparer.Ordinal);
        private readonly List<(PendingRequest Pending, Outcome<ImmutableArray<Lease>> Answer)> _results = [];

        public List<Mutation> Mutations { get; } = [];

        public ImmutableArray<Address> LastAssigned { get; private set; } = last;

        public void Decide(Row row, List<PendingRequest> batch, Limits limits, string now)
        {
            // A claim that comes meanwhile keeps its address from everybody else.
            _ = transaction.View(NetworkPool.ClaimPartitionOf(network));
            _pending = Registration.RefusalFor(transaction.State, network);
            var pool = NetworkPool.PoolOf(transaction.State, row, limits);
            foreach (var pending in batch)
                pool = Decide(pool, pending, now);
            foreach (var mutation in Mutations)
                _ = transaction.Get(mutation.Key);
        }

        public void RefuseAll(List<PendingRequest> batch, Refusal refusal) =>
            _results.AddRange(
                batch.Select(pending =>
                    (
                        pending,
                        (Outcome<ImmutableArray<Lease>>)(
                            pending.Request.IsRelease ? ImmutableArray<Lease>.Empty : refusal
                        )
                    )
                )
            );

        public void CompleteRequests() =>
            _results.ForEach(answer => answer.Pending.Completion.TrySetResult(answer.Answer));

        private AddressPool Decide(AddressPool pool, PendingRequest pending, string now)
        {
            var (cluster, _, holder, wanted, isRelease) = pending.Request;
            var held = pool.Holdings.LeasesOf(holder.Id);
            if (OtherNodeOf(pending.Request, held) is { } foreign)
            {
                _results.Add((pending, foreign));
                return pool;
            }

            if (isRelease)
            {
                (pool, var ended) = pool.Release(holder.Id);
                Mutations.AddRange(NetworkPool.RemoveLeases(network, ended));
                Mutations.AddRange(NetworkPool.RemoveClaims(transaction.State, network, of => of.Id == holder.Id));
                _results.Add((pending, ImmutableArray<Lease>.Empty));
                return pool;
            }

            if (!IsAttached(cluster))
            {
                _results.Add((pending, NotAttachedRefusal(cluster, network)));
                return pool;
            }

            if (!pool.Acquire(holder, wanted, now, LastAssigned).TryGet(out var got, out var refusal))
            {
                _results.Add((pending, refusal));
                return pool;
            }

            var replaced = NetworkPool.ReplaceLeases(network, held, got.Leases);
            if (!replaced.IsEmpty && _pending is { } pendingRegistration)
            {
                _results.Add((pending, pendingRegistration));
                return pool;
            }

            Mutations.AddRange(replaced);
            if (
                got.Leases.Any(lease =>
                    lease.Method == LeaseMethod.Dynamic && held.All(h => h.Address != lease.Address)
                )
            )
                LastAssigned = [.. got.Leases.Select(lease => lease.Address)];
            _results.Add((pending, got.Leases));
            return got.Next;
        }

        /// <summary>Why a lease can't be spoken for by the agent of a node: it is another node's.</summary>
        private static Refusal? OtherNodeOf(LeaseRequest request, IEnumerable<Lease> held) =>
            request.OnlyOfNode is { } node
            && held.Any(lease => lease.Holder.Node is { } of && !of.Equals(node, StringComparison.OrdinalIgnoreCase))
                ? new Refusal(
                    RefusalCode.AuthorizationFailed,
                    $"the addresses of this holder are of a pod on another node than {node}",
                    "containerId"
                )
                : null;

        /// <summary>
        /// Asked of the state that the commit rests on: a lease and the end of its attachment can't both win.
        /// </summary>
        private bool IsAttached(ResourceId cluster)
        {
            if (!_attached.TryGetValue(cluster.Key, out var attached))
                _attached[cluster.Key] = attached = LeaseAllocator.IsAttached(transaction, cluster, network);
            return attached;
        }
    }
}
