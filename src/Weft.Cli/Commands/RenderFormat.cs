using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;

namespace Weft.Cli.Commands;

/// <summary>
/// The formats of <c>weft manifests --format</c>, rendered here from what the server says a node or a machine must
/// have.
/// </summary>
/// <param name="Node">How a node is rendered in it, or null where it is of machines alone.</param>
/// <param name="Machine">How a machine is rendered in it, or null.</param>
/// <param name="IsForMachines">Whether a machine can be rendered in it.</param>
internal sealed record RenderFormat(string Name, NodeFormat? Node, MachineFormat? Machine, bool IsForMachines)
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<RenderFormat> All { get; } =
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
    /// <param name="ofMachine">Whether a machine is to be rendered, and not a node.</param>
    /// <returns>The format, or null where none is named.</returns>
    /// <exception cref="CliError">There is none, or it isn't for this.</exception>
    public static RenderFormat? Parse(string? name, bool ofMachine)
    {
        if (name is null)
            return null;
        var fitting = All.Where(format => ofMachine ? format.IsForMachines : format.Node is not null).ToList();
        if (fitting.Find(format => format.Name == name) is { } found)
            return found;
        var known = All.Any(format => format.Name == name)
            ? $"--format {name} is not for {(ofMachine ? "a machine" : "nodes")}"
            : $"--format {name} is none";
        throw CliError.Usage(known, $"formats: {string.Join(", ", fitting.Select(format => format.Name))}");
    }

    /// <summary>Renders one node or machine of a desired state.</summary>
    /// <param name="node">It, as it stands in the desired state.</param>
    /// <param name="previous">What the node had before, or null.</param>
    /// <exception cref="CliError">The server is older than this program, or what it says can't be rendered.</exception>
    public ImmutableArray<NodeFile> Render(JsonObject node, NodeConfiguration? previous, MachineHost host)
    {
        var name = node["name"]?.ToString() ?? "";
        if (Node is null || node["machine"] is not null)
        {
            return Machine is not { } machine
                ? ReadFiles(node)
                : ValueOrThrow(
                    MachineConfiguration
                        .Read(ReadMember(node, "machine", name), name)
                        .TryGet(out var shown, out var refusal)
                        ? MachineFormats.Render(machine, shown, host)
                        : refusal,
                    name
                );
        }

        return ValueOrThrow(NodeFormats.Render(Node.Value, ReadConfiguration(node), previous), name);
    }

    /// <summary>The configuration of a node of a desired state.</summary>
    /// <exception cref="CliError">There is none, or it is damaged.</exception>
    public static NodeConfiguration ReadConfiguration(JsonObject node)
    {
        var name = node["name"]?.ToString() ?? "";
        return ValueOrThrow(NodeConfiguration.Read(ReadMember(node, "configuration", name), name), name);
    }

    /// <summary>The files that the server has rendered.</summary>
    /// <param name="node">A node or machine of a desired state.</param>
    public static ImmutableArray<NodeFile> ReadFiles(JsonObject node) =>
        [
            .. (node["files"] as JsonArray ?? [])
                .OfType<JsonObject>()
                .Select(file =>
                {
                    var content = file["content"]?.ToString() ?? "";
                    return new NodeFile(
                        file["path"]?.ToString() ?? "",
                        file["mode"]?.ToString() ?? "",
                        content.EndsWith('\n') ? content : content + "\n"
                    );
                }),
        ];

    private static JsonElement ReadMember(JsonObject node, string member, string name)
    {
        if (node[member] is not { } body)
            throw new CliError(
                $"'{member}' of {name} isn't there: the server is older than this program, or the file has none",
                next: "leave --format out, and get what the server draws"
            );
        using var document = JsonDocument.Parse(body.ToJsonString());
        return document.RootElement.Clone();
    }

    private static T ValueOrThrow<T>(Outcome<T> outcome, string name) =>
        outcome.TryGet(out var value, out var refusal)
            ? value
            : throw new CliError(
                $"{name} can't be drawn",
                [.. refusal.Findings.Select(finding => $"{finding.Message} [{finding.Code}]")]
            );
}
