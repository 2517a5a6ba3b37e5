using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.ControlPlane;

namespace Weft.Agent.Manifests;

/// <summary>The whole picture of what the cluster should hold, as the control plane drew it, and as files.</summary>
/// <param name="Digest">What it is called by; not interpreted.</param>
/// <param name="Revision">The store's revision it was drawn at.</param>
/// <param name="Files">The files it asks for, or why it asks for none: a picture is taken whole or not at all.</param>
internal sealed record Picture(string Digest, long Revision, byte[] Content, Outcome<PictureFiles> Files)
{
    /// <summary>Reads a picture.</summary>
    /// <param name="node">The only node whose files count; null for all.</param>
    /// <exception cref="ControlPlaneException">It hasn't even a digest and a revision.</exception>
    public static Picture Read(byte[] content, string? node)
    {
        try
        {
            if (JsonNode.Parse(content) is JsonObject root
                && root["digest"] is JsonValue digest && digest.TryGetValue<string>(out var name) && name.Length > 0
                && root["revision"] is JsonValue revision && revision.TryGetValue<long>(out var number))
                return new Picture(name, number, content, PictureFiles.Draw(root, node));
        }
        catch (JsonException e)
        {
            throw new ControlPlaneException("the desired state is no JSON", e);
        }

        throw new ControlPlaneException("the desired state has no 'digest' or no 'revision'");
    }
}
