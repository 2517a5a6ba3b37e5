using System.Globalization;
using Weft.Fleet.Quotas;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>
/// How often agents may acquire: a bucket for each agent of a node, and one for each cluster. Releases are never held up,
/// for they give back.
/// </summary>
internal sealed class LeaseRates(LeaseLimits limits, TimeProvider time)
{
    /// <summary>From how many buckets on those that are full are forgotten: a full one says nothing.</summary>
    private const int SweepFrom = 1024;

    private readonly Lock _guard = new();
    private readonly Dictionary<string, TokenBucket> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TokenBucket> _clusters = new(StringComparer.Ordinal);
    private readonly long _start = time.GetTimestamp();
    private int _sweepAt = SweepFrom;

    /// <summary>Counts an acquire.</summary>
    /// <param name="agent">Who asks; the node's bucket is the agent's own, whatever node a body names.</param>
    /// <param name="node">The node it serves; null where it serves the cluster as a whole, and only that is counted.</param>
    /// <returns>Null where it may; else when to ask again.</returns>
    public Refusal? Take(ResourceId agent, string? node)
    {
        var cluster = agent.Parent!;
        lock (_guard)
        {
            var now = time.GetElapsedTime(_start);
            var ofCluster = BucketOf(_clusters, cluster.Key, limits.Cluster, now);
            var ofNode = BucketOf(_nodes, agent.Key, limits.Node, now);
            if (node is not null && ofNode.WaitAt(limits.Node) is var wait && wait > TimeSpan.Zero)
                return TooFast($"node {node} of {cluster.Name}", limits.Node, "leases.ratePerNode", wait);
            if (ofCluster.WaitAt(limits.Cluster) is var delay && delay > TimeSpan.Zero)
                return TooFast($"cluster {cluster.Name}", limits.Cluster, "leases.ratePerCluster", delay);
            _clusters[cluster.Key] = ofCluster.Take();
            if (node is not null)
                _nodes[agent.Key] = ofNode.Take();
            Sweep(now);
            return null;
        }
    }

    private void Sweep(TimeSpan now)
    {
        if (_nodes.Count + _clusters.Count < _sweepAt)
            return;
        foreach (var (buckets, size) in new[] { (_nodes, limits.Node), (_clusters, limits.Cluster) })
        {
            foreach (
                var (key, _) in buckets.Where(bucket => bucket.Value.Fill(size, now).Tokens >= size.Burst).ToList()
            )
                buckets.Remove(key);
        }

        _sweepAt = Math.Max(SweepFrom, 2 * (_nodes.Count + _clusters.Count));
    }

    private static TokenBucket BucketOf(
        Dictionary<string, TokenBucket> buckets,
        string key,
        BucketSize size,
        TimeSpan now
    ) => buckets.TryGetValue(key, out var bucket) ? bucket.Fill(size, now) : TokenBucket.Full(size, now);

    private static Refusal TooFast(string who, BucketSize size, string limit, TimeSpan wait) =>
        new(
            RefusalCode.TooManyRequests,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{who} asks for leases too fast: {size.Burst} at once and {size.Rate} a second are the most ({limit})"
            )
        )
        {
            RetryAfterSeconds = (int)Math.Ceiling(wait.TotalSeconds),
        };
}
