using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni.Trunk;

/// <summary>The configuration of <c>weft-trunk</c>.</summary>
/// <param name="Master">The trunk's interface on the node: VLAN 602 is on <c>MASTER.602</c>.</param>
/// <param name="Socket">The agent's socket for weft-ipam, or null for its own default.</param>
/// <remarks>docs/specs/cni.md, "weft-trunk".</remarks>
internal sealed record TrunkConfiguration(string Master, string Mode, string? Socket, IReadOnlyList<TrunkVlan> Vlans)
{
    /// <summary>Reads the configuration.</summary>
    /// <exception cref="JsonException">A member is of another kind.</exception>
    internal static bool TryRead(
        JsonElement root,
        [NotNullWhen(true)] out TrunkConfiguration? configuration,
        [NotNullWhen(false)] out CniError? error
    )
    {
        configuration = null;
        var (master, mode) = (root.TextOf("master"), root.TextOf("mode") ?? "l2");
        var vlans = new List<TrunkVlan>();
        error =
            string.IsNullOrEmpty(master)
                ? CniError.InvalidConfiguration("'master' is missing; it must be the trunk's interface on the node")
            : mode is not ("l2" or "l3" or "l3s")
                ? CniError.InvalidConfiguration($"'mode' is '{mode}'; it must be l2, l3 or l3s")
            : null;
        foreach (var item in root.ListOf("vlans"))
        {
            error ??= ReadVlan(item, vlans);
            if (error is not null)
                return false;
        }

        if (error is null && vlans.Count == 0)
            error = CniError.InvalidConfiguration("'vlans' is missing or empty; it must be the VLANs of the trunk");
        if (error is not null)
            return false;
        configuration = new TrunkConfiguration(master!, mode, root.TextOf("socket"), vlans);
        return true;
    }

    /// <summary>
    /// Reads the addresses that a pod wants: <c>args.cni.vlans</c>, an object with a list of addresses for each VLAN.
    /// </summary>
    /// <exception cref="JsonException">A member is of another kind.</exception>
    internal bool TryWithRequestedAddresses(
        JsonElement root,
        [NotNullWhen(true)] out TrunkConfiguration? requested,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (requested, error) = (this, null);
        if (
            !root.TryGetObject("args", out var args)
            || !args.TryGetObject("cni", out var cni)
            || !cni.TryGetObject("vlans", out var requests)
        )
            return true;
        var vlans = Vlans.ToList();
        foreach (var request in requests.EnumerateObject())
        {
            var index = vlans.FindIndex(vlan => vlan.Id.ToString(CultureInfo.InvariantCulture) == request.Name);
            if (index < 0)
            {
                error = CniError.InvalidConfiguration(
                    $"args.cni.vlans names VLAN '{request.Name}', which is none of the trunk's: "
                        + string.Join(", ", vlans.Select(v => v.Id))
                );
                return false;
            }

            var texts = new List<string>();
            foreach (var text in requests.ListOf(request.Name))
                texts.Add(text.ValueKind == JsonValueKind.String ? text.GetString()! : text.GetRawText());
            error = texts
                .Select(text => FindInvalidAddress(request.Name, text, vlans[index].Network is null))
                .OfType<CniError>()
                .FirstOrDefault();
            if (error is not null)
                return false;
            vlans[index] = vlans[index] with { RequestedAddresses = texts };
        }

        requested = this with { Vlans = vlans };
        return true;
    }

    private static CniError? ReadVlan(JsonElement item, List<TrunkVlan> vlans)
    {
        var path = $"vlans[{vlans.Count}]";
        if (item.ValueKind != JsonValueKind.Object)
            return CniError.InvalidConfiguration($"'{path}' is {item.GetRawText()}; it must be an object with 'id'");
        foreach (var member in item.EnumerateObject())
        {
            if (member.Name is not ("id" or "mtu" or "network"))
                return new CniError(
                    ErrorCode.UnsupportedMember,
                    $"'{path}.{member.Name}' is no member {TrunkPlugin.ProgramName} knows; its value is {member.Value.GetRawText()}"
                );
        }

        if (!item.TryGetMember("id", out var id) || !TryReadNumber(id, VlanSet.Lowest, VlanSet.Highest, out var vlan))
            return CniError.InvalidConfiguration($"'{path}.id' must be a VLAN, {VlanSet.Lowest} to {VlanSet.Highest}");
        if (vlans.Exists(other => other.Id == vlan))
            return CniError.InvalidConfiguration($"'{path}.id' is {vlan}, which is there already");
        var mtu = 0;
        if (item.TryGetMember("mtu", out var size) && !TryReadNumber(size, 0, 65535, out mtu))
            return CniError.InvalidConfiguration($"'{path}.mtu' must be a number of bytes, 0 to 65535");
        vlans.Add(new TrunkVlan(vlan, mtu, item.TextOf("network")));
        return null;
    }

    private static bool TryReadNumber(JsonElement json, int least, int most, out int number)
    {
        number = 0;
        return json.ValueKind == JsonValueKind.Number
            && json.TryGetInt32(out number)
            && number >= least
            && number <= most;
    }

    private static CniError? FindInvalidAddress(string vlan, string text, bool needsLength)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!Address.TryParse(slash < 0 ? text : text[..slash], out var address))
            return CniError.InvalidConfiguration($"args.cni.vlans: '{text}' of VLAN {vlan} is no address");
        if (slash < 0)
            return needsLength
                ? CniError.InvalidConfiguration(
                    $"args.cni.vlans: '{text}' of VLAN {vlan} needs the length of its prefix, such as "
                        + $"{text}/{(address.Bits == 32 ? 24 : 64)}: no pool of ours knows it"
                )
                : null;
        return
            int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && length <= address.Bits
            ? null
            : CniError.InvalidConfiguration(
                $"args.cni.vlans: '{text}' of VLAN {vlan} has a prefix length that is no number from 0 to {address.Bits}"
            );
    }
}
