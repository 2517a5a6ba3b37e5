using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A file of a node or machine.</summary>
/// <param name="Path">Where it goes, absolute.</param>
/// <param name="Mode">Its mode, octal.</param>
/// <param name="Content">What it holds.</param>
public sealed record NodeFile(string Path, string Mode, string Content);

/// <summary>The files of one node or machine.</summary>
/// <param name="Name">The node or machine.</param>
/// <param name="Files">Its files.</param>
/// <param name="Configuration">What its operating system must have, for an agent to apply; null for a machine that has none.</param>
public sealed record NodeFiles(string Name, ImmutableArray<NodeFile> Files, NodeConfiguration? Configuration = null);

/// <summary>
/// What a cluster and its nodes, or a machine, should look like: drawn from what is stored whenever it is asked for, and never stored.
/// </summary>
/// <param name="Scope">The cluster or machine.</param>
/// <param name="Revision">The revision it was drawn at.</param>
/// <param name="Manifests">The Kubernetes objects, in the order to apply them.</param>
/// <param name="Nodes">The files of nodes.</param>
/// <param name="Undrawn">The attachments that are accepted but can't be drawn, and why.</param>
public sealed record DesiredState(
    ResourceId Scope, long Revision, ImmutableArray<Manifest> Manifests, ImmutableArray<NodeFiles> Nodes, ImmutableArray<Refusal> Undrawn)
{
    private string? _digest;

    /// <summary>What is known of the networks that are drawn here: what pods are judged by and nodes are verified against.</summary>
    public ImmutableArray<NetworkFacts> Networks { get; init; } = [];

    /// <summary>A digest of the picture: equal pictures have equal digests, whatever revision they were drawn at.</summary>
    public string Digest => _digest ??= $"sha256-{Convert.ToHexStringLower(SHA256.HashData(Json.Bytes(Picture())))}";

    /// <summary>The picture as agents get it.</summary>
    /// <returns>A JSON object.</returns>
    public JsonObject ToJson()
    {
        var body = new JsonObject { ["cluster"] = Scope.ToString(), ["revision"] = Revision, ["digest"] = Digest };
        foreach (var (name, value) in Picture())
            body[name] = value?.DeepClone();
        return body;
    }

    private JsonObject Picture()
    {
        var body = Drawn();
        if (!Networks.IsEmpty)
            body["networks"] = new JsonArray([.. Networks.Select(network => (JsonNode)network.ToJson())]);
        return body;
    }

    private JsonObject Drawn() => new()
    {
        ["manifests"] = new JsonArray([.. Manifests.Select(m => m.Body.DeepClone())]),
        ["nodes"] = new JsonArray([.. Nodes.Select(node => (JsonNode)Node(node))]),
    };

    private static JsonObject Node(NodeFiles node)
    {
        var body = new JsonObject { ["name"] = node.Name };
        body["files"] = new JsonArray([.. node.Files.Select(file => (JsonNode)new JsonObject { ["path"] = file.Path, ["mode"] = file.Mode, ["content"] = file.Content })]);
        if (node.Configuration is { } configuration)
            body["configuration"] = configuration.ToJson();
        return body;
    }
}
