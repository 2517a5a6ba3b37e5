using System.CommandLine;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>The options of <c>weft manifests</c>.</summary>
internal sealed record ManifestsOptions(
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
    /// <summary>All of them, in the order of the help.</summary>
    public IEnumerable<Option> All => [Cluster, Machine, Node, Nodes, Format, Host, Previous, Folder, Force];

    /// <summary>Makes the options.</summary>
    public static ManifestsOptions Create(CommandContext cli) =>
        new(
            Parameters.Reference(cli, "--cluster", KindTable.KubernetesClusters, "The Kubernetes cluster"),
            Parameters.Reference(
                cli,
                "--vm",
                KindTable.VirtualMachines,
                "The virtual machine: its cloud-init network-config"
            ),
            new("--node") { Description = "The configuration files of one node", HelpName = "NODE" },
            new("--nodes") { Description = "The configuration files of all nodes" },
            Choice(
                "--format",
                "FORMAT",
                "Of nodes: netplan, networkd, nmstate, nncp, nftables, cloud-init; of a machine: cloud-init, libvirt, kubevirt",
                RenderFormat.All.Select(format => format.Name)
            ),
            Choice(
                "--host",
                "KIND",
                "How the machine's host carries networks, for libvirt and kubevirt: bridge (if left out), openvswitch or sriov",
                RenderFormat.Hosts.Select(host => host.Name)
            ),
            new("--previous")
            {
                Description =
                    "What the nodes had before (--nodes -o json of that time): what is gone is written as removed",
                HelpName = "FILE",
            },
            new("--out-dir")
            {
                Description = "Write files with their modes below this directory instead of printing them",
                HelpName = "DIR",
            },
            new("--force") { Description = "With --out-dir: replace files that Weft didn't draw" }
        );

    private static Option<string?> Choice(string name, string help, string description, IEnumerable<string> values)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = help };
        option.CompletionSources.Add([.. values]);
        return option;
    }
}

/// <summary>What a command line of <c>weft manifests</c> asks for.</summary>
/// <param name="Id">The cluster or the machine.</param>
/// <param name="Format">In what form files of nodes and machines are written; null for a cluster's manifests, and for the
/// files as weftd renders them.</param>
/// <param name="Previous">The file that says what nodes had before, or null.</param>
/// <param name="Folder">The folder to write to; null prints.</param>
internal sealed record ManifestsArguments(
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
    /// <summary>Reads a command line.</summary>
    /// <exception cref="CliError">Options contradict each other, or name what isn't there.</exception>
    public static ManifestsArguments Parse(CommandSession session, ManifestsOptions options)
    {
        var parsed = session.Parsed;
        var output = session.GetFormat(OutputFormat.Yaml, OutputFormat.Json);
        var (cluster, machine) = (parsed.GetValue(options.Cluster), parsed.GetValue(options.Machine));
        var (node, forAll) = (parsed.GetValue(options.Node), parsed.GetValue(options.Nodes));
        RejectAmbiguous(cluster, machine, node, forAll);
        var forNodes = machine is not null || node is not null || forAll;
        var formatName = parsed.GetValue(options.Format);
        if (!forNodes && formatName is not null)
            throw CliError.Usage(
                "--format is of nodes and machines; a cluster's manifests have one",
                "add --nodes, or --node NODE"
            );
        var format = RenderFormat.Parse(formatName, machine is not null);
        RejectUnused(parsed, options, format, output);
        var id = cluster is not null
            ? session.Scope.ResolveId(KindTable.KubernetesClusters, cluster)
            : session.Scope.ResolveId(KindTable.VirtualMachines, machine!);
        return new ManifestsArguments(
            id,
            node,
            forNodes,
            format,
            ParseHost(parsed.GetValue(options.Host)),
            parsed.GetValue(options.Previous),
            parsed.GetValue(options.Folder),
            parsed.GetValue(options.Force),
            output
        );
    }

    private static void RejectAmbiguous(string? cluster, string? machine, string? node, bool forAll)
    {
        if (cluster is null == machine is null)
            throw CliError.Usage(
                "name a cluster or a machine",
                "weft manifests --cluster NAME, or weft manifests --vm NAME"
            );
        if ((node is not null && forAll) || (machine is not null && (node is not null || forAll)))
            throw CliError.Usage("--node and --nodes are of a cluster, and only one of them is meant");
    }

    /// <summary>Refuses options that would change nothing of what is asked for.</summary>
    private static void RejectUnused(
        ParseResult parsed,
        ManifestsOptions options,
        RenderFormat? format,
        OutputFormat output
    )
    {
        if (parsed.GetValue(options.Host) is not null && format?.Machine is null)
            throw CliError.Usage("--host is of --format libvirt and --format kubevirt");
        if (parsed.GetValue(options.Previous) is not null && format?.Node is null)
            throw CliError.Usage("--previous is of nodes, and of --format nmstate, nncp or nftables above all");
        var isFolder = parsed.GetValue(options.Folder) is not null;
        if (!isFolder && parsed.GetValue(options.Force))
            throw CliError.Usage("--force is of --out-dir");
        if (isFolder && output == OutputFormat.Json)
            throw CliError.Usage("-o is of what is printed, and --out-dir prints nothing");
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
