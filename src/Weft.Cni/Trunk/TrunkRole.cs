using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni.Trunk;

/// <summary>
/// <c>weft-trunk</c>: all VLANs of a trunk in one attachment. It has the upstream <c>ipvlan</c> plugin make one interface for each VLAN, because a child of the
/// trunk's own interface would never get a tagged frame: IPVLAN tells its children apart by IP.
/// </summary>
/// <remarks>docs/specs/cni.md, "weft-trunk".</remarks>
internal sealed class TrunkRole(IEdge edge) : IRole
{
    /// <summary>The plugin's name.</summary>
    internal const string Name = "weft-trunk";

    /// <summary>The longest name of an interface.</summary>
    private const int InterfaceLength = 15;

    /// <inheritdoc/>
    public string About => "the CNI plugin of Weft for IPVLAN trunks";

    /// <inheritdoc/>
    /// <remarks>Results before 1.0.0 have other forms; Weft draws 1.0.0, so nobody needs them.</remarks>
    public CniVersion[] Versions { get; } = Array.FindAll(CniVersion.Supported, version => version.Form == ResultForm.List);

    /// <inheritdoc/>
    public bool TryServe(
        Invocation invocation,
        NetworkConfiguration configuration,
        CniVersion version,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out Failure? failure)
    {
        output = default;
        if (invocation.Verb == Verb.CollectGarbage)
        {
            failure = new Failure(ErrorCode.InvalidEnvironment, $"CNI_COMMAND is 'GC', which {Name} doesn't serve: leases are never freed by a list alone");
            return false;
        }

        if (!TrunkConfiguration.TryRead(configuration.Root, out var trunk, out failure))
            return false;
        var upstream = new Delegate(edge, invocation, configuration.Name!, trunk);
        switch (invocation.Verb)
        {
            case Verb.Add:
                return TryAdd(invocation, configuration.Root, trunk, version, out output, out failure);
            case Verb.Delete:
                failure = Delete(upstream, trunk.Vlans);
                return failure is null;
            case Verb.Check:
                return TryCheck(upstream, configuration.Root, trunk, out failure);
            default:
                // All VLANs have the same plugin; one whose addresses come from a pool answers for its IPAM too.
                return upstream.TryAsk("STATUS", trunk.Vlans.FirstOrDefault(vlan => vlan.Network is not null) ?? trunk.Vlans[0], null, out _, out failure);
        }
    }

    private static Failure? FindBadWish(Invocation invocation, JsonElement root)
    {
        foreach (var pair in invocation.Arguments.Split(';'))
        {
            if (pair.StartsWith("IP=", StringComparison.Ordinal) && pair.Length > 3)
                return new Failure(ErrorCode.InvalidEnvironment, $"CNI_ARGS has '{pair}', but a trunk has several interfaces: ask in args.cni.vlans, such as {{\"602\":[\"192.0.2.10\"]}}");
            if (pair.StartsWith("MAC=", StringComparison.Ordinal) && pair.Length > 4)
                return new Failure(ErrorCode.InvalidEnvironment, $"CNI_ARGS has '{pair}', but IPVLAN interfaces have the MAC address of the node's port");
        }

        return root.TryGetObject("runtimeConfig", out var runtime) && runtime.TryGetMember("ips", out _)
            ? Failure.Invalid("runtimeConfig.ips is there, but a trunk has several interfaces: ask in args.cni.vlans, such as {\"602\":[\"192.0.2.10\"]}") : null;
    }

    private bool TryAdd(
        Invocation invocation, JsonElement root, TrunkConfiguration trunk, CniVersion version, out ReadOnlyMemory<byte> output, [NotNullWhen(false)] out Failure? failure)
    {
        output = default;
        failure = FindBadWish(invocation, root);
        if (failure is not null || !trunk.TryReadAsked(root, out var asked, out failure))
            return false;
        var upstream = new Delegate(edge, invocation, root.TextOf("name")!, asked);
        var vlans = asked.Vlans.Where(vlan => vlan.HasAddresses).ToList();
        failure = FindBadNames(upstream, vlans);
        if (failure is not null)
            return false;
        var results = new List<JsonElement>();
        for (var i = 0; i < vlans.Count; i++)
        {
            if (!upstream.TryAsk("ADD", vlans[i], null, out var result, out failure))
            {
                // The one that failed may have left something as well. What can't be undone now, the runtime's DEL undoes.
                if (Delete(upstream, vlans.Take(i + 1)) is { } left)
                    edge.Log($"not undone: {left.Message}");
                return false;
            }

            results.Add(result);
        }

        output = TrunkResult.Merge(version.Text, results);
        return true;
    }

    private static Failure? FindBadNames(Delegate upstream, List<TrunkVlan> vlans)
    {
        if (vlans.Count == 0)
            return Failure.Invalid("no VLAN of the trunk has a pool, and the pod gives no addresses in args.cni.vlans; IPVLAN makes no interface without one");
        return vlans.Find(vlan => upstream.InterfaceOf(vlan).Length > InterfaceLength) is not { } longest ? null
            : new Failure(ErrorCode.InvalidEnvironment, $"CNI_IFNAME makes '{upstream.InterfaceOf(longest)}', which is longer than the kernel's {InterfaceLength} characters; give the pod's interface a shorter name");
    }

    /// <summary>Deletes what is there, the last first. Each is tried, whatever becomes of the others.</summary>
    private Failure? Delete(Delegate upstream, IEnumerable<TrunkVlan> vlans)
    {
        Failure? first = null;
        foreach (var vlan in vlans.Reverse())
        {
            if (upstream.TryAsk("DEL", vlan, null, out _, out var failure))
                continue;
            if (first is not null)
                edge.Log(failure.Message);
            first ??= failure;
        }

        return first;
    }

    private static bool TryCheck(Delegate upstream, JsonElement root, TrunkConfiguration trunk, [NotNullWhen(false)] out Failure? failure)
    {
        failure = root.TryGetObject("prevResult", out _) ? null : Failure.Invalid("the network configuration has no 'prevResult', which CHECK compares the pod with");
        foreach (var vlan in trunk.Vlans)
        {
            if (failure is not null)
                return false;
            if (TrunkResult.TryPartOf(root, upstream.InterfaceOf(vlan), out var previous))
                _ = upstream.TryAsk("CHECK", vlan, previous, out _, out failure);
            else if (vlan.Network is not null)
                failure = Failure.Invalid($"'prevResult' has no interface {upstream.InterfaceOf(vlan)}, which VLAN {vlan.Id} must have");
        }

        return failure is null;
    }
}
