namespace Weft.Agent.Kubernetes;

/// <summary>
/// How long the agent waits for what of a cluster's API server. Nobody sets these but tests: they follow from
/// docs/specs/agent-kubernetes.md.
/// </summary>
internal sealed record KubeTimings
{
    /// <summary>The first wait after the API server gave no good answer. 0.1 s.</summary>
    public TimeSpan InitialBackoff { get; init; } = TimeSpan.FromSeconds(0.1);

    /// <summary>The longest wait while it gives none. 5 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long one request is tried again. 4 s, so that a pass has a word to say before the next one is due.
    /// </summary>
    public TimeSpan RetryTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long one request may be without an answer. 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the API server may hold a watch open. 5 min.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a watch may be silent beyond that before it counts as dead. 15 s.</summary>
    public TimeSpan WatchSilenceLimit { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a broken watch is no finding. 15 s: an API server that restarts is back by then.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a replica that doesn't renew still leads for the others. 15 s, client-go's default.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>After how long without a renewal the leader stops. 10 s, client-go's default.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the leader renews and the others look. 2 s, client-go's default.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
