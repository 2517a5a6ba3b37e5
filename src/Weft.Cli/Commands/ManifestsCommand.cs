using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft manifests</c>: what a cluster, its nodes or a machine must have, in the format of whoever is to read it.
/// </summary>
internal static class ManifestsCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var options = ManifestsOptions.Create(cli);
        var command = new Command("manifests", "Print or write what weftd draws for a cluster, its nodes or a machine");
        foreach (var option in options.All)
            command.Options.Add(option);
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var arguments = ManifestsArguments.Parse(session, options);
                var picture = await GetDesiredStateAsync(session, arguments.Id, cancel);
                if (arguments.ForNodes)
                    WriteFiles(session, arguments, SelectNodes(picture, arguments));
                else
                    WriteManifests(session, arguments, picture);
                WriteRenderErrors(session, picture);
                return ExitCode.Success;
            }
        );
        return command;
    }

    internal static async Task<JsonObject> GetDesiredStateAsync(
        CommandSession session,
        ResourceId id,
        CancellationToken cancel
    )
    {
        var path = $"{id}/providers/Weft.Fleet/desiredStates/current?api-version={KindTable.WeftApiVersion}";
        var response =
            await session.Client.FindAsync(path, cancel)
            ?? throw new CliError(
                $"there is no {Label.For(id)}",
                next: $"weft get {KindTable.FindByType(id.Type)!.Plural}"
            );
        return response.Object["properties"] as JsonObject
            ?? throw new CliError("the server's answer is no desired state");
    }

    private static void WriteManifests(CommandSession session, ManifestsArguments arguments, JsonObject picture)
    {
        var manifests = picture["manifests"] as JsonArray ?? [];
        if (arguments.Folder is { } folder)
            WriteFolder(session, folder, arguments, [.. manifests.OfType<JsonObject>().Select(ToFile)]);
        else if (arguments.Output == OutputFormat.Yaml)
            session.Out.Writer.Write(Yaml.WriteAll(manifests));
        else
            session.Out.Writer.WriteLine(JsonFormatter.Indented(ToList(manifests)));
    }

    private static NodeFile ToFile(JsonObject body)
    {
        var manifest = new Manifest(body);
        var name = $"{manifest.Namespace ?? "_cluster"}__{manifest.Kind.ToLowerInvariant()}__{manifest.Name}.yaml";
        return new NodeFile(name, "0644", $"# Drawn by Weft.\n{Yaml.Write(body)}");
    }

    private static JsonObject ToList(JsonArray manifests) =>
        new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "List",
            ["items"] = manifests.DeepClone(),
        };

    private static List<JsonObject> SelectNodes(JsonObject picture, ManifestsArguments arguments)
    {
        var nodes = (picture["nodes"] as JsonArray ?? []).OfType<JsonObject>().ToList();
        if (arguments.Node is not { } name)
            return nodes;
        return
            nodes
                .Where(node => string.Equals(TextOf(node, "name"), name, StringComparison.OrdinalIgnoreCase))
                .Take(1)
                .ToList()
                is { Count: 1 } one
            ? one
            : throw new CliError(
                $"{Label.For(arguments.Id)} has no node '{name}'",
                next: nodes.Count == 0
                    ? "it has no nodes"
                    : $"nodes: {string.Join(", ", nodes.Select(node => TextOf(node, "name")))}"
            );
    }

    private static void WriteFiles(CommandSession session, ManifestsArguments arguments, List<JsonObject> nodes)
    {
        if (arguments is { Format: null, Folder: null, Output: OutputFormat.Json })
        {
            session.Out.Writer.WriteLine(
                JsonFormatter.Indented(new JsonArray([.. nodes.Select(node => node.DeepClone())]))
            );
            return;
        }

        var rendered = Render(arguments, nodes);
        if (arguments.Folder is { } folder)
            WriteFolder(session, folder, arguments, [.. rendered.SelectMany(node => node.InFolder)]);
        else if (arguments.Output == OutputFormat.Json)
            session.Out.Writer.WriteLine(
                JsonFormatter.Indented(new JsonArray([.. rendered.Select(node => (JsonNode)node.ToJson())]))
            );
        else
            Print(session, rendered);
    }

    private static List<RenderedNode> Render(ManifestsArguments arguments, List<JsonObject> nodes)
    {
        var previous = ReadPrevious(arguments.Previous);
        var rendered = new List<RenderedNode>();
        foreach (var node in nodes)
        {
            var name = TextOf(node, "name");
            var files = arguments.Format?.Render(node, previous.GetValueOrDefault(name), arguments.Host);
            rendered.Add(new RenderedNode(name, files ?? RenderFormat.ReadFiles(node)));
        }

        return rendered;
    }

    /// <summary>Prints files one behind the other; where there are several, each says what it is.</summary>
    private static void Print(CommandSession session, List<RenderedNode> nodes)
    {
        var files = nodes.SelectMany(node => node.Files.Select(file => (node.Name, File: file))).ToList();
        foreach (var (name, file) in files)
        {
            if (files.Count > 1)
                session.Out.Writer.WriteLine($"# {name} {file.Path} {file.Mode}".TrimEnd());
            session.Out.Writer.Write(file.Content);
        }
    }

    private static void WriteFolder(
        CommandSession session,
        string folder,
        ManifestsArguments arguments,
        ImmutableArray<NodeFile> files
    ) =>
        new RenderedFolder(folder).Write(
            files,
            arguments.Force,
            (what, where, style) =>
                (what == "no longer drawn" ? session.Error : session.Out).WriteLine($"{what}: {where}", style)
        );

    private static Dictionary<string, NodeConfiguration> ReadPrevious(string? file)
    {
        if (file is null)
            return [];
        try
        {
            var nodes =
                (JsonNode.Parse(File.ReadAllText(file)) as JsonArray)?.OfType<JsonObject>()
                ?? throw new CliError(
                    $"{file} is no list of nodes",
                    next: "weft manifests --cluster NAME --nodes -o json"
                );
            return nodes.ToDictionary(
                node => TextOf(node, "name"),
                RenderFormat.ReadConfiguration,
                StringComparer.Ordinal
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            throw new CliError(
                $"{file} cannot be read as what nodes had before: {e.Message}",
                next: "weft manifests --cluster NAME --nodes -o json"
            );
        }
    }

    private static void WriteRenderErrors(CommandSession session, JsonObject picture)
    {
        foreach (var reason in (picture["undrawn"] as JsonArray ?? []).OfType<JsonObject>())
        {
            var subject = TextOf(reason, "target") is { Length: > 0 } target ? $"{Label.For(target)}: " : "";
            session.Error.WriteLine(
                $"warning: not drawn: {subject}{TextOf(reason, "message")} [{TextOf(reason, "code")}]",
                TextStyle.Changed
            );
        }
    }

    private static string TextOf(JsonObject json, string name) =>
        json[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    /// <summary>The files of a node.</summary>
    private sealed record RenderedNode(string Name, ImmutableArray<NodeFile> Files)
    {
        /// <summary>The files as they are named in a folder of all nodes.</summary>
        public IEnumerable<NodeFile> InFolder =>
            Files.Select(file => file with { Path = $"{Name}/{file.Path.TrimStart('/')}" });

        public JsonObject ToJson() =>
            new() { ["name"] = Name, ["files"] = new JsonArray([.. Files.Select(file => (JsonNode)ToJson(file))]) };

        private static JsonObject ToJson(NodeFile file) =>
            new()
            {
                ["path"] = file.Path,
                ["mode"] = file.Mode,
                ["content"] = file.Content,
            };
    }
}
