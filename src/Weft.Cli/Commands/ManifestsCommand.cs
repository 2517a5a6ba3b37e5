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
        var options = new Options(
            Parameters.Reference(cli, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster"),
            Parameters.Reference(
                cli,
                "--vm",
                KindTable.VirtualMachines,
                "The virtual machine: its cloud-init network-config"
            ),
            new Option<string?>("--node") { Description = "The configuration files of one node", HelpName = "NODE" },
            new Option<bool>("--nodes") { Description = "The configuration files of all nodes" },
            ChoiceOption(
                "--format",
                "FORMAT",
                "Of nodes: netplan, networkd, nmstate, nncp, nftables, cloud-init; of a machine: cloud-init, libvirt, kubevirt",
                RenderFormat.All.Select(format => format.Name)
            ),
            ChoiceOption(
                "--host",
                "KIND",
                "How the machine's host carries networks, for libvirt and kubevirt: bridge (if left out), openvswitch or sriov",
                RenderFormat.Hosts.Select(host => host.Name)
            ),
            new Option<string?>("--previous")
            {
                Description =
                    "What the nodes had before (--nodes -o json of that time): what is gone is written as removed",
                HelpName = "FILE",
            },
            new Option<string?>("--out-dir")
            {
                Description = "Write files with their modes below this directory instead of printing them",
                HelpName = "DIR",
            },
            new Option<bool>("--force") { Description = "With --out-dir: replace files that Weft didn't draw" }
        );
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

    private static Option<string?> ChoiceOption(
        string name,
        string help,
        string description,
        IEnumerable<string> values
    )
    {
        var option = new Option<string?>(name) { Description = description, HelpName = help };
        option.CompletionSources.Add([.. values]);
        return option;
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
        {
            WriteFolder(
                session,
                folder,
                arguments,
                [
                    .. manifests
                        .OfType<JsonObject>()
                        .Select(body => new Manifest(body))
                        .Select(m => new NodeFile(
                            $"{m.Namespace ?? "_cluster"}__{m.Kind.ToLowerInvariant()}__{m.Name}.yaml",
                            "0644",
                            $"# Drawn by Weft.\n{Yaml.Write(m.Body)}"
                        )),
                ]
            );
        }
        else if (arguments.Output == OutputFormat.Yaml)
        {
            session.Out.Writer.Write(Yaml.WriteAll(manifests));
        }
        else
        {
            session.Out.Writer.WriteLine(
                JsonFormatter.Indented(
                    new JsonObject
                    {
                        ["apiVersion"] = "v1",
                        ["kind"] = "List",
                        ["items"] = manifests.DeepClone(),
                    }
                )
            );
        }
    }

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

        var previous = ReadPrevious(arguments.Previous);
        var drawn = nodes
            .Select(node =>
                (
                    Name: TextOf(node, "name"),
                    Files: arguments.Format?.Render(
                        node,
                        previous.GetValueOrDefault(TextOf(node, "name")),
                        arguments.Host
                    )
                        ?? RenderFormat.ReadFiles(node)
                )
            )
            .ToList();
        if (arguments.Folder is { } folder)
        {
            WriteFolder(
                session,
                folder,
                arguments,
                [
                    .. drawn.SelectMany(node =>
                        node.Files.Select(file => file with { Path = $"{node.Name}/{file.Path.TrimStart('/')}" })
                    ),
                ]
            );
        }
        else if (arguments.Output == OutputFormat.Json)
        {
            session.Out.Writer.WriteLine(
                JsonFormatter.Indented(
                    new JsonArray([
                        .. drawn.Select(node =>
                            (JsonNode)
                                new JsonObject
                                {
                                    ["name"] = node.Name,
                                    ["files"] = new JsonArray([
                                        .. node.Files.Select(file =>
                                            (JsonNode)
                                                new JsonObject
                                                {
                                                    ["path"] = file.Path,
                                                    ["mode"] = file.Mode,
                                                    ["content"] = file.Content,
                                                }
                                        ),
                                    ]),
                                }
                        ),
                    ])
                )
            );
        }
        else
        {
            var files = drawn.SelectMany(node => node.Files.Select(file => (node.Name, File: file))).ToList();
            foreach (var (name, file) in files)
            {
                if (files.Count > 1)
                    session.Out.Writer.WriteLine($"# {name} {file.Path} {file.Mode}".TrimEnd());
                session.Out.Writer.Write(file.Content);
            }
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
            var target = TextOf(reason, "target");
            session.Error.WriteLine(
                $"warning: not drawn: {(target.Length > 0 ? Label.For(target) + ": " : "")}{TextOf(reason, "message")} [{TextOf(reason, "code")}]",
                TextStyle.Changed
            );
        }
    }

    private static string TextOf(JsonObject json, string name) =>
        json[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    private sealed record Options(
        Option<string?> Cluster,
        Option<string?> Machine,
        Option<string?> Node,
        Option<bool> Nodes,
        Option<string?> Format,
        Option<string?> Host,
        Option<string?> Previous,
        Option<string?> Folder,
        Option<bool> Force
    )
    {
        public IEnumerable<Option> All => [Cluster, Machine, Node, Nodes, Format, Host, Previous, Folder, Force];
    }

    /// <summary>What the command line asks for.</summary>
    private sealed record ManifestsArguments(
        ResourceId Id,
        string? Node,
        bool ForNodes,
        RenderFormat? Format,
        MachineHost Host,
        string? Previous,
        string? Folder,
        bool Force,
        OutputFormat Output
    )
    {
        public static ManifestsArguments Parse(CommandSession session, Options options)
        {
            var parsed = session.Parsed;
            var output = session.GetFormat(OutputFormat.Yaml, OutputFormat.Json);
            var (cluster, machine) = (parsed.GetValue(options.Cluster), parsed.GetValue(options.Machine));
            if (cluster is null == machine is null)
                throw CliError.Usage(
                    "name a cluster or a machine",
                    "weft manifests --cluster NAME, or weft manifests --vm NAME"
                );
            var (node, all) = (parsed.GetValue(options.Node), parsed.GetValue(options.Nodes));
            if ((node is not null && all) || (machine is not null && (node is not null || all)))
                throw CliError.Usage("--node and --nodes are of a cluster, and only one of them is meant");
            var ofNodes = machine is not null || node is not null || all;
            if (!ofNodes && parsed.GetValue(options.Format) is not null)
                throw CliError.Usage(
                    "--format is of nodes and machines; a cluster's manifests have one",
                    "add --nodes, or --node NODE"
                );
            var format = RenderFormat.Parse(parsed.GetValue(options.Format), machine is not null);
            var (host, previous, folder) = (
                parsed.GetValue(options.Host),
                parsed.GetValue(options.Previous),
                parsed.GetValue(options.Folder)
            );
            if (host is not null && format?.Machine is null)
                throw CliError.Usage("--host is of --format libvirt and --format kubevirt");
            if (previous is not null && format?.Node is null)
                throw CliError.Usage("--previous is of nodes, and of --format nmstate, nncp or nftables above all");
            if (folder is null && parsed.GetValue(options.Force))
                throw CliError.Usage("--force is of --out-dir");
            if (folder is not null && output == OutputFormat.Json)
                throw CliError.Usage("-o is of what is printed, and --out-dir prints nothing");
            var id = cluster is not null
                ? session.Scope.ResolveId(KindTable.KubernetesClusters, cluster)
                : session.Scope.ResolveId(KindTable.VirtualMachines, machine!);
            return new ManifestsArguments(
                id,
                node,
                ofNodes,
                format,
                ParseHost(host),
                previous,
                folder,
                parsed.GetValue(options.Force),
                output
            );
        }

        private static MachineHost ParseHost(string? name)
        {
            if (name is null)
                return MachineHost.Bridge;
            return RenderFormat
                    .Hosts.Where(host => host.Name == name)
                    .Select(host => (MachineHost?)host.Host)
                    .FirstOrDefault()
                ?? throw CliError.Usage(
                    $"--host {name} is none",
                    $"hosts: {string.Join(", ", RenderFormat.Hosts.Select(host => host.Name))}"
                );
        }
    }
}
