using Weft.Agent.Reconcilers;

namespace Weft.Agent.Kubernetes;

/// <summary>What the command line says of a cluster's API server.</summary>
internal sealed record KubeOptions
{
    /// <summary>The kubeconfig; null in a pod.</summary>
    public string? KubeConfig { get; init; }

    /// <summary>The context in it; null for its current one.</summary>
    public string? Context { get; init; }

    /// <summary>Whether one of several replicas is elected to write.</summary>
    public bool LeaderElection { get; init; }

    /// <summary>What to do about drift. Mend it, by default.</summary>
    public DriftPolicy Drift { get; init; } = DriftPolicy.Mend;

    /// <summary>
    /// The Secret in <c>weft-system</c> that keeps the agent's credential; null to keep it in the state directory
    /// alone.
    /// </summary>
    public string? IdentitySecret { get; init; }

    /// <summary>Where the webhook is served; null where it isn't.</summary>
    public System.Net.IPEndPoint? WebhookListen { get; init; }

    /// <summary>The webhook's certificate; null to make one.</summary>
    public string? WebhookCertificate { get; init; }

    /// <summary>The key of <see cref="WebhookCertificate"/>.</summary>
    public string? WebhookKey { get; init; }
}
