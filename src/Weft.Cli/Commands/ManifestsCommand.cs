using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Renderers;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft manifests</c>: what a cluster, its nodes or a machine must have, in the format of whoever is to read it.</summary>
internal static class ManifestsCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var options = new Options(
            Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster"),
            Parameters.Reference(shell, "--vm", KindTable.VirtualMachines, "The virtual machine: its cloud-init network-config"),
            new Option<string?>("--node") { Description = "The configuration files of one node", HelpName = "NODE" },
            new Option<bool>("--nodes") { Description = "The configuration files of all nodes" },
            Choice("--format", "FORMAT", "Of nodes: netplan, networkd, nmstate, nncp, nftables, cloud-init; of a machine: cloud-init, libvirt, kubevirt", DrawnFormat.All.Select(format => format.Name)),
            Choice("--host", "KIND", "How the machine's host carries networks, for libvirt and kubevirt: bridge (if left out), openvswitch or sriov", DrawnFormat.Hosts.Select(host => host.Name)),
            new Option<string?>("--previous") { Description = "What the nodes had before (--nodes -o json of that time): what is gone is written as removed", HelpName = "FILE" },
            new Option<string?>("--out-dir") { Description = "Write files with their modes below this directory instead of printing them", HelpName = "DIR" },
            new Option<bool>("--force") { Description = "With --out-dir: replace files that Weft didn't draw" });
        var command = new Command("manifests", "Print or write what weftd draws for a cluster, its nodes or a machine");
        foreach (var option in options.All)
            command.Options.Add(option);
        shell.Does(command, async (session, cancel) =>
        {
            var asked = Asked.Of(session, options);
            var picture = await PictureAsync(session, asked.Id, cancel);
            if (asked.OfNodes)
                Files(session, asked, Nodes(picture, asked));
            else
                Manifests(session, asked, picture);
            Undrawn(session, picture);
            return ExitCode.Done;
        });
        return command;
    }

    private static Option<string?> Choice(string name, string help, string description, IEnumerable<string> values)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = help };
        option.CompletionSources.Add([.. values]);
        return option;
    }

    internal static async Task<JsonObject> PictureAsync(Session session, ResourceId id, CancellationToken cancel)
    {
        var path = $"{id}/providers/Weft.Fleet/desiredStates/current?api-version={KindTable.WeftVersion}";
        var answer = await session.Client.FindAsync(path, cancel) ?? throw new Complaint($"there is no {Label.Of(id)}", next: $"weft get {KindTable.Of(id.Type)!.Plural}");
        return answer.Object["properties"] as JsonObject ?? throw new Complaint("the server's answer is no desired state");
    }

    private static void Manifests(Session session, Asked asked, JsonObject picture)
    {
        var manifests = picture["manifests"] as JsonArray ?? [];
        if (asked.Folder is { } folder)
        {
            Write(session, folder, asked, [.. manifests.OfType<JsonObject>().Select(body => new Manifest(body)).Select(m => new NodeFile(
                $"{m.Namespace ?? "_cluster"}__{m.Kind.ToLowerInvariant()}__{m.Name}.yaml", "0644", $"# Drawn by Weft.\n{Yaml.Write(m.Body)}"))]);
        }
        else if (asked.Output == OutputFormat.Yaml)
        {
            session.Out.Raw.Write(Yaml.WriteAll(manifests));
        }
        else
        {
            session.Out.Raw.WriteLine(JsonText.Of(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "List", ["items"] = manifests.DeepClone() }));
        }
    }

    private static List<JsonObject> Nodes(JsonObject picture, Asked asked)
    {
        var nodes = (picture["nodes"] as JsonArray ?? []).OfType<JsonObject>().ToList();
        if (asked.Node is not { } name)
            return nodes;
        return nodes.Where(node => string.Equals(Text(node, "name"), name, StringComparison.OrdinalIgnoreCase)).Take(1).ToList() is { Count: 1 } one
            ? one
            : throw new Complaint($"{Label.Of(asked.Id)} has no node '{name}'", next: nodes.Count == 0 ? "it has no nodes" : $"nodes: {string.Join(", ", nodes.Select(node => Text(node, "name")))}");
    }

    private static void Files(Session session, Asked asked, List<JsonObject> nodes)
    {
        if (asked is { Format: null, Folder: null, Output: OutputFormat.Json })
        {
            session.Out.Raw.WriteLine(JsonText.Of(new JsonArray([.. nodes.Select(node => node.DeepClone())])));
            return;
        }

        var previous = Previous(asked.Previous);
        var drawn = nodes.Select(node => (Name: Text(node, "name"), Files: asked.Format?.Draw(node, previous.GetValueOrDefault(Text(node, "name")), asked.Host) ?? DrawnFormat.FilesOf(node))).ToList();
        if (asked.Folder is { } folder)
        {
            Write(session, folder, asked, [.. drawn.SelectMany(node => node.Files.Select(file => file with { Path = $"{node.Name}/{file.Path.TrimStart('/')}" }))]);
        }
        else if (asked.Output == OutputFormat.Json)
        {
            session.Out.Raw.WriteLine(JsonText.Of(new JsonArray([.. drawn.Select(node => (JsonNode)new JsonObject
            {
                ["name"] = node.Name,
                ["files"] = new JsonArray([.. node.Files.Select(file => (JsonNode)new JsonObject { ["path"] = file.Path, ["mode"] = file.Mode, ["content"] = file.Content })]),
            })])));
        }
        else
        {
            var files = drawn.SelectMany(node => node.Files.Select(file => (node.Name, File: file))).ToList();
            foreach (var (name, file) in files)
            {
                if (files.Count > 1)
                    session.Out.Raw.WriteLine($"# {name} {file.Path} {file.Mode}".TrimEnd());
                session.Out.Raw.Write(file.Content);
            }
        }
    }

    private static void Write(Session session, string folder, Asked asked, ImmutableArray<NodeFile> files) =>
        new DrawnFolder(folder).Write(files, asked.Force, (what, where, ink) => (what == "no longer drawn" ? session.Error : session.Out).Line($"{what}: {where}", ink));

    private static Dictionary<string, NodeConfiguration> Previous(string? file)
    {
        if (file is null)
            return [];
        try
        {
            var nodes = (JsonNode.Parse(File.ReadAllText(file)) as JsonArray)?.OfType<JsonObject>() ?? throw new Complaint($"{file} is no list of nodes", next: "weft manifests --cluster NAME --nodes -o json");
            return nodes.ToDictionary(node => Text(node, "name"), DrawnFormat.Configuration, StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            throw new Complaint($"{file} cannot be read as what nodes had before: {e.Message}", next: "weft manifests --cluster NAME --nodes -o json");
        }
    }

    private static void Undrawn(Session session, JsonObject picture)
    {
        foreach (var reason in (picture["undrawn"] as JsonArray ?? []).OfType<JsonObject>())
        {
            var target = Text(reason, "target");
            session.Error.Line($"warning: not drawn: {(target.Length > 0 ? Label.Of(target) + ": " : "")}{Text(reason, "message")} [{Text(reason, "code")}]", Ink.Changed);
        }
    }

    private static string Text(JsonObject json, string name) =>
        json[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";

    private sealed record Options(
        Option<string?> Cluster, Option<string?> Machine, Option<string?> Node, Option<bool> Nodes, Option<string?> Format, Option<string?> Host,
        Option<string?> Previous, Option<string?> Folder, Option<bool> Force)
    {
        public IEnumerable<Option> All => [Cluster, Machine, Node, Nodes, Format, Host, Previous, Folder, Force];
    }

    /// <summary>What the command line asks for.</summary>
    private sealed record Asked(ResourceId Id, string? Node, bool OfNodes, DrawnFormat? Format, MachineHost Host, string? Previous, string? Folder, bool Force, OutputFormat Output)
    {
        public static Asked Of(Session session, Options options)
        {
            var parsed = session.Parsed;
            var output = session.Format(OutputFormat.Yaml, OutputFormat.Json);
            var (cluster, machine) = (parsed.GetValue(options.Cluster), parsed.GetValue(options.Machine));
            if (cluster is null == machine is null)
                throw Complaint.OfUsage("name a cluster or a machine", "weft manifests --cluster NAME, or weft manifests --vm NAME");
            var (node, all) = (parsed.GetValue(options.Node), parsed.GetValue(options.Nodes));
            if ((node is not null && all) || (machine is not null && (node is not null || all)))
                throw Complaint.OfUsage("--node and --nodes are of a cluster, and only one of them is meant");
            var ofNodes = machine is not null || node is not null || all;
            if (!ofNodes && parsed.GetValue(options.Format) is not null)
                throw Complaint.OfUsage("--format is of nodes and machines; a cluster's manifests have one", "add --nodes, or --node NODE");
            var format = DrawnFormat.Of(parsed.GetValue(options.Format), machine is not null);
            var (host, previous, folder) = (parsed.GetValue(options.Host), parsed.GetValue(options.Previous), parsed.GetValue(options.Folder));
            if (host is not null && format?.Machine is null)
                throw Complaint.OfUsage("--host is of --format libvirt and --format kubevirt");
            if (previous is not null && format?.Node is null)
                throw Complaint.OfUsage("--previous is of nodes, and of --format nmstate, nncp or nftables above all");
            if (folder is null && parsed.GetValue(options.Force))
                throw Complaint.OfUsage("--force is of --out-dir");
            if (folder is not null && output == OutputFormat.Json)
                throw Complaint.OfUsage("-o is of what is printed, and --out-dir prints nothing");
            var id = cluster is not null ? session.Scope.Id(KindTable.KubernetesClusters, cluster) : session.Scope.Id(KindTable.VirtualMachines, machine!);
            return new Asked(id, node, ofNodes, format, HostOf(host), previous, folder, parsed.GetValue(options.Force), output);
        }

        private static MachineHost HostOf(string? name)
        {
            if (name is null)
                return MachineHost.Bridge;
            return DrawnFormat.Hosts.Where(host => host.Name == name).Select(host => (MachineHost?)host.Host).FirstOrDefault()
                ?? throw Complaint.OfUsage($"--host {name} is none", $"hosts: {string.Join(", ", DrawnFormat.Hosts.Select(host => host.Name))}");
        }
    }
}
