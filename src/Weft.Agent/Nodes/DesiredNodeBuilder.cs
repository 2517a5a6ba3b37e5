using System.Collections.Immutable;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary>
/// Turns a node's configuration into what is wanted of this node: rules as text, and files where a service of its own
/// has charge of interfaces.
/// </summary>
internal sealed class DesiredNodeBuilder(
    Rtnetlink kernel,
    NodeReader reader,
    NodeStateStore store,
    string service,
    TimeProvider clock
)
{
    // A service that can't bring about what its files say isn't restarted over and over for it.
    private static readonly TimeSpan MinReloadInterval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan SettleTimeout = TimeSpan.FromSeconds(15);
    private string _lastDifference = "";
    private long? _lastReload;

    /// <summary>What is wanted.</summary>
    /// <returns>It, or every fault of the configuration.</returns>
    /// <exception cref="IOException">The node can't be read.</exception>
    public Outcome<DesiredNode> Build(NodeConfiguration configuration)
    {
        if (
            !NodeFormats
                .Render(
                    NodeFormat.Nftables,
                    configuration with
                    {
                        Guards = [.. configuration.Guards.Where(guard => HasParent(guard, configuration))],
                    }
                )
                .TryGet(out var rules, out var refusal)
        )
            return refusal;
        var guards = string.Concat(rules.Select(file => file.Content));
        if (service is NetworkService.Netlink)
            return new DesiredNode(configuration, guards);
        if (service is NetworkService.None)
            return new DesiredNode(
                configuration,
                guards,
                new DesiredServiceFiles(service, Files([]), Files([]), IsStale: false)
            );
        return NodeFormats
            .Render(service == NetworkService.Netplan ? NodeFormat.Netplan : NodeFormat.Networkd, configuration)
            .TryGet(out var files, out refusal)
            ? new DesiredNode(configuration, guards, BuildServiceFiles(configuration, files))
            : refusal;
    }

    /// <summary>
    /// What of a configuration isn't there in truth, where a service was to bring it about; waits a moment for it.
    /// </summary>
    /// <returns>A sentence for each thing that is missing.</returns>
    public async Task<IReadOnlyList<string>> Verify(NodeConfiguration configuration, CancellationToken cancel)
    {
        var until = clock.GetTimestamp(SettleTimeout);
        while (true)
        {
            var missing = Differences(configuration);
            if (missing.IsEmpty || clock.GetTimestamp() >= until)
                return
                [
                    .. missing.Select(each =>
                        $"{each} is wanted, and {service} has not brought it about; "
                        + "look at `networkctl status` and `journalctl -u systemd-networkd` on the node"
                    ),
                ];
            await Task.Delay(TimeSpan.FromMilliseconds(250), clock, cancel);
        }
    }

    /// <summary>
    /// Rules name their parent: those of a port that isn't there would keep all others from being loaded. That it isn't
    /// there is said by the plan.
    /// </summary>
    private bool HasParent(TrunkGuard guard, NodeConfiguration configuration) =>
        kernel
            .Links()
            .Any(link =>
                link.Name == guard.Interface
                || configuration.Links.Any(wish =>
                    wish.Name == guard.Interface
                    && (
                        link.Name == wish.Uplink.Name
                        || new[] { link.MacAddress, link.PermanentMacAddress }.Contains(
                            wish.Uplink.MacAddress ?? "",
                            StringComparer.OrdinalIgnoreCase
                        )
                    )
                )
            );

    private DesiredServiceFiles BuildServiceFiles(NodeConfiguration configuration, IEnumerable<NodeFile> drawn)
    {
        // The guard is the agent's own business, and a node without interfaces of ours has no file.
        var isEmpty =
            configuration.Links.IsEmpty && configuration.PhysicalFunctions.IsEmpty && configuration.Devices.IsEmpty;
        var files = Files(
            drawn
                .Where(file => !isEmpty && !file.Path.EndsWith(".nft", StringComparison.Ordinal))
                .Select(file => (file.Path, file.Content))
        );
        var paths = files
            .Keys.Concat(
                store
                    .ReadOwned()
                    .Steps.OfType<WriteServiceFiles>()
                    .SelectMany(operation => operation.Files)
                    .Select(file => file.Path)
            )
            .Distinct(StringComparer.Ordinal);
        var actual = Files(paths.Where(File.Exists).Select(path => (path, File.ReadAllText(path))));
        var difference = string.Join('\n', Differences(configuration));
        var isStale =
            difference.Length > 0
            && (
                difference != _lastDifference
                || _lastReload is not { } last
                || clock.GetElapsedTime(last) > MinReloadInterval
            );
        (_lastDifference, _lastReload) = (difference, isStale ? clock.GetTimestamp() : _lastReload);
        return new DesiredServiceFiles(service, files, actual, isStale);
    }

    /// <summary>What the agent would do by netlink, as far as a service's files say it too.</summary>
    private ImmutableArray<string> Differences(NodeConfiguration configuration)
    {
        var desired = new DesiredNode(configuration with { PhysicalFunctions = [], Devices = [], Guards = [] }, "");
        var own = configuration
            .Links.Where(link => link.Vlan is not null)
            .Select(link =>
                (NodeOperation)new AddVlan(link.Name, NodeLayout.ParentOf(link), link.Vlan!.Value, link.Mtu)
            );
        var plan = NodePlan.Create(
            reader.Read(desired, OwnedState.Empty),
            desired,
            new OwnedState("", [.. own.DistinctBy(operation => operation.Key)])
        );
        return
        [
            .. plan
                .Operations.Where(operation =>
                    operation is RenameLink or SetLinkUp or SetMtu or AddVlan or AddAddress or AddRoute
                )
                .Select(operation => operation.ToString()),
            .. plan.Findings,
        ];
    }

    private static ImmutableDictionary<string, string> Files(IEnumerable<(string Path, string Content)> files) =>
        files.ToImmutableDictionary(f => f.Path, f => f.Content, StringComparer.Ordinal);
}
