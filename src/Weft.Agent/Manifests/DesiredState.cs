using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Attachments.Nodes;
using Weft.Contracts;

namespace Weft.Agent.Manifests;

/// <summary>
/// The desired state of the whole cluster, read once: as the control plane rendered it, as files, and as the
/// configuration of this node.
/// </summary>
/// <param name="Digest">What it is called by; not interpreted.</param>
/// <param name="Revision">The store's revision it was rendered at.</param>
/// <param name="Content">What was sent, byte for byte.</param>
/// <param name="Files">The files it asks for, or why it asks for none: a desired state is taken whole or not at
/// all.</param>
/// <param name="Configuration">What this node's operating system must have, or why it isn't known.</param>
internal sealed record DesiredState(
    string Digest,
    long Revision,
    byte[] Content,
    DesiredStateDocument Document,
    Outcome<DesiredFiles> Files,
    Outcome<NodeConfiguration> Configuration
)
{
    /// <summary>Reads a desired state.</summary>
    /// <param name="node">The only node whose files count; null for all.</param>
    /// <exception cref="ControlPlaneException">It hasn't even a digest and a revision.</exception>
    public static DesiredState Read(byte[] content, string? node)
    {
        try
        {
            var document = DesiredStateDocument.Read(JsonElement.Parse(content));
            return document is { Digest: { Length: > 0 } digest, Revision: { } revision }
                ? new DesiredState(
                    digest,
                    revision,
                    content,
                    document,
                    DesiredFiles.Render(document, node),
                    DesiredConfiguration.Find(document, node)
                )
                : throw new ControlPlaneException("the desired state has no 'digest' or no 'revision'");
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("the desired state is no JSON", e);
        }
    }
}
