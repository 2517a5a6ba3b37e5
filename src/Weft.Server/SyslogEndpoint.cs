using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Server;

/// <summary>Where a syslog daemon listens: a datagram socket of this machine, or a host and a port by UDP.</summary>
internal static class SyslogEndpoint
{
    /// <summary>A socket's address has room for so many bytes of a path: <c>sun_path</c> of unix(7).</summary>
    private const int MaxPathBytes = 107;

    /// <summary>Reads <c>/dev/log</c> or <c>HOST:PORT</c>.</summary>
    /// <returns>Null where it is neither; <paramref name="mistake"/> was told.</returns>
    public static EndPoint? Parse(string text, Action<string> mistake)
    {
        if (text.StartsWith('/') && System.Text.Encoding.UTF8.GetByteCount(text) <= MaxPathBytes)
            return new UnixDomainSocketEndPoint(text);
        var colon = text.LastIndexOf(':');
        if (
            colon > 0
            && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535
        )
        {
            var host = text[..colon];
            if (host is ['[', .., ']'] && IPAddress.TryParse(host[1..^1], out var address))
                return new IPEndPoint(address, port);
            if (Uri.CheckHostName(host) is UriHostNameType.IPv4 or UriHostNameType.Dns)
                return IPAddress.TryParse(host, out address)
                    ? new IPEndPoint(address, port)
                    : new DnsEndPoint(host, port);
        }

        mistake($"--audit-syslog: '{text}' is no socket and no host with a port; write /dev/log or 192.0.2.9:514");
        return null;
    }
}
