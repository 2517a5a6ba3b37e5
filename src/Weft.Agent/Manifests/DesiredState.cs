using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.ControlPlane;

namespace Weft.Agent.Manifests;

/// <summary>The desired state of the whole cluster, as the control plane rendered it, and as files.</summary>
/// <param name="Digest">What it is called by; not interpreted.</param>
/// <param name="Revision">The store's revision it was rendered at.</param>
/// <param name="Files">The files it asks for, or why it asks for none: a desired state is taken whole or not at
/// all.</param>
internal sealed record DesiredState(string Digest, long Revision, byte[] Content, Outcome<DesiredFiles> Files)
{
    /// <summary>Reads a desired state.</summary>
    /// <param name="node">The only node whose files count; null for all.</param>
    /// <exception cref="ControlPlaneException">It hasn't even a digest and a revision.</exception>
    public static DesiredState Read(byte[] content, string? node)
    {
        try
        {
            if (
                JsonNode.Parse(content) is JsonObject root
                && root["digest"] is JsonValue digest
                && digest.TryGetValue<string>(out var name)
                && name.Length > 0
                && root["revision"] is JsonValue revision
                && revision.TryGetValue<long>(out var number)
            )
                return new DesiredState(name, number, content, DesiredFiles.Render(root, node));
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("the desired state is no JSON", e);
        }

        throw new ControlPlaneException("the desired state has no 'digest' or no 'revision'");
    }
}
