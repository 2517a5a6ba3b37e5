using System.Net;
using System.Net.Sockets;

namespace Weft.Server;

/// <summary>Where a syslog daemon listens: a datagram socket of this machine, or an address and a port by UDP.</summary>
internal static class SyslogEndpoint
{
    /// <summary>A socket's address has room for so many bytes of a path: <c>sun_path</c> of unix(7).</summary>
    private const int MaxPathBytes = 107;

    /// <summary>Reads <c>/dev/log</c> or <c>ADDRESS:PORT</c>.</summary>
    /// <returns>Null where it is neither; <paramref name="mistake"/> was told.</returns>
    public static EndPoint? Parse(string text, Action<string> mistake)
    {
        if (text.StartsWith('/') && System.Text.Encoding.UTF8.GetByteCount(text) <= MaxPathBytes)
            return new UnixDomainSocketEndPoint(text);
        // An address and no name: looking one up would hold up everybody who waits for the record.
        if (
            text.Contains(':', StringComparison.Ordinal)
            && IPEndPoint.TryParse(text, out var endpoint)
            && endpoint.Port > 0
        )
            return endpoint;
        mistake($"--audit-syslog: '{text}' is no socket and no address with a port; write /dev/log or 192.0.2.9:514");
        return null;
    }
}
