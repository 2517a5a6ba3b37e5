using Weft.Relay.Client;

namespace Weft.Agent.Relay;

/// <summary>What the agent lets people reach through the relay, and how it gets there itself.</summary>
/// <param name="Targets">The services, by name. They are this command line's: neither weftd nor a sender can name
/// another.</param>
/// <param name="Drain">How long open sessions may go on once the agent is told to stop.</param>
internal sealed record RelayTargetOptions(TargetRegistry Targets, TimeSpan Drain)
{
    /// <summary>What a node is reached for where nothing else is said: its own SSH server.</summary>
    public static readonly KeyValuePair<string, string> NodeDefaults = new("ssh", "127.0.0.1:22");

    /// <summary>
    /// What a cluster is reached for where nothing else is said: its API server, by the name that every pod knows it
    /// by.
    /// </summary>
    public static readonly KeyValuePair<string, string> ClusterDefaults = new(
        "kubernetes",
        "kubernetes.default.svc:443"
    );

    /// <summary>PEM certificates that are the only roots of the relay's; null for the system's.</summary>
    public string? CertificateAuthorityFile { get; init; }
}
