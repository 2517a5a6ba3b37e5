using Weft.Attachments.Renderers;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft manifests</c>: what weftd draws for a cluster or a machine, ready to be applied by hand.</summary>
internal static class ManifestsCommand
{
    /// <summary>Builds the command.</summary>
    /// <param name="shell">The shell.</param>
    /// <returns>The command.</returns>
    public static Command Build(Shell shell)
    {
        var cluster = Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster");
        var machine = Parameters.Reference(shell, "--vm", KindTable.VirtualMachines, "The virtual machine: its cloud-init network-config");
        var node = new Option<string?>("--node") { Description = "The configuration files of one node", HelpName = "NODE" };
        var nodes = new Option<bool>("--nodes") { Description = "The configuration files of all nodes" };
        var command = new Command("manifests", "Print what weftd draws for a cluster or a machine") { cluster, machine, node, nodes };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Yaml, OutputFormat.Json);
            var (clusterName, machineName) = (session.Parsed.GetValue(cluster), session.Parsed.GetValue(machine));
            if (clusterName is null == machineName is null)
                throw Complaint.OfUsage("name a cluster or a machine", "weft manifests --cluster NAME, or weft manifests --vm NAME");
            var (nodeName, allNodes) = (session.Parsed.GetValue(node), session.Parsed.GetValue(nodes));
            if ((nodeName is not null && allNodes) || (machineName is not null && (nodeName is not null || allNodes)))
                throw Complaint.OfUsage("--node and --nodes are of a cluster, and only one of them is meant");
            var id = clusterName is not null ? session.Scope.Id(KindTable.KubernetesClusters, clusterName) : session.Scope.Id(KindTable.VirtualMachines, machineName!);
            var picture = await PictureAsync(session, id, cancel);
            if (clusterName is not null && nodeName is null && !allNodes)
                Manifests(session, picture, format);
            else
                Files(session, Nodes(picture, nodeName, id), format);
            Undrawn(session, picture);
            return ExitCode.Done;
        });
        return command;
    }

    internal static async Task<JsonObject> PictureAsync(Session session, ResourceId id, CancellationToken cancel)
    {
        var path = $"{id}/providers/Weft.Fleet/desiredStates/current?api-version={KindTable.WeftVersion}";
        var answer = await session.Client.FindAsync(path, cancel) ?? throw new Complaint($"there is no {Label.Of(id)}", next: $"weft get {KindTable.Of(id.Type)!.Plural}");
        return answer.Object["properties"] as JsonObject ?? throw new Complaint("the server's answer is no desired state");
    }

    private static void Manifests(Session session, JsonObject picture, OutputFormat format)
    {
        var manifests = picture["manifests"] as JsonArray ?? [];
        if (format == OutputFormat.Yaml)
        {
            session.Out.Raw.Write(Yaml.WriteAll(manifests));
            return;
        }

        session.Out.Raw.WriteLine(JsonText.Of(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "List", ["items"] = manifests.DeepClone() }));
    }

    private static List<JsonObject> Nodes(JsonObject picture, string? name, ResourceId id)
    {
        var nodes = (picture["nodes"] as JsonArray ?? []).OfType<JsonObject>().ToList();
        if (name is null)
            return nodes;
        return nodes.Where(node => string.Equals(Text(node, "name"), name, StringComparison.OrdinalIgnoreCase)).Take(1).ToList() is { Count: 1 } one
            ? one
            : throw new Complaint($"{Label.Of(id)} has no node '{name}'", next: nodes.Count == 0 ? "it has no nodes" : $"nodes: {string.Join(", ", nodes.Select(node => Text(node, "name")))}");
    }

    private static void Files(Session session, List<JsonObject> nodes, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            session.Out.Raw.WriteLine(JsonText.Of(new JsonArray([.. nodes.Select(node => node.DeepClone())])));
            return;
        }

        var files = nodes.SelectMany(node => (node["files"] as JsonArray ?? []).OfType<JsonObject>().Select(file => (node, file))).ToList();
        foreach (var (node, file) in files)
        {
            if (files.Count > 1)
                session.Out.Raw.WriteLine($"# {Text(node, "name")} {Text(file, "path")} {Text(file, "mode")}".TrimEnd());
            var content = Text(file, "content");
            session.Out.Raw.Write(content.EndsWith('\n') ? content : content + "\n");
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
}
