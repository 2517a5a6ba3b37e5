using System.Globalization;
using Weft.Addressing;
using Weft.Agent.Linux;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;

namespace Weft.Agent.Nodes;

/// <summary>Executes operations. What an operation wants and the kernel has already is no fault.</summary>
/// <param name="moduleRule">The node's rule against loading a module; null where it may be loaded.</param>
internal sealed partial class NodeOperationExecutor(
    Rtnetlink kernel,
    Sysfs sysfs,
    ILogger log,
    Func<string, string?>? moduleRule = null
)
{
    // Interfaces by name; emptied by whatever gives or takes names.
    private Dictionary<string, KernelLink>? _links;

    /// <summary>Executes an operation.</summary>
    /// <returns>The operation as it was executed, with what the kernel chose.</returns>
    /// <exception cref="IOException">It can't be done.</exception>
    public NodeOperation Execute(NodeOperation operation)
    {
        switch (operation)
        {
            case RenameLink rename:
                Rename(rename);
                break;
            case SetLinkUp up:
                kernel.SetLinkUp(Index(up.Link), up.Up);
                break;
            case SetMtu mtu:
                kernel.SetMtu(Index(mtu.Link), mtu.Mtu);
                break;
            case AddVlan vlan:
                return Add(vlan);
            case RemoveVlan vlan:
                Remove(vlan);
                break;
            case AddAddress address:
                Add(address);
                break;
            case RemoveAddress address:
                Remove(address);
                break;
            case AddRoute route:
                IgnoreError(NetlinkException.Exists, () => kernel.AddRoute(ToKernelRoute(route.Link, route.Route)));
                break;
            case RemoveRoute route:
                Remove(route);
                break;
            case SetSysctl setting:
                sysfs.Write(NodeReader.SysctlPath(setting.Link, setting.Name), setting.Value);
                break;
            case LoadGuards guards:
                return Load(guards);
            case WriteServiceFiles files:
                Write(files);
                break;
            default:
                ExecuteDevice(operation);
                break;
        }

        return operation;
    }

    /// <summary>Forgets what it knows of the kernel: another may have changed it.</summary>
    public void ClearCache() => _links = null;

    private void Rename(RenameLink operation)
    {
        var link = Find(operation.From);
        if (link.AlternativeNames.Contains(operation.To))
            kernel.SetAlternativeName(link.Index, operation.To, present: false);
        try
        {
            kernel.Rename(link.Index, operation.To);
        }
        catch (NetlinkException e) when (e.Error == NetlinkException.Busy && link.IsUp)
        {
            // Kernels before 6.2 rename what is down only. Down and up again costs IPv6 addresses and routes, so those
            // are given back.
            var (addresses, routes) = (kernel.Addresses(), kernel.Routes());
            kernel.SetLinkUp(link.Index, false);
            try
            {
                kernel.Rename(link.Index, operation.To);
            }
            finally
            {
                kernel.SetLinkUp(link.Index, true);
                RestoreAddressesAndRoutes(link.Index, addresses, routes);
            }
        }

        _links = null;
        if (operation.KeepsOld)
            IgnoreError(
                NetlinkException.Exists,
                () => kernel.SetAlternativeName(link.Index, operation.From, present: true)
            );
    }

    private void RestoreAddressesAndRoutes(
        int link,
        IEnumerable<KernelAddress> addresses,
        IEnumerable<KernelRoute> routes
    )
    {
        foreach (var address in addresses.Where(a => a.Link == link && a.IsPermanent).Except(kernel.Addresses()))
            Try(() => kernel.AddAddress(link, address.Address, address.Length), $"{address.Address}/{address.Length}");
        foreach (
            var route in routes
                .Where(r => r.Link == link && r.Protocol != 2)
                .OrderBy(r => r.Via is not null)
                .Except(kernel.Routes())
        )
            Try(() => kernel.AddRoute(route), $"{route.To}");

        void Try(Action give, string what)
        {
            try
            {
                IgnoreError(NetlinkException.Exists, give);
            }
            catch (NetlinkException e)
            {
                log.NotGivenBack(e, what);
            }
        }
    }

    private AddVlan Add(AddVlan operation)
    {
        var parent = Index(operation.Parent);
        try
        {
            kernel.AddVlan(operation.Link, parent, operation.Vlan, operation.Mtu);
        }
        catch (NetlinkException e) when (e.Error == NetlinkException.NotSupported)
        {
            if (!LoadModule("8021q"))
                throw new IOException(
                    $"this node's kernel has no 802.1Q, so it can't tag (module 8021q: {e.Message}); boot a kernel that has it",
                    e
                );
            kernel.AddVlan(operation.Link, parent, operation.Vlan, operation.Mtu);
        }

        _links = null;
        return operation with { Index = Index(operation.Link) };
    }

    private void Remove(RemoveVlan operation)
    {
        var link = Links().GetValueOrDefault(operation.Link);
        _links = null;
        if (link is { Kind: "vlan" })
            kernel.DeleteLink(link.Index);
    }

    private void Add(AddAddress operation) =>
        IgnoreError(
            NetlinkException.Exists,
            () => kernel.AddAddress(Index(operation.Link), Address.Parse(operation.Address).Value, operation.Length)
        );

    private void Remove(RemoveAddress operation)
    {
        var link = Index(operation.Link);
        var (addresses, routes) = (kernel.Addresses(), kernel.Routes());
        IgnoreError(
            NetlinkException.AddressNotAvailable,
            () => kernel.RemoveAddress(link, Address.Parse(operation.Address).Value, operation.Length)
        );
        // With the first address of a subnet the kernel takes the others of it too, unless promote_secondaries says
        // otherwise; those are not ours to lose.
        RestoreAddressesAndRoutes(
            link,
            addresses.Where(a => a.Address.Family == AddressFamily.IPv4 && a.Address.ToString() != operation.Address),
            routes.Where(r => r.Via is not null && r.Source?.ToString() != operation.Address && StillReached(r))
        );

        bool StillReached(KernelRoute route) =>
            addresses.Any(a =>
                a.Link == link
                && a.Address.ToString() != operation.Address
                && Prefix.FromAddress(a.Address, a.Length).Contains(route.Via!.Value)
            );
    }

    private void Remove(RemoveRoute operation)
    {
        var link = Index(operation.Link);
        if (
            kernel.Routes().FirstOrDefault(r => r.Link == link && LinkSettings.Matches(r, operation.Route)) is { } there
        )
            IgnoreError(NetlinkException.NoSuchProcess, () => kernel.RemoveRoute(there));
    }

    private KernelRoute ToKernelRoute(string link, RouteSpec route) =>
        new(
            Index(link),
            Prefix.Parse(route.To).Value,
            route.Via is { } via ? Address.Parse(via).Value : null,
            route.Metric,
            route.Protocol,
            route.Scope
        )
        {
            Source = route.Source is { } source ? Address.Parse(source).Value : null,
        };

    private static LoadGuards Load(LoadGuards operation)
    {
        // One transaction: there is no moment in which neither the old nor the new rules hold.
        var script =
            string.Concat(operation.Tables.Select(table => $"table netdev {table}\ndelete table netdev {table}\n"))
            + operation.Text;
        NodePrograms.RunOrThrow("nft", ["-f", "-"], script);
        return operation with { Shown = NodeReader.ReadGuards([.. operation.Tables]).Shown };
    }

    /// <summary>Has the kernel load a module, where the node's policy lets it.</summary>
    /// <exception cref="ModuleRefusedException">The policy doesn't.</exception>
    private bool LoadModule(string module)
    {
        CheckModule(module);
        return NodePrograms.LoadModule(module);
    }

    private void CheckModule(string module)
    {
        if (moduleRule?.Invoke(module) is { } rule)
            throw new ModuleRefusedException(module, rule);
    }

    private int Index(string name) => Find(name).Index;

    private KernelLink Find(string name)
    {
        if (Links().TryGetValue(name, out var link))
            return link;
        _links = null;
        return Links().GetValueOrDefault(name)
            ?? throw new NetlinkException($"there is no interface {name}", NetlinkException.NoDevice);
    }

    private Dictionary<string, KernelLink> Links() =>
        _links ??= kernel.Links().ToDictionary(link => link.Name, StringComparer.Ordinal);

    private static void IgnoreError(int error, Action act)
    {
        try
        {
            act();
        }
        catch (NetlinkException e) when (e.Error == error)
        {
            // It is as it should be.
        }
    }

    private static string FormatNumber(int number) => number.ToString(CultureInfo.InvariantCulture);
}
