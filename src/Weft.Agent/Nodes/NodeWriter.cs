using System.Globalization;
using Weft.Addressing;
using Weft.Agent.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>Does steps. What a step wants and the kernel has already is no fault.</summary>
internal sealed partial class NodeWriter(Rtnetlink kernel, Sysfs sysfs, Log log)
{
    // Interfaces by name; emptied by whatever gives or takes names.
    private Dictionary<string, KernelLink>? _links;

    /// <summary>Does a step.</summary>
    /// <returns>The step as it was done, with what the kernel chose.</returns>
    /// <exception cref="IOException">It can't be done.</exception>
    public NodeStep Do(NodeStep step)
    {
        switch (step)
        {
            case RenameLink rename: Rename(rename); break;
            case SetUp up: kernel.SetUp(Index(up.Link), up.Up); break;
            case SetMtu mtu: kernel.SetMtu(Index(mtu.Link), mtu.Mtu); break;
            case AddVlan vlan: return Add(vlan);
            case RemoveVlan vlan: Remove(vlan); break;
            case AddAddress address: Add(address); break;
            case RemoveAddress address: Remove(address); break;
            case AddRoute route: Unless(NetlinkException.Exists, () => kernel.AddRoute(Of(route.Link, route.Route))); break;
            case RemoveRoute route: Remove(route); break;
            case SetSetting setting: sysfs.Write(NodeReader.SettingPath(setting.Link, setting.Name), setting.Value); break;
            case LoadGuards guards: return Load(guards);
            case WriteFiles files: Write(files); break;
            default: DoDevice(step); break;
        }

        return step;
    }

    /// <summary>Forgets what it knows of the kernel: another may have changed it.</summary>
    public void Forget() => _links = null;

    private void Rename(RenameLink step)
    {
        var link = Find(step.From);
        if (link.OtherNames.Contains(step.To))
            kernel.SetOtherName(link.Index, step.To, present: false);
        try
        {
            kernel.Rename(link.Index, step.To);
        }
        catch (NetlinkException e) when (e.Error == NetlinkException.Busy && link.IsUp)
        {
            // Kernels before 6.2 rename what is down only. Down and up again costs IPv6 addresses and routes, so those are given back.
            var (addresses, routes) = (kernel.Addresses(), kernel.Routes());
            kernel.SetUp(link.Index, false);
            try
            {
                kernel.Rename(link.Index, step.To);
            }
            finally
            {
                kernel.SetUp(link.Index, true);
                GiveBack(link.Index, addresses, routes);
            }
        }

        _links = null;
        if (step.KeepsOld)
            Unless(NetlinkException.Exists, () => kernel.SetOtherName(link.Index, step.From, present: true));
    }

    private void GiveBack(int link, IEnumerable<KernelAddress> addresses, IEnumerable<KernelRoute> routes)
    {
        foreach (var address in addresses.Where(a => a.Link == link && a.IsPermanent).Except(kernel.Addresses()))
            Try(() => kernel.AddAddress(link, address.Address, address.Length), $"{address.Address}/{address.Length}");
        foreach (var route in routes.Where(r => r.Link == link && r.Protocol != 2).OrderBy(r => r.Via is not null).Except(kernel.Routes()))
            Try(() => kernel.AddRoute(route), $"{route.To}");

        void Try(Action give, string what)
        {
            try
            {
                Unless(NetlinkException.Exists, give);
            }
            catch (NetlinkException e)
            {
                log.Warn("not-given-back", e, ("what", what));
            }
        }
    }

    private AddVlan Add(AddVlan step)
    {
        var parent = Index(step.Parent);
        try
        {
            kernel.AddVlan(step.Link, parent, step.Vlan, step.Mtu);
        }
        catch (NetlinkException e) when (e.Error == NetlinkException.NotSupported)
        {
            if (!Tools.LoadModule("8021q"))
                throw new IOException($"this node's kernel has no 802.1Q, so it can't tag (module 8021q: {e.Message}); boot a kernel that has it", e);
            kernel.AddVlan(step.Link, parent, step.Vlan, step.Mtu);
        }

        _links = null;
        return step with { Index = Index(step.Link) };
    }

    private void Remove(RemoveVlan step)
    {
        var link = Links().GetValueOrDefault(step.Link);
        _links = null;
        if (link is { Kind: "vlan" })
            kernel.DeleteLink(link.Index);
    }

    private void Add(AddAddress step) => Unless(NetlinkException.Exists, () => kernel.AddAddress(Index(step.Link), Address.Parse(step.Address).Value, step.Length));

    private void Remove(RemoveAddress step)
    {
        var link = Index(step.Link);
        var (addresses, routes) = (kernel.Addresses(), kernel.Routes());
        Unless(NetlinkException.AddressNotAvailable, () => kernel.RemoveAddress(link, Address.Parse(step.Address).Value, step.Length));
        // With the first address of a subnet the kernel takes the others of it too, unless promote_secondaries says otherwise; those are not ours to lose.
        GiveBack(link, addresses.Where(a => a.Address.Family == AddressFamily.IPv4 && a.Address.ToString() != step.Address), routes.Where(r => r.Via is not null && r.Source?.ToString() != step.Address && StillReached(r)));

        bool StillReached(KernelRoute route) => addresses.Any(a => a.Link == link && a.Address.ToString() != step.Address && Prefix.Of(a.Address, a.Length).Contains(route.Via!.Value));
    }

    private void Remove(RemoveRoute step)
    {
        var link = Index(step.Link);
        if (kernel.Routes().FirstOrDefault(r => r.Link == link && LinkSettings.Is(r, step.Route)) is { } there)
            Unless(NetlinkException.NoSuchProcess, () => kernel.RemoveRoute(there));
    }

    private KernelRoute Of(string link, StepRoute route) =>
        new(Index(link), Prefix.Parse(route.To).Value, route.Via is { } via ? Address.Parse(via).Value : null, route.Metric, route.Protocol, route.Scope)
        {
            Source = route.Source is { } source ? Address.Parse(source).Value : null,
        };

    private static LoadGuards Load(LoadGuards step)
    {
        // One transaction: there is no moment in which neither the old nor the new rules hold.
        var script = string.Concat(step.Tables.Select(table => $"table netdev {table}\ndelete table netdev {table}\n")) + step.Text;
        Tools.Must("nft", ["-f", "-"], script);
        return step with { Shown = NodeReader.Guards([.. step.Tables]).Shown };
    }

    private int Index(string name) => Find(name).Index;

    private KernelLink Find(string name)
    {
        if (Links().TryGetValue(name, out var link))
            return link;
        _links = null;
        return Links().GetValueOrDefault(name) ?? throw new NetlinkException($"there is no interface {name}", NetlinkException.NoDevice);
    }

    private Dictionary<string, KernelLink> Links() => _links ??= kernel.Links().ToDictionary(link => link.Name, StringComparer.Ordinal);

    private static void Unless(int error, Action act)
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

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
