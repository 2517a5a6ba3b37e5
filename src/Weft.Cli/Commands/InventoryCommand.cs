using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Attachments.Renderers;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft inventory</c>: what nodes have, as their agents found it, and which networks use it.</summary>
internal static class InventoryCommand
{
    private static readonly string[] Devices = ["NODE", "DEVICE", "PCI", "DRIVER", "NUMA", "LINK", "MTU", "VFS", "NETWORKS"];
    private static readonly string[] More = ["MAC", "ID", "SPEED", "KIND", "IOMMU", "RDMA", "DEFAULT-ROUTE"];

    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var cluster = Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster; without it, all of them");
        var node = new Option<string?>("--node") { Description = "One node", HelpName = "NODE" };
        var functions = new Option<bool>("--functions") { Description = "Virtual functions too, one by one" };
        var plugins = new Option<bool>("--plugins") { Description = "The CNI plugins instead of the devices" };
        var pages = new Option<bool>("--hugepages") { Description = "The huge pages instead of the devices" };
        var command = new Command("inventory", "What nodes have: ports, virtual functions, drivers, and which networks use them") { cluster, node, functions, plugins, pages };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Wide, OutputFormat.Json, OutputFormat.Yaml);
            if (session.Parsed.GetValue(plugins) && session.Parsed.GetValue(pages))
                throw Complaint.OfUsage("--plugins and --hugepages are two tables; only one of them is meant");
            var nodes = await NodesAsync(session, session.Parsed.GetValue(cluster), session.Parsed.GetValue(node), cancel);
            var reported = nodes.Where(n => n.Inventory is not null).ToList();
            foreach (var silent in nodes.Where(n => n.Inventory is null))
                session.Error.Line($"note: node {silent.Title} has reported no inventory: does its agent run, with --node {silent.Name}?", Ink.Changed);
            if (format is OutputFormat.Json or OutputFormat.Yaml)
                Raw(session, reported, format);
            else if (session.Parsed.GetValue(plugins))
                TableText.Write(session.Out, ["NODE", "PLUGIN", "RELEASE", "CNI-VERSIONS"], [.. reported.SelectMany(n => n.Each("plugins").Select(p => new[] { n.Title, p.Text("name"), p.Text("release"), p.Text("versions") }))]);
            else if (session.Parsed.GetValue(pages))
                TableText.Write(session.Out, ["NODE", "KIB", "NUMA", "TOTAL", "FREE"], [.. reported.SelectMany(n => n.Each("hugepages").Select(p => new[] { n.Title, p.Text("kilobytes"), p.Text("numa"), p.Text("total"), p.Text("free") }))]);
            else
                Table(session, reported, format == OutputFormat.Wide, session.Parsed.GetValue(functions));
            return reported.Count > 0 || nodes.Count == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static async Task<List<NodeRow>> NodesAsync(Session session, string? cluster, string? name, CancellationToken cancel)
    {
        var kind = KindTable.Need("nodes");
        var lists = new ResourceList(session);
        if (name is null)
            return [.. (await lists.ListAsync(kind, cluster, session.Settings.ResourceGroup is null, cancel)).Select(resource => new NodeRow(new Row(resource, default)))];
        var (found, missing) = await lists.FindAsync(kind, [name], cluster, session.Settings.ResourceGroup is null, cancel);
        if (missing.Count > 0)
            throw new Complaint($"there is no node '{name}'{(cluster is null ? "" : $" in {cluster}")}", next: "weft get nodes");
        return [.. found.Select(resource => new NodeRow(new Row(resource, default)))];
    }

    private static void Table(Session session, List<NodeRow> nodes, bool isWide, bool withFunctions)
    {
        var rows = new List<string[]>();
        foreach (var node in nodes)
        {
            foreach (var device in node.Each("devices").Where(d => withFunctions || d.Text("physicalFunction").Length == 0))
            {
                string[] usual =
                [
                    node.Title, NameOf(device), device.Text("pciAddress"), device.Text("driver"), device.Text("numa"), device.Text("isUp") == "true" ? "up" : "down",
                    device.Text("mtu") is "0" ? "" : device.Text("mtu"), Functions(device), device.NameOf("networks"),
                ];
                rows.Add(isWide ? [.. usual, .. Wide(device)] : usual);
            }
        }

        TableText.Write(session.Out, isWide ? [.. Devices, .. More] : Devices, rows);
    }

    private static string[] Wide(Row device) =>
    [
        device.Text("macAddress"), device.Text("vendor").Length > 0 ? $"{device.Text("vendor")}:{device.Text("device")}" : "", device.Text("speed"), device.Text("kind"),
        device.Text("iommuGroup"), device.Text("isRdma") == "true" ? "yes" : "", device.Text("hasDefaultRoute") == "true" ? "yes" : "",
    ];

    /// <summary>A function without an interface is known by its port and its index.</summary>
    private static string NameOf(Row device) => device.Text("name") is { Length: > 0 } name ? name
        : device.Text("functionIndex") is { Length: > 0 } index ? $"{device.Text("physicalFunction")}#{index}" : "";

    /// <summary>Declared for networks, and how many there can be.</summary>
    private static string Functions(Row device) => device.Text("totalFunctions") is "" or "0" ? "" : $"{(device.Text("functionsDeclared") is { Length: > 0 } declared ? declared : "0")}/{device.Text("totalFunctions")}";

    private static void Raw(Session session, List<NodeRow> nodes, OutputFormat format)
    {
        var list = new JsonArray([.. nodes.Select(node => (JsonNode)new JsonObject { ["node"] = node.Title, ["id"] = node.Resource.Text("id"), ["inventory"] = node.Inventory!.DeepClone() })]);
        if (format == OutputFormat.Json)
            session.Out.Raw.WriteLine(JsonText.Of(list));
        else
            session.Out.Raw.Write(Yaml.WriteAll(list));
    }

    private sealed record NodeRow(Row Resource)
    {
        public string Name => Resource.Text("name");

        public string Title => Resource.Id?.Parent is { } cluster ? $"{cluster.Name}/{Name}" : Name;

        public JsonObject? Inventory => Resource.Resource["properties"]?["inventory"] as JsonObject;

        public IEnumerable<Row> Each(string list) => Resource.Objects($"properties.inventory.{list}").Select(item => new Row(item, default));
    }
}
