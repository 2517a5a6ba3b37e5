using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni.Trunk;

/// <summary>
/// <c>weft-trunk</c>: all VLANs of a trunk in one attachment. It has the upstream <c>ipvlan</c> plugin make one
/// interface for each VLAN, because a child of the trunk's own interface would never get a tagged frame: IPVLAN tells
/// its children apart by IP.
/// </summary>
/// <remarks>docs/specs/cni.md, "weft-trunk".</remarks>
internal sealed class TrunkPlugin(IHost host) : IPlugin
{
    /// <summary>The plugin's name.</summary>
    internal const string ProgramName = "weft-trunk";

    /// <inheritdoc/>
    public string Name => ProgramName;

    /// <inheritdoc/>
    public string Description => "the CNI plugin of Weft for IPVLAN trunks";

    /// <inheritdoc/>
    /// <remarks>Results before 1.0.0 have other forms; Weft renders 1.0.0, so nobody needs them.</remarks>
    public CniVersion[] SupportedVersions { get; } =
        Array.FindAll(CniVersion.Supported, version => version.Format == ResultFormat.List);

    /// <inheritdoc/>
    /// <remarks>The delegate of a node may be older than GC, and interfaces go with their namespaces.</remarks>
    public bool CollectsGarbage => false;

    /// <inheritdoc/>
    public PluginResult Handle(PluginRequest request)
    {
        var (invocation, configuration) = (request.Invocation, request.Configuration);
        if (!TrunkConfiguration.TryRead(configuration.Root, out var trunk, out var error))
            return error;
        var delegatePlugin = new IpvlanDelegate(host, invocation, configuration.Name!, trunk);
        return invocation.Command switch
        {
            Command.Add => Add(request, trunk),
            Command.Delete => DeleteAll(delegatePlugin, trunk.Vlans),
            Command.Check => Check(delegatePlugin, configuration.Root, trunk),
            _ => AskStatus(delegatePlugin, trunk),
        };
    }

    // All VLANs have the same plugin; one whose addresses come from a pool answers for its IPAM too.
    private static CniError? AskStatus(IpvlanDelegate delegatePlugin, TrunkConfiguration trunk)
    {
        var vlan = trunk.Vlans.FirstOrDefault(vlan => vlan.Network is not null) ?? trunk.Vlans[0];
        _ = delegatePlugin.TryInvoke("STATUS", vlan, null, out _, out var error);
        return error;
    }

    private static CniError? FindInvalidRequest(Invocation invocation, JsonElement root)
    {
        foreach (var pair in invocation.Arguments.Split(';'))
        {
            if (pair.StartsWith("IP=", StringComparison.Ordinal) && pair.Length > 3)
                return new CniError(
                    ErrorCode.InvalidEnvironment,
                    $"CNI_ARGS has '{pair}', but a trunk has several interfaces: "
                        + "ask in args.cni.vlans, such as {\"602\":[\"192.0.2.10\"]}"
                );
            if (pair.StartsWith("MAC=", StringComparison.Ordinal) && pair.Length > 4)
                return new CniError(
                    ErrorCode.InvalidEnvironment,
                    $"CNI_ARGS has '{pair}', but IPVLAN interfaces have the MAC address of the node's port"
                );
        }

        return root.TryGetObject("runtimeConfig", out var runtime) && runtime.TryGetMember("ips", out _)
            ? CniError.InvalidConfiguration(
                "runtimeConfig.ips is there, but a trunk has several interfaces: ask in args.cni.vlans, such as {\"602\":[\"192.0.2.10\"]}"
            )
            : null;
    }

    private PluginResult Add(PluginRequest request, TrunkConfiguration trunk)
    {
        var (invocation, root) = (request.Invocation, request.Configuration.Root);
        var error = FindInvalidRequest(invocation, root);
        if (error is not null || !trunk.TryWithRequestedAddresses(root, out var requested, out error))
            return error;
        var delegatePlugin = new IpvlanDelegate(host, invocation, root.TextOf("name")!, requested);
        var vlans = requested.Vlans.Where(vlan => vlan.HasAddresses).ToList();
        error = FindInvalidNames(delegatePlugin, vlans);
        if (error is not null)
            return error;
        var results = new List<JsonElement>();
        for (var i = 0; i < vlans.Count; i++)
        {
            if (!delegatePlugin.TryInvoke("ADD", vlans[i], null, out var result, out error))
            {
                // The one that failed may have left something as well. What can't be undone now, the runtime's DEL
                // undoes.
                if (DeleteAll(delegatePlugin, vlans.Take(i + 1)) is { } left)
                    host.Log($"not undone: {left.Message}");
                return error;
            }

            results.Add(result);
        }

        return TrunkResult.Merge(request.Version.Text, results);
    }

    private static CniError? FindInvalidNames(IpvlanDelegate delegatePlugin, List<TrunkVlan> vlans)
    {
        if (vlans.Count == 0)
            return CniError.InvalidConfiguration(
                "no VLAN of the trunk has a pool, and the pod gives no addresses in args.cni.vlans; IPVLAN makes no interface without one"
            );
        return
            vlans.Find(vlan => delegatePlugin.InterfaceNameOf(vlan).Length > InterfaceName.MaxLength) is not { } longest
            ? null
            : new CniError(
                ErrorCode.InvalidEnvironment,
                $"CNI_IFNAME makes '{delegatePlugin.InterfaceNameOf(longest)}', which is longer than "
                    + $"the kernel's {InterfaceName.MaxLength} characters; give the pod's interface a shorter name"
            );
    }

    /// <summary>Deletes what is there, the last first. Each is tried, whatever becomes of the others.</summary>
    private CniError? DeleteAll(IpvlanDelegate delegatePlugin, IEnumerable<TrunkVlan> vlans)
    {
        CniError? first = null;
        foreach (var vlan in vlans.Reverse())
        {
            if (delegatePlugin.TryInvoke("DEL", vlan, null, out _, out var error))
                continue;
            if (first is not null)
                host.Log(error.Message);
            first ??= error;
        }

        return first;
    }

    private static CniError? Check(IpvlanDelegate delegatePlugin, JsonElement root, TrunkConfiguration trunk)
    {
        var error = root.TryGetObject("prevResult", out _)
            ? null
            : CniError.InvalidConfiguration(
                "the network configuration has no 'prevResult', which CHECK compares the pod with"
            );
        foreach (var vlan in trunk.Vlans)
        {
            if (error is not null)
                return error;
            if (TrunkResult.TryGetPreviousResult(root, delegatePlugin.InterfaceNameOf(vlan), out var previous))
                _ = delegatePlugin.TryInvoke("CHECK", vlan, previous, out _, out error);
            else if (vlan.Network is not null)
                error = CniError.InvalidConfiguration(
                    $"'prevResult' has no interface {delegatePlugin.InterfaceNameOf(vlan)}, which VLAN {vlan.Id} must have"
                );
        }

        return error;
    }
}
