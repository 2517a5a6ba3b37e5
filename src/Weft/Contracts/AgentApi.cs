namespace Weft.Contracts;

/// <summary>The paths of the agents' endpoint of weftd. Contract: docs/specs/agent-api.md.</summary>
internal static class AgentApi
{
    /// <summary>What all paths are below.</summary>
    public const string Root = "/agents/v1/";

    /// <summary><c>POST</c>: an agent becomes known, by an enrolment token.</summary>
    public const string Enrol = "enroll";

    /// <summary><c>POST</c>: the agent of a node becomes known, by the token of its pod's service account.</summary>
    public const string Join = "join";

    /// <summary>The query parameter of it: the id of the cluster.</summary>
    public const string JoinCluster = "cluster";

    /// <summary><c>POST</c>: the agent is about to show another secret.</summary>
    public const string Credential = "credential";

    /// <summary>
    /// The header of each request by which the agent's process says which one it is: a name that it draws at its start,
    /// lower-case hexadecimal digits.
    /// </summary>
    public const string InstanceHeader = "Weft-Agent-Instance";

    /// <summary><c>PUT</c>: who signs the cluster's service account tokens.</summary>
    public const string Issuer = "issuer";

    /// <summary><c>GET</c>: what is desired, by long poll.</summary>
    public const string Desired = "desired";

    /// <summary><c>PUT</c>: what became of it.</summary>
    public const string Status = "status";

    /// <summary><c>GET</c>: where to listen at the relay.</summary>
    public const string Relay = "relay";

    /// <summary><c>PUT</c>: what the node has.</summary>
    public const string Inventory = "inventory";

    /// <summary><c>POST</c>: the requests about leases that follow belong together.</summary>
    public const string Session = "leases/session";

    /// <summary><c>POST</c>: addresses for an interface of a pod.</summary>
    public const string Acquire = "leases/acquire";

    /// <summary><c>POST</c>: those addresses are free again.</summary>
    public const string Release = "leases/release";

    /// <summary><c>POST</c>: several of both, and what is held, in one.</summary>
    public const string LeaseBatch = "leases/batch";

    /// <summary><c>POST</c>: what the agent's pods hold, after a restore.</summary>
    public const string Register = "leases/register";

    /// <summary><c>POST</c>: what the agent owns, has given of it and wants of it; answered with what it owns from now on.</summary>
    public const string Blocks = "blocks";

    /// <summary>
    /// The header of an answer to <see cref="Desired"/> by which an epoch asks for <see cref="Register"/>: the epoch's id.
    /// </summary>
    public const string RegistrationHeader = "Weft-Register";

    /// <summary><c>GET</c>: what is asked, by long poll; <c>PUT</c> below it: what was found.</summary>
    public const string Verifications = "verifications";

    /// <summary>
    /// <c>GET</c>: what weftd wants to know of pods and leases, by long poll; <c>PUT</c> below it: what was found.
    /// </summary>
    public const string Inquiries = "inquiries";

    /// <summary>The paths whose <c>GET</c> is answered once there is something to say, or the wait is over.</summary>
    public static IReadOnlyList<string> LongPolls { get; } = [Desired, Verifications, Inquiries];

    /// <summary>The header of an empty answer that says at which revision nothing was new.</summary>
    public const string RevisionHeader = "Weft-Revision";
}
