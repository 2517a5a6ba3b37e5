using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Cni;

/// <summary>The <c>ipam</c> section of the network configuration.</summary>
/// <param name="Network">The ARM id of the L3Network; empty for a verb that is about no network.</param>
/// <remarks>docs/specs/cni.md, "Configuration".</remarks>
internal sealed record IpamSection(string Network, string Socket)
{
    /// <summary>Where <c>weft-agent</c> makes its socket if nobody tells it otherwise (docs/specs/agent-socket.md).</summary>
    internal const string DefaultSocket = "/run/weft/agent.sock";

    private const int SocketLength = SystemCalls.PathLength - 1;

    /// <summary>Reads the section.</summary>
    /// <param name="verb">The verb: STATUS is about no network.</param>
    internal static bool TryRead(
        JsonElement root, Verb verb, [NotNullWhen(true)] out IpamSection? section, [NotNullWhen(false)] out Failure? failure)
    {
        (section, failure) = (null, null);
        if (!root.TryGetObject("ipam", out var ipam))
        {
            failure = Failure.Invalid("the network configuration has no 'ipam' section");
            return false;
        }

        var network = ipam.TextOf("network");
        var socket = ipam.TextOf("socket");
        failure = FindUnknownMember(ipam)
            ?? (verb == Verb.Status ? null : FindBadNetwork(network))
            ?? (socket is null ? null : FindBadSocket(socket));
        section = new IpamSection(network ?? "", socket ?? DefaultSocket);
        return failure is null;
    }

    // A misspelt member would silently do nothing, so it is refused; CNI specification, error code 2.
    private static Failure? FindUnknownMember(JsonElement ipam)
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
    internal static Failure UnknownMember(string path, JsonElement value) =>
        new(ErrorCode.UnsupportedMember, $"'{path}' is no member weft-ipam knows; its value is {value.GetRawText()}");

    private static Failure? FindBadNetwork(string? network)
    {
        if (string.IsNullOrEmpty(network))
            return Failure.Invalid("'ipam.network' is missing; it must be the ARM id of an L3Network");
        return ResourceId.TryParse(network, out _)
            ? null
            : Failure.Invalid($"'ipam.network' is '{network}', which is no ARM id of an L3Network");
    }

    private static Failure? FindBadSocket(string socket)
    {
        if (!socket.StartsWith('/') || socket.Contains('\0', StringComparison.Ordinal))
            return Failure.Invalid($"'ipam.socket' is '{socket}'; it must be an absolute path");
        return Encoding.UTF8.GetByteCount(socket) > SocketLength
            ? Failure.Invalid($"'ipam.socket' is '{socket}'; a socket's path has at most {SocketLength} bytes")
            : null;
    }
}
