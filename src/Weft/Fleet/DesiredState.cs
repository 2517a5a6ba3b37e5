using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The files of one node or machine.</summary>
/// <param name="Configuration">What its operating system must have, for an agent to apply; null for a machine that has
/// none.</param>
internal sealed record RenderedNode(
    string Name,
    ImmutableArray<NodeFile> Files,
    NodeConfiguration? Configuration = null
)
{
    /// <summary>
    /// The interfaces of a standalone virtual machine, for the program that runs it; null for a node.
    /// </summary>
    public MachineConfiguration? Machine { get; init; }

    /// <summary>
    /// The devices that pods are given from: what the SR-IOV device plugin's configuration is written from.
    /// </summary>
    public ImmutableArray<DevicePool> Pools { get; init; } = [];

    /// <summary>The node; null for a machine.</summary>
    public ResourceId? Id { get; init; }

    /// <summary>The interfaces of it that pods' interfaces stand on, and that are declared.</summary>
    public ImmutableArray<PodParent> Parents { get; init; } = [];

    /// <summary>The interfaces that are declared: all but those that stay only until no pod stands on them.</summary>
    public ImmutableArray<NodeLink> Declared { get; init; } = [];
}

/// <summary>
/// What a cluster and its nodes, or a machine, should look like: rendered from what is stored whenever it is asked for,
/// and never stored.
/// </summary>
/// <param name="Manifests">The Kubernetes objects, in the order to apply them.</param>
/// <param name="RenderErrors">The attachments that are accepted but can't be rendered, and why.</param>
internal sealed record DesiredState(
    ResourceId Scope,
    long Revision,
    ImmutableArray<Manifest> Manifests,
    ImmutableArray<RenderedNode> Nodes,
    ImmutableArray<Refusal> RenderErrors
)
{
    private string? _digest;

    /// <summary>
    /// What is known of the networks that are rendered here: what pods are checked against and nodes are verified
    /// against.
    /// </summary>
    public ImmutableArray<NetworkFacts> Networks { get; init; } = [];

    /// <summary>
    /// A digest of the desired state: equal ones have equal digests, whatever revision they were rendered at.
    /// </summary>
    public string Digest => _digest ??= $"sha256-{Convert.ToHexStringLower(Json.Hash(Write))}";

    /// <summary>The same desired state at another revision; its digest is worked out once for both.</summary>
    public DesiredState WithRevision(long revision) =>
        revision == Revision ? this : this with { Revision = revision, _digest = Digest };

    /// <summary>
    /// What the agent of a node is told: of all nodes its own alone. The digest stays that of the whole, by which the
    /// agent asks for the next.
    /// </summary>
    /// <param name="node">The node; null for the agent of the cluster, which is told of all.</param>
    public DesiredState For(string? node) =>
        node is null
            ? this
            : this with
            {
                Nodes = [.. Nodes.Where(one => one.Name == DnsLabel.From(node))],
                _digest = Digest,
            };

    /// <summary>The desired state as agents get it.</summary>
    public byte[] ToBytes() =>
        Json.ToUtf8(writer =>
        {
            DesiredStateDocument.WriteHead(writer, Scope, Revision, Digest);
            Write(writer);
        });

    /// <summary>The desired state as agents get it.</summary>
    public JsonObject ToJson() => JsonNode.Parse(ToBytes())!.AsObject();

    private void Write(Utf8JsonWriter writer) =>
        DesiredStateDocument.WriteContent(
            writer,
            Manifests.Select(manifest => manifest.Body),
            Nodes.Select(node => new DesiredNodeContent(node.Name, node.Files, node.Configuration, node.Machine)),
            Networks
        );
}
