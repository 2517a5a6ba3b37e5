using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cni;

/// <summary>The <c>ipam</c> section of the network configuration.</summary>
/// <param name="Network">The ARM id of the L3Network; empty for a command that is about no network.</param>
/// <remarks>docs/specs/cni.md, "Configuration".</remarks>
internal sealed record IpamSection(string Network, string Socket)
{
    private const int MaxSocketLength = SystemCalls.MaxPathLength - 1;

    /// <summary>Reads the section.</summary>
    /// <param name="command">The command: STATUS is about no network.</param>
    internal static bool TryRead(
        JsonElement root,
        Command command,
        [NotNullWhen(true)] out IpamSection? section,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (section, error) = (null, null);
        if (!root.TryGetObject("ipam", out var ipam))
        {
            error = CniError.InvalidConfiguration("the network configuration has no 'ipam' section");
            return false;
        }

        var network = ipam.TextOf("network");
        var socket = ipam.TextOf("socket");
        error =
            FindUnknownMember(ipam)
            ?? (command == Command.Status ? null : FindInvalidNetwork(network))
            ?? (socket is null ? null : FindInvalidSocket(socket));
        section = new IpamSection(network ?? "", socket ?? PluginSocket.DefaultPath);
        return error is null;
    }

    // A misspelt member would silently do nothing, so it is refused; CNI specification, error code 2.
    private static CniError? FindUnknownMember(JsonElement ipam)
    {
        foreach (var member in ipam.EnumerateObject())
        {
            if (member.Name is not ("type" or "network" or "socket" or "routes"))
                return UnknownMember($"ipam.{member.Name}", member.Value);
        }

        return null;
    }

    /// <summary>The failure for a member nobody knows.</summary>
    /// <returns>A failure with code 2, whose message names both as the CNI specification wants.</returns>
    internal static CniError UnknownMember(string path, JsonElement value) =>
        new(ErrorCode.UnsupportedMember, $"'{path}' is no member weft-ipam knows; its value is {value.GetRawText()}");

    private static CniError? FindInvalidNetwork(string? network)
    {
        if (string.IsNullOrEmpty(network))
            return CniError.InvalidConfiguration("'ipam.network' is missing; it must be the ARM id of an L3Network");
        return ResourceId.TryParse(network, out _)
            ? null
            : CniError.InvalidConfiguration($"'ipam.network' is '{network}', which is no ARM id of an L3Network");
    }

    private static CniError? FindInvalidSocket(string socket)
    {
        if (!socket.StartsWith('/') || socket.Contains('\0', StringComparison.Ordinal))
            return CniError.InvalidConfiguration($"'ipam.socket' is '{socket}'; it must be an absolute path");
        return Encoding.UTF8.GetByteCount(socket) > MaxSocketLength
            ? CniError.InvalidConfiguration(
                $"'ipam.socket' is '{socket}'; a socket's path has at most {MaxSocketLength} bytes"
            )
            : null;
    }
}
