namespace Weft.Fleet.Quotas;

/// <summary>
/// How much one node and one cluster may lease (docs/specs/limits.md, object <c>leases</c> of the file of <c>--limits</c>).
/// </summary>
internal sealed record LeaseLimits
{
    /// <summary>The numbers as they are if nobody says otherwise.</summary>
    public static readonly LeaseLimits Default = new();

    /// <summary>
    /// The most addresses that a node holds, of all networks. Default 1,024: 110 pods, Kubernetes' default, on four networks
    /// of both families, and some room.
    /// </summary>
    public int PerNode { get; init; } = 1_024;

    /// <summary>
    /// The most addresses that a cluster holds, of all networks. Default 300,000: 150,000 pods, Kubernetes' bound for a
    /// cluster, on one network of both families.
    /// </summary>
    public int PerCluster { get; init; } = 300_000;

    /// <summary>
    /// How often the agent of a node may acquire. Default 20 a second, 500 at once: a node that starts anew asks for 110 pods
    /// on four networks.
    /// </summary>
    public BucketSize Node { get; init; } = new(20, 500);

    /// <summary>
    /// How often all agents of a cluster may. Default 2,000 a second, 20,000 at once: 40 nodes that start anew.
    /// </summary>
    public BucketSize Cluster { get; init; } = new(2_000, 20_000);

    /// <summary>
    /// How much of a pool is kept for those who hold less than their fair share, per cent. Default 25: a user may have three
    /// quarters of a pool that nobody else needs yet. 0 keeps nothing.
    /// </summary>
    public int KeptPercent { get; init; } = 25;

    /// <summary>
    /// For how long a pod must be seen gone before its addresses are taken back, and how often all are looked at, in seconds.
    /// Default 300. 0 takes nothing back by itself.
    /// </summary>
    public int ReclaimSeconds { get; init; } = 300;

    /// <summary>How many of its last owners are remembered for each address. Default 10.</summary>
    public int HistoryPerAddress { get; init; } = 10;

    /// <summary>For how many days, by the time that weftd has run. Default 30.</summary>
    public int HistoryDays { get; init; } = 30;

    /// <summary>How many in all. Default 1,000,000: some 250 MB of the store.</summary>
    public int HistoryEntries { get; init; } = 1_000_000;
}
