using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Weft.Contracts;

/// <summary>What the cluster knows of a pod.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PodState>))]
internal enum PodState
{
    /// <summary>The API server can't be asked, or may not be. It counts as alive.</summary>
    Unknown,

    /// <summary>It is there, also while it is being deleted.</summary>
    Present,

    /// <summary>It is there, and its containers have ended for good: <c>Succeeded</c> or <c>Failed</c>.</summary>
    Ended,

    /// <summary>It isn't there, or another pod has its name.</summary>
    Absent,
}

/// <summary>What the cluster knows of a node.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<KubeNodeState>))]
internal enum KubeNodeState
{
    /// <summary>Nobody can say.</summary>
    Unknown,

    /// <summary>Its kubelet reports, and is well.</summary>
    Ready,

    /// <summary>Its kubelet isn't well, or doesn't report: what runs there may run on.</summary>
    NotReady,

    /// <summary>Somebody has said that it is off, by the taint <c>node.kubernetes.io/out-of-service</c>.</summary>
    OutOfService,

    /// <summary>The cluster has no such node.</summary>
    Absent,
}

/// <summary>What a node's agent knows of a holder.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HolderState>))]
internal enum HolderState
{
    /// <summary>Nobody can say.</summary>
    Unknown,

    /// <summary>Its journal has granted it a lease, or one is being granted.</summary>
    Held,

    /// <summary>Its journal knows no lease of it.</summary>
    NotHeld,

    /// <summary>It is being released: at once where weftd has just asked for that.</summary>
    Releasing,
}

/// <summary>What the container runtime of a node knows of a sandbox.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SandboxState>))]
internal enum SandboxState
{
    /// <summary>The agent can't see the runtime's sandboxes.</summary>
    Unknown,

    /// <summary>It is there.</summary>
    Present,

    /// <summary>It isn't.</summary>
    Absent,
}

/// <summary>A pod that is asked about.</summary>
/// <param name="Uid">The UID that it must have; null where whoever has the name is meant.</param>
/// <param name="Node">The node that is asked about where the pod doesn't name one.</param>
internal sealed record PodReference(string Namespace, string Name, string? Uid = null, string? Node = null);

/// <summary>A holder that is asked about.</summary>
/// <param name="Network">The network's id.</param>
internal sealed record InquiredHolder(string Network, string ContainerId, string Interface);

/// <summary>A question of weftd's to one agent.</summary>
/// <param name="Id">What the answer names.</param>
/// <param name="Pods">For the agent of a cluster: at most <see cref="MaxItems"/>.</param>
/// <param name="Holders">For the agent of a node: at most <see cref="MaxItems"/>.</param>
/// <param name="Release">What is to become of the holders besides.</param>
/// <param name="Blocks">The network of which what is free in blocks is to be given back; null for none.</param>
internal sealed record AgentInquiry(
    string Id,
    IReadOnlyList<PodReference> Pods,
    IReadOnlyList<InquiredHolder> Holders,
    InquiryRelease Release = InquiryRelease.No,
    BlockRecall? Blocks = null
)
{
    /// <summary>The most pods, and the most holders, of one question: some 150 KiB.</summary>
    public const int MaxItems = 512;
}

/// <summary>That what is free in an agent's blocks of a network is to come back.</summary>
/// <param name="Network">The network's id.</param>
internal sealed record BlockRecall(string Network);

/// <summary>Whether the agent of a node is to release the holders it is asked about.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<InquiryRelease>))]
internal enum InquiryRelease
{
    /// <summary>It only looks.</summary>
    No,

    /// <summary>It releases those whose sandbox it doesn't see at that moment.</summary>
    IfGone,

    /// <summary>It releases them whatever it sees: an operator has said so.</summary>
    Always,
}

/// <summary>The answer to <c>GET inquiries</c>: what an agent is asked and hasn't answered.</summary>
internal sealed record PendingInquiries(IReadOnlyList<AgentInquiry> Inquiries)
{
    /// <summary>The body as weftd answers it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.PendingInquiries);

    /// <summary>Reads the body.</summary>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static PendingInquiries? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.PendingInquiries);
}

/// <summary>What the cluster's agent has found of a pod.</summary>
/// <param name="State">By the name, and the UID where one was asked for.</param>
/// <param name="Uid">The UID of the pod that has the name; null where none has.</param>
/// <param name="Node">The node it runs on; null where it is on none yet, or isn't there.</param>
/// <param name="NodeState">Of that node, or else of the one that was asked about.</param>
internal sealed record PodObservation(
    PodState State,
    string? Uid = null,
    string? Node = null,
    string? ServiceAccount = null,
    KubeNodeState NodeState = KubeNodeState.Unknown
)
{
    /// <summary>Nothing could be found out.</summary>
    public static readonly PodObservation Unknown = new(PodState.Unknown);
}

/// <summary>What a node's agent has found of a holder.</summary>
internal sealed record HolderObservation(HolderState State, SandboxState Sandbox = SandboxState.Unknown)
{
    /// <summary>Nothing could be found out.</summary>
    public static readonly HolderObservation Unknown = new(HolderState.Unknown);
}

/// <summary>The body of <c>PUT inquiries/ID</c>: one for each that was asked about, in that order.</summary>
/// <param name="Returned">Whether what was asked back is given back, and that was reported.</param>
internal sealed record InquiryReport(
    IReadOnlyList<PodObservation> Pods,
    IReadOnlyList<HolderObservation> Holders,
    bool Returned = false
)
{
    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.InquiryReport);

    /// <summary>Reads the body.</summary>
    /// <returns>The report, or everything that is wrong with it.</returns>
    public static Outcome<InquiryReport> Read(JsonObject body)
    {
        List<Refusal> findings = [.. AgentTexts.Check(body, AgentTexts.Inquiry)];
        if (body.ReadAs(ContractJson.Default.InquiryReport) is not { } report)
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                "a report has 'pods' and 'holders', lists of what was found in the order of the question"
            );
        foreach (var (name, count) in new[] { ("pods", report.Pods.Count), ("holders", report.Holders.Count) })
        {
            if (count > AgentInquiry.MaxItems)
                findings.Add(
                    new Refusal(
                        RefusalCode.RequestTooLarge,
                        $"'{name}' has {count} entries; no question has more than {AgentInquiry.MaxItems}",
                        name
                    )
                );
        }

        return findings.Count > 0 ? Refusal.Combine(findings, "inquiry") : report;
    }
}
