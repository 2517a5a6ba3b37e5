namespace Weft.Agent;

/// <summary>How long the agent waits for what. Nobody sets these but tests: they follow from the specs.</summary>
internal sealed record AgentTimings
{
    /// <summary>The first wait after the control plane didn't answer. 0.5 s.</summary>
    public TimeSpan InitialBackoff { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest wait while the control plane doesn't answer. 30 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait after the control plane refused what must be asked again: a release. 5 min.</summary>
    public TimeSpan MaxBackoffAfterRefusal { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often the folders are compared with what is desired. 5 s.</summary>
    public TimeSpan ResyncPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long the control plane may hold a request for the desired state open. 30 s, agent-api.md's default.
    /// </summary>
    public TimeSpan LongPollWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The shortest time between two requests for the desired state that bring nothing new. 1 s.</summary>
    public TimeSpan MinPollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long one request to the control plane may take, a long poll beyond its wait included. 30 s.
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection of the socket may last. 20 s, agent-socket.md.</summary>
    public TimeSpan SocketTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// After how long a plugin is told to try again; what was begun for it goes on. 18 s, so that the word gets
    /// through.
    /// </summary>
    public TimeSpan AcquireTimeout { get; init; } = TimeSpan.FromSeconds(18);

    /// <summary>
    /// How long after its last good answer the control plane still counts as there, though a request has failed. 15 s.
    /// </summary>
    public TimeSpan ConnectivityGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The waits of what speaks with a cluster's API server.</summary>
    public Kubernetes.KubeTimings Kubernetes { get; init; } = new();

    /// <summary>How long the parts may take to end once the agent is told to stop. 1.5 s of the 2 s promised.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>
    /// How often the control plane is asked where to listen: a relay that it gains or loses is followed within that
    /// time. 60 s.
    /// </summary>
    public TimeSpan RelayPollInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How often what the agent owns is reported though nothing has changed, and how long it waits before it asks again for a
    /// block that it wasn't granted, or has given back. 60 s.
    /// </summary>
    public TimeSpan BlockReportInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For how long leases that are given are gathered before they are reported. 0.2 s.</summary>
    public TimeSpan BlockReportPause { get; init; } = TimeSpan.FromSeconds(0.2);

    /// <summary>How often it is looked whether the credential is to be replaced. 1 min.</summary>
    public TimeSpan CredentialCheckInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait after a credential couldn't be replaced. 1 h.</summary>
    public TimeSpan MaxCredentialBackoff { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often the node is looked at for changes of what it has. 30 s.</summary>
    public TimeSpan InventoryInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// After how long what the node has is reported again though nothing has changed: the node may have been declared
    /// anew meanwhile. 10 min.
    /// </summary>
    public TimeSpan InventoryResendInterval { get; init; } = TimeSpan.FromMinutes(10);
}
