using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Formats;

namespace Weft.Cli.Commands;

/// <summary>The formats of <c>weft manifests --format</c>, drawn here from what the server says a node or a machine must have.</summary>
/// <param name="Node">How a node is drawn in it, or null where it is of machines alone.</param>
/// <param name="Machine">How a machine is drawn in it, or null.</param>
/// <param name="IsOfMachines">Whether a machine can be drawn in it.</param>
internal sealed record DrawnFormat(string Name, NodeFormat? Node, MachineFormat? Machine, bool IsOfMachines)
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<DrawnFormat> All { get; } =
    [
        new("netplan", NodeFormat.Netplan, null, false),
        new("networkd", NodeFormat.Networkd, null, false),
        new("nmstate", NodeFormat.Nmstate, null, false),
        new("nncp", NodeFormat.Nncp, null, false),
        new("nftables", NodeFormat.Nftables, null, false),
        new("cloud-init", NodeFormat.CloudInit, null, true),
        new("libvirt", null, MachineFormat.Libvirt, true),
        new("kubevirt", null, MachineFormat.KubeVirt, true),
    ];

    /// <summary>The ways of <c>--host</c>.</summary>
    public static ImmutableArray<(string Name, MachineHost Host)> Hosts { get; } =
        [("bridge", MachineHost.Bridge), ("openvswitch", MachineHost.OpenVSwitch), ("sriov", MachineHost.Sriov)];

    /// <summary>The format of a name.</summary>
    /// <param name="name">The name, or null.</param>
    /// <param name="ofMachine">Whether a machine is to be drawn, and not a node.</param>
    /// <returns>The format, or null where none is named.</returns>
    /// <exception cref="Complaint">There is none, or it isn't for this.</exception>
    public static DrawnFormat? Of(string? name, bool ofMachine)
    {
        if (name is null)
            return null;
        var fitting = All.Where(format => ofMachine ? format.IsOfMachines : format.Node is not null).ToList();
        if (fitting.Find(format => format.Name == name) is { } found)
            return found;
        var known = All.Any(format => format.Name == name) ? $"--format {name} is not for {(ofMachine ? "a machine" : "nodes")}" : $"--format {name} is none";
        throw Complaint.OfUsage(known, $"formats: {string.Join(", ", fitting.Select(format => format.Name))}");
    }

    /// <summary>Draws one node or machine of a picture.</summary>
    /// <param name="node">It, as it stands in the picture.</param>
    /// <param name="previous">What the node had before, or null.</param>
    /// <exception cref="Complaint">The server is older than this program, or what it says can't be drawn.</exception>
    public ImmutableArray<NodeFile> Draw(JsonObject node, NodeConfiguration? previous, MachineHost host)
    {
        var name = node["name"]?.ToString() ?? "";
        if (Node is null || node["machine"] is not null)
        {
            return Machine is not { } machine ? FilesOf(node)
                : Good(MachineConfiguration.Of(Member(node, "machine", name), name).TryGet(out var shown, out var refusal) ? MachineFormats.Draw(machine, shown, host) : refusal, name);
        }

        return Good(NodeFormats.Draw(Node.Value, Configuration(node), previous), name);
    }

    /// <summary>The configuration of a node of a picture.</summary>
    /// <exception cref="Complaint">There is none, or it is damaged.</exception>
    public static NodeConfiguration Configuration(JsonObject node)
    {
        var name = node["name"]?.ToString() ?? "";
        return Good(NodeConfiguration.Of(Member(node, "configuration", name), name), name);
    }

    /// <summary>The files that the server has drawn.</summary>
    /// <param name="node">A node or machine of a picture.</param>
    public static ImmutableArray<NodeFile> FilesOf(JsonObject node) =>
    [
        .. (node["files"] as JsonArray ?? []).OfType<JsonObject>().Select(file =>
        {
            var content = file["content"]?.ToString() ?? "";
            return new NodeFile(file["path"]?.ToString() ?? "", file["mode"]?.ToString() ?? "", content.EndsWith('\n') ? content : content + "\n");
        }),
    ];

    private static JsonElement Member(JsonObject node, string member, string name)
    {
        if (node[member] is not { } body)
            throw new Complaint($"'{member}' of {name} isn't there: the server is older than this program, or the file has none", next: "leave --format out, and get what the server draws");
        using var document = JsonDocument.Parse(body.ToJsonString());
        return document.RootElement.Clone();
    }

    private static T Good<T>(Outcome<T> outcome, string name) => outcome.TryGet(out var value, out var refusal) ? value
        : throw new Complaint($"{name} can't be drawn", [.. refusal.Findings.Select(finding => $"{finding.Message} [{finding.Code}]")]);
}
