using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Addresses;

/// <summary>A pod's wish for addresses, or for giving them back.</summary>
/// <param name="Wanted">The addresses it must have; empty where the pool picks.</param>
internal sealed record LeaseRequest(ResourceId Cluster, ResourceId Network, Holder Holder, ImmutableArray<Address> Wanted, bool IsRelease);

/// <summary>
/// Leases addresses to pods. Requests for one network are decided in batches, each on the newest pool, and committed once per batch; an
/// answer is given when it is durable. Networks don't wait for each other.
/// </summary>
internal sealed partial class AddressBook(Site site, IHostApplicationLifetime lifetime, ILogger<AddressBook> logger)
{
    private const int LargestBatch = 1024;
    private const int Attempts = 8;
    private readonly ConcurrentDictionary<string, Channel<Pending>> _networks = new(StringComparer.Ordinal);

    /// <summary>Leases or gives back; the same holder gets the same addresses.</summary>
    public async Task<Outcome<ImmutableArray<Lease>>> Ask(LeaseRequest request, CancellationToken cancel)
    {
        var pending = new Pending(request);
        var queue = _networks.GetOrAdd(request.Network.Key, _ => Start(request.Network));
        await queue.Writer.WriteAsync(pending, cancel);
        return await pending.Done.Task.WaitAsync(cancel);
    }

    /// <summary>Whether a cluster's pods may have addresses of a network.</summary>
    public static bool IsAttached(Snapshot seen, ResourceId cluster, ResourceId network) => ClusterAttachments.PodsLease(seen, cluster, network);

    /// <summary>Why they may not.</summary>
    public static Refusal NotAttached(ResourceId cluster, ResourceId network) =>
        new(RefusalCode.AuthorizationFailed, $"{network.Name} isn't attached to {cluster.Name} with ipamEnabled True, nor on a VLAN of a trunk that SRIOV, DPDK or IPVLAN attaches there, so its pods get no addresses of it", "network", network.ToString());

    private Channel<Pending> Start(ResourceId network)
    {
        var queue = Channel.CreateBounded<Pending>(LargestBatch * 4);
        _ = Serve(network, queue.Reader, lifetime.ApplicationStopping);
        return queue;
    }

    private async Task Serve(ResourceId network, ChannelReader<Pending> queue, CancellationToken stopping)
    {
        var gate = site.Gate(NetworkPool.PartitionOf(network));
        var last = ImmutableArray<Address>.Empty;
        var batch = new List<Pending>();
        while (await queue.WaitToReadAsync(stopping))
        {
            batch.Clear();
            while (batch.Count < LargestBatch && queue.TryRead(out var pending))
                batch.Add(pending);
            await gate.WaitAsync(stopping);
            try
            {
                last = await Decide(network, batch, last, stopping);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                batch.ForEach(pending => pending.Done.TrySetResult(new Refusal(RefusalCode.ServiceUnavailable, $"no lease was written: {e.Message}", network.ToString())));
            }
            catch (Exception e)
            {
                // The network's other pods must not wait for ever on a fault of ours.
                Log.Fault(logger, network, e);
                batch.ForEach(pending => pending.Done.TrySetResult(new Refusal(RefusalCode.InternalError, "a fault of weftd; its log says more", network.ToString())));
            }
            finally
            {
                gate.Release();
            }
        }
    }

    private async Task<ImmutableArray<Address>> Decide(ResourceId network, List<Pending> batch, ImmutableArray<Address> last, CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var seen = new Snapshot(site.Store.Current);
            var draft = new Draft(network, seen, last);
            if (seen.Get(network) is { } row)
                draft.Decide(row, batch, site.Limits, site.Now);
            else
                draft.RefuseAll(batch, new Refusal(RefusalCode.ResourceNotFound, $"{network} doesn't exist", network.ToString()));
            if (draft.Changes.Count == 0 || await site.Store.Commit(seen.Seen, draft.Changes, cancel) is not null)
            {
                draft.Answer();
                return draft.Last;
            }
        }

        batch.ForEach(pending => pending.Done.TrySetResult(new Refusal(RefusalCode.Contended, "others lease from the same pool; try once more", network.ToString())));
        return last;
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Error, "Leases of {Network} can't be decided")]
        public static partial void Fault(ILogger logger, ResourceId network, Exception error);
    }

    private sealed record Pending(LeaseRequest Request)
    {
        public TaskCompletionSource<Outcome<ImmutableArray<Lease>>> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>One batch on one picture: thrown away whole if the commit is lost.</summary>
    private sealed class Draft(ResourceId network, Snapshot seen, ImmutableArray<Address> last)
    {
        private readonly Dictionary<string, bool> _attached = new(StringComparer.Ordinal);
        private readonly List<(Pending Pending, Outcome<ImmutableArray<Lease>> Answer)> _answers = [];

        public List<Change> Changes { get; } = [];

        public ImmutableArray<Address> Last { get; private set; } = last;

        public void Decide(Stored row, List<Pending> batch, Limits limits, string now)
        {
            var pool = NetworkPool.Of(seen.Image, row, limits);
            foreach (var pending in batch)
                pool = Decide(pool, pending, now);
            foreach (var change in Changes)
                _ = seen.Get(change.Key);
        }

        public void RefuseAll(List<Pending> batch, Refusal refusal) => _answers.AddRange(batch.Select(pending => (pending, (Outcome<ImmutableArray<Lease>>)(pending.Request.IsRelease ? ImmutableArray<Lease>.Empty : refusal))));

        public void Answer() => _answers.ForEach(answer => answer.Pending.Done.TrySetResult(answer.Answer));

        private AddressPool Decide(AddressPool pool, Pending pending, string now)
        {
            var (cluster, _, holder, wanted, isRelease) = pending.Request;
            var held = pool.Holdings.Of(holder.Id);
            if (isRelease)
            {
                (pool, var ended) = pool.Release(holder.Id);
                Changes.AddRange(NetworkPool.End(network, ended));
                _answers.Add((pending, ImmutableArray<Lease>.Empty));
                return pool;
            }

            if (!IsAttached(cluster))
            {
                _answers.Add((pending, NotAttached(cluster, network)));
                return pool;
            }

            if (!pool.Acquire(holder, wanted, now, Last).TryGet(out var got, out var refusal))
            {
                _answers.Add((pending, refusal));
                return pool;
            }

            Changes.AddRange(NetworkPool.Replace(network, held, got.Leases));
            if (got.Leases.Any(lease => lease.Method == LeaseMethod.Dynamic && held.All(h => h.Address != lease.Address)))
                Last = [.. got.Leases.Select(lease => lease.Address)];
            _answers.Add((pending, got.Leases));
            return got.Next;
        }

        /// <summary>Asked of the picture that the commit rests on: a lease and the end of its attachment can't both win.</summary>
        private bool IsAttached(ResourceId cluster)
        {
            if (!_attached.TryGetValue(cluster.Key, out var attached))
                _attached[cluster.Key] = attached = AddressBook.IsAttached(seen, cluster, network);
            return attached;
        }
    }
}
