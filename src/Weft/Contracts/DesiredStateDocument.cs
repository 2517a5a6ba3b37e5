using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>What a node or machine is sent.</summary>
/// <param name="Configuration">What its operating system must have; null for a machine that has none.</param>
/// <param name="Machine">The interfaces of a standalone virtual machine; null for a node.</param>
internal sealed record DesiredNodeContent(
    string Name,
    ImmutableArray<NodeFile> Files,
    NodeConfiguration? Configuration,
    MachineConfiguration? Machine
);

/// <summary>A file of a node as it came; a member that is missing, or no text, is null.</summary>
internal sealed record DesiredFileEntry(string? Path, string? Mode, string? Content);

/// <summary>A node as it came: what isn't asked for isn't read, for a cluster has a thousand of them.</summary>
internal sealed class DesiredNodeEntry
{
    private readonly JsonElement _body;
    private readonly Lazy<Outcome<NodeConfiguration>> _configuration;

    /// <summary>Takes an element of <c>nodes</c>.</summary>
    public DesiredNodeEntry(JsonElement body)
    {
        _body = body;
        Name = body.Text("name");
        _configuration = new(() => NodeConfiguration.Read(body.Member("configuration"), Name ?? ""));
    }

    /// <summary>The node's name; null where it has none.</summary>
    public string? Name { get; }

    /// <summary>Its files; null where there is no list of them, which is not the same as an empty one.</summary>
    public ImmutableArray<DesiredFileEntry>? Files =>
        DesiredStateDocument.ListOf(_body, "files") is not { } files
            ? null
            :
            [
                .. files.Select(file => new DesiredFileEntry(
                    file.Text("path"),
                    file.Text("mode"),
                    file.Text("content")
                )),
            ];

    /// <summary>Whether a configuration is there; one of an older weftd has none.</summary>
    public bool HasConfiguration =>
        _body.ValueKind == JsonValueKind.Object && _body.TryGetProperty("configuration", out _);

    /// <summary>Its configuration, read once; or every fault of it.</summary>
    public Outcome<NodeConfiguration> Configuration => _configuration.Value;
}

/// <summary>
/// The answer to <c>GET desired</c>: what a cluster's agents make true. It is read once, when it arrives; whoever needs a
/// part of it says what is wrong with that part.
/// </summary>
/// <param name="Cluster">The cluster's id; null where it isn't said.</param>
/// <param name="Digest">What it is called by; not interpreted. Null where it isn't said.</param>
/// <param name="Revision">The store's revision it was rendered at; null where it isn't said.</param>
/// <param name="Manifests">The Kubernetes objects, in the order to apply them; null where there is no list.</param>
/// <param name="Nodes">The nodes; null where there is no list.</param>
/// <param name="Networks">What pods are judged by and nodes are verified against.</param>
internal sealed record DesiredStateDocument(
    string? Cluster,
    string? Digest,
    long? Revision,
    ImmutableArray<JsonElement>? Manifests,
    ImmutableArray<DesiredNodeEntry>? Nodes,
    ImmutableArray<NetworkFacts> Networks
)
{
    /// <summary>Reads a desired state.</summary>
    /// <param name="body">The answer, the file that it is kept in, or <c>properties</c> of the resource.</param>
    public static DesiredStateDocument Read(JsonElement body) =>
        new(
            body.Text("cluster"),
            body.Text("digest"),
            body.Integer("revision"),
            ListOf(body, "manifests"),
            ListOf(body, "nodes") is { } nodes ? [.. nodes.Select(node => new DesiredNodeEntry(node))] : null,
            [.. body.Elements("networks").Select(NetworkFacts.Read).OfType<NetworkFacts>()]
        );

    /// <summary>Writes what an answer starts with.</summary>
    public static void WriteHead(Utf8JsonWriter writer, ResourceId cluster, long revision, string digest)
    {
        writer.WriteString("cluster", cluster.ToString());
        writer.WriteNumber("revision", revision);
        writer.WriteString("digest", digest);
    }

    /// <summary>Writes what the digest is of.</summary>
    public static void WriteContent(
        Utf8JsonWriter writer,
        IEnumerable<JsonObject> manifests,
        IEnumerable<DesiredNodeContent> nodes,
        IReadOnlyCollection<NetworkFacts> networks
    )
    {
        writer.WriteStartArray("manifests");
        foreach (var manifest in manifests)
            manifest.WriteTo(writer);
        writer.WriteEndArray();
        writer.WriteStartArray("nodes");
        foreach (var node in nodes)
            WriteNode(writer, node);
        writer.WriteEndArray();
        if (networks.Count == 0)
            return;
        writer.WriteStartArray("networks");
        foreach (var network in networks)
            network.WriteTo(writer);
        writer.WriteEndArray();
    }

    /// <summary>The elements of a member; null where it is no list.</summary>
    internal static ImmutableArray<JsonElement>? ListOf(JsonElement body, string name) =>
        body.Member(name).ValueKind == JsonValueKind.Array ? [.. body.Elements(name)] : null;

    private static void WriteNode(Utf8JsonWriter writer, DesiredNodeContent node)
    {
        writer.WriteStartObject();
        writer.WriteString("name", node.Name);
        writer.WriteStartArray("files");
        foreach (var file in node.Files)
        {
            writer.WriteStartObject();
            writer.WriteString("path", file.Path);
            writer.WriteString("mode", file.Mode);
            writer.WriteString("content", file.Content);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (node.Configuration is { } configuration)
        {
            writer.WritePropertyName("configuration");
            configuration.WriteTo(writer);
        }

        if (node.Machine is { } machine)
        {
            writer.WritePropertyName("machine");
            machine.ToJson().WriteTo(writer);
        }

        writer.WriteEndObject();
    }
}
