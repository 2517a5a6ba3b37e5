using Weft.Agent.Relay;
using Weft.Contracts;

namespace Weft.Agent;

/// <summary>What the command line says.</summary>
internal sealed record AgentOptions
{
    /// <summary>The control plane, <c>https://…</c> or <c>http://…</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>The state directory.</summary>
    public required string State { get; init; }

    /// <summary>The agent's name: a DNS label, unique in the cluster.</summary>
    public required string Name { get; init; }

    /// <summary>The node the agent serves; null where it serves the cluster as a whole.</summary>
    public string? Node { get; init; }

    /// <summary>The file that holds the enrolment token; needed until the agent is enrolled.</summary>
    public string? TokenFile { get; init; }

    /// <summary>
    /// The file that holds a token of the pod's service account for the audience <c>weft</c>, by which the agent of a
    /// node enrols instead; the kubelet writes it anew before it expires. Null for none.
    /// </summary>
    public string? ServiceAccountTokenFile { get; init; }

    /// <summary>The id of the cluster that is joined so; null where an enrolment token says it.</summary>
    public string? Cluster { get; init; }

    /// <summary>How old the agent's credential may become before it is replaced; zero for as old as it may.</summary>
    public TimeSpan CredentialMaxAge { get; init; } = TimeSpan.FromDays(30);

    /// <summary>PEM certificates that are the only roots of trust; null for the system's.</summary>
    public string? CertificateAuthorityFile { get; init; }

    /// <summary>The unix socket that weft-ipam asks.</summary>
    public string Socket { get; init; } = PluginSocket.DefaultPath;

    /// <summary>The folder of manifests.</summary>
    public required string Manifests { get; init; }

    /// <summary>The folder of node files.</summary>
    public required string Nodes { get; init; }

    /// <summary>Where CNI plugins are installed, the first that has one counts.</summary>
    public IReadOnlyList<string> PluginFolders { get; init; } = StandardPluginFolders;

    /// <summary>The kernel's tree of devices; in a container, where the node's is mounted.</summary>
    public string Sys { get; init; } = "/sys";

    /// <summary>The kernel's tree of processes and settings, likewise.</summary>
    public string Proc { get; init; } = "/proc";

    /// <summary>Where Kubernetes and where Debian install CNI plugins.</summary>
    public static IReadOnlyList<string> StandardPluginFolders { get; } = ["/opt/cni/bin", "/usr/lib/cni"];

    /// <summary>
    /// Where the container runtime keeps an entry for each sandbox, named by its id; null where the agent isn't told.
    /// </summary>
    public string? Sandboxes { get; init; }

    /// <summary>The cluster's API server to write to; null to write manifests into the folder.</summary>
    public Kubernetes.KubeOptions? Kubernetes { get; init; }

    /// <summary>
    /// The file of the CA certificates of the cluster's API server, which weftd is told; null to tell it none.
    /// </summary>
    public string? ClusterAuthority { get; init; }

    /// <summary>Whether the network of <see cref="Node"/> is kept true.</summary>
    public bool ApplyNode { get; init; }

    /// <summary>The file that says what weftd has a say about on the node; null for the default.</summary>
    public string? NodePolicy { get; init; }

    /// <summary>Who has charge of the node's interfaces: auto, netplan, networkd, netlink or none.</summary>
    public string NodeNetwork { get; init; } = "auto";

    /// <summary>
    /// How long the control plane may be out of reach after a change of the node before it is taken back; zero for
    /// ever.
    /// </summary>
    public TimeSpan RollbackAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether what others change is put right; otherwise it is only told.</summary>
    public bool RepairsDrift { get; init; } = true;

    /// <summary>What can be reached through the relay; null for nothing.</summary>
    public RelayTargetOptions? Relay { get; init; }

    /// <summary>The least level that is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The agent's version as it is reported, such as <c>0.1.0</c>.</summary>
    public static string Version { get; } = typeof(AgentOptions).Assembly.GetName().Version!.ToString(3);
}
