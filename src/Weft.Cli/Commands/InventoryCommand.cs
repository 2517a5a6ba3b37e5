using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary><c>weft inventory</c>: what nodes have, as their agents found it, and which networks use it.</summary>
internal static class InventoryCommand
{
    private static readonly string[] DeviceHeaders =
    [
        "NODE",
        "DEVICE",
        "PCI",
        "DRIVER",
        "NUMA",
        "LINK",
        "MTU",
        "VFS",
        "NETWORKS",
    ];
    private static readonly string[] PluginHeaders = ["NODE", "PLUGIN", "RELEASE", "CNI-VERSIONS"];
    private static readonly string[] PageHeaders = ["NODE", "KIB", "NUMA", "TOTAL", "FREE"];
    private static readonly string[] WideHeaders = ["MAC", "ID", "SPEED", "KIND", "IOMMU", "RDMA", "DEFAULT-ROUTE"];

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var cluster = Parameters.Reference(
            cli,
            "--cluster",
            KindTable.KubernetesClusters,
            "The Kubernetes cluster; without it, all of them"
        );
        var node = new Option<string?>("--node") { Description = "One node", HelpName = "NODE" };
        var functions = new Option<bool>("--functions") { Description = "Virtual functions too, one by one" };
        var plugins = new Option<bool>("--plugins") { Description = "The CNI plugins instead of the devices" };
        var pages = new Option<bool>("--hugepages") { Description = "The huge pages instead of the devices" };
        var command = new Command(
            "inventory",
            "What nodes have: ports, virtual functions, drivers, and which networks use them"
        )
        {
            cluster,
            node,
            functions,
            plugins,
            pages,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml
                );
                var parsed = session.Parsed;
                if (parsed.GetValue(plugins) && parsed.GetValue(pages))
                    throw CliError.Usage("--plugins and --hugepages are two tables; only one of them is meant");
                var nodes = await FindNodesAsync(session, parsed.GetValue(cluster), parsed.GetValue(node), cancel);
                var reported = SelectReported(session, nodes);
                if (format is OutputFormat.Json or OutputFormat.Yaml)
                    WriteRaw(session, reported, format);
                else if (parsed.GetValue(plugins))
                    WriteList(session, reported, "plugins", PluginHeaders, ["name", "release", "versions"]);
                else if (parsed.GetValue(pages))
                    WriteList(session, reported, "hugepages", PageHeaders, ["kilobytes", "numa", "total", "free"]);
                else
                    WriteTable(session, reported, format == OutputFormat.Wide, parsed.GetValue(functions));
                return reported.Count > 0 || nodes.Count == 0 ? ExitCode.Success : ExitCode.Failed;
            }
        );
        return command;
    }

    /// <summary>The nodes that have an inventory; of the others it says so.</summary>
    private static List<NodeRow> SelectReported(CommandSession session, List<NodeRow> nodes)
    {
        foreach (var silent in nodes.Where(n => n.Inventory is null))
            session.Error.WriteLine(
                $"note: node {silent.Title} has reported no inventory: does its agent run, with --node {silent.Name}?",
                TextStyle.Changed
            );
        return [.. nodes.Where(n => n.Inventory is not null)];
    }

    /// <summary>A list of the inventories as a table, behind the nodes' names.</summary>
    private static void WriteList(
        CommandSession session,
        List<NodeRow> nodes,
        string list,
        string[] headers,
        string[] members
    )
    {
        var rows = nodes.SelectMany(node =>
            node.RowsOf(list).Select(row => (string[])[node.Title, .. members.Select(row.Text)])
        );
        TableText.Write(session.Out, headers, [.. rows]);
    }

    private static async Task<List<NodeRow>> FindNodesAsync(
        CommandSession session,
        string? cluster,
        string? name,
        CancellationToken cancel
    )
    {
        var kind = KindTable.Nodes;
        var lookup = new ResourceLookup(session);
        if (name is null)
            return
            [
                .. (await lookup.ListAsync(kind, cluster, session.Settings.ResourceGroup is null, cancel)).Select(
                    resource => new NodeRow(new ResourceRow(resource, default))
                ),
            ];
        var (found, missing) = await lookup.FindAsync(
            kind,
            [name],
            cluster,
            session.Settings.ResourceGroup is null,
            cancel
        );
        if (missing.Count > 0)
            throw new CliError(
                $"there is no node '{name}'{(cluster is null ? "" : $" in {cluster}")}",
                next: "weft get nodes"
            );
        return [.. found.Select(resource => new NodeRow(new ResourceRow(resource, default)))];
    }

    private static void WriteTable(CommandSession session, List<NodeRow> nodes, bool isWide, bool withFunctions)
    {
        var rows = new List<string[]>();
        foreach (var node in nodes)
        {
            foreach (
                var device in node.RowsOf("devices").Where(d => withFunctions || d.Text("physicalFunction").Length == 0)
            )
            {
                string[] usual =
                [
                    node.Title,
                    NameOf(device),
                    device.Text("pciAddress"),
                    device.Text("driver"),
                    device.Text("numa"),
                    device.Text("isUp") == "true" ? "up" : "down",
                    device.Text("mtu") is "0" ? "" : device.Text("mtu"),
                    FunctionCount(device),
                    device.NameOf("networks"),
                ];
                rows.Add(isWide ? [.. usual, .. WideCells(device)] : usual);
            }
        }

        TableText.Write(session.Out, isWide ? [.. DeviceHeaders, .. WideHeaders] : DeviceHeaders, rows);
    }

    private static string[] WideCells(ResourceRow device) =>
        [
            device.Text("macAddress"),
            device.Text("vendor").Length > 0 ? $"{device.Text("vendor")}:{device.Text("device")}" : "",
            device.Text("speed"),
            device.Text("kind"),
            device.Text("iommuGroup"),
            device.Text("isRdma") == "true" ? "yes" : "",
            device.Text("hasDefaultRoute") == "true" ? "yes" : "",
        ];

    /// <summary>A function without an interface is known by its port and its index.</summary>
    private static string NameOf(ResourceRow device) =>
        device.Text("name") is { Length: > 0 } name ? name
        : device.Text("functionIndex") is { Length: > 0 } index ? $"{device.Text("physicalFunction")}#{index}"
        : "";

    /// <summary>Declared for networks, and how many there can be.</summary>
    private static string FunctionCount(ResourceRow device) =>
        device.Text("totalFunctions") is "" or "0"
            ? ""
            : $"{(device.Text("functionsDeclared") is { Length: > 0 } declared ? declared : "0")}/{device.Text("totalFunctions")}";

    private static void WriteRaw(CommandSession session, List<NodeRow> nodes, OutputFormat format)
    {
        var list = new JsonArray([
            .. nodes.Select(node =>
                (JsonNode)
                    new JsonObject
                    {
                        ["node"] = node.Title,
                        ["id"] = node.Resource.Text("id"),
                        ["inventory"] = node.Inventory!.DeepClone(),
                    }
            ),
        ]);
        if (format == OutputFormat.Json)
            session.Out.Writer.WriteLine(JsonFormatter.Indented(list));
        else
            session.Out.Writer.Write(Yaml.WriteAll(list));
    }

    private sealed record NodeRow(ResourceRow Resource)
    {
        public string Name => Resource.Text("name");

        public string Title => Resource.Id?.Parent is { } cluster ? $"{cluster.Name}/{Name}" : Name;

        public JsonObject? Inventory => Resource.Resource["properties"]?["inventory"] as JsonObject;

        public IEnumerable<ResourceRow> RowsOf(string list) =>
            Resource.Objects($"properties.inventory.{list}").Select(item => new ResourceRow(item, default));
    }
}
