using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Weft.Relay.Protocol;

/// <summary>Host names as they are compared: one spelling for each, however a client writes it.</summary>
internal static class HostName
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("@[]/\\?#% ");

    /// <summary>
    /// Reads the host of an authority, <c>HOST[:PORT]</c>: lower case, without the dot that ends a full name; addresses
    /// in their shortest form and without brackets, an IPv4 address as such also where it is mapped.
    /// </summary>
    /// <param name="authority">The authority as a URI or a Host field has it. One with a user's name is none.</param>
    /// <param name="host">The host; empty where there is none.</param>
    public static bool TryRead(ReadOnlySpan<char> authority, [NotNullWhen(true)] out string? host)
    {
        host = null;
        var bracket = authority is ['[', ..] ? authority.IndexOf(']') : -1;
        var end = bracket < 0 ? authority.IndexOf(':') : bracket + 1;
        var name = end < 0 ? authority : authority[..end];
        if (end >= 0 && !IsPort(authority[end..]))
            return false;
        if (bracket >= 0)
            name = name[1..^1];
        else if (name is [.., '.'])
            name = name[..^1];
        if (name.IsEmpty || name.ContainsAny(NotInNames) || (bracket < 0 && name.Contains(':')))
            return false;
        host = Normalize(name.ToString());
        return bracket < 0 || IPAddress.TryParse(host, out _);
    }

    /// <summary>The one spelling of a host that stands alone, without brackets or a port.</summary>
    public static string Normalize(string name)
    {
        // Only what is written as an address is one: "127.1" and "0x7f.1" are read as such by some, and by others not.
        if (
            !IPAddress.TryParse(name, out var address)
            || (!name.Contains(':', StringComparison.Ordinal) && address.ToString() != name)
        )
            return name.ToLowerInvariant();
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }

    /// <summary>Whether it is this machine's own, for programs on it: <c>localhost</c>, 127.0.0.0/8 or ::1.</summary>
    /// <param name="host">A host in its one spelling.</param>
    public static bool IsLoopback(string host) =>
        host == "localhost"
        || (IPAddress.TryParse(host, out var address) && address.ToString() == host && IPAddress.IsLoopback(address));

    private static bool IsPort(ReadOnlySpan<char> port) =>
        port.IsEmpty
        || (
            port[0] == ':'
            && (
                port.Length == 1
                || (
                    !port[1..].ContainsAnyExceptInRange('0', '9')
                    && ushort.TryParse(port[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _)
                )
            )
        );
}
