using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Server.Http;

/// <summary>
/// The server's name in links. What a <c>Host</c> header says is taken only where it names this server: a link that
/// names another host would send the next request, and its token, there.
/// </summary>
/// <param name="configured">The address that the world knows (<c>--public-address</c>); null for none.</param>
internal sealed class PublicOrigin(Uri? configured)
{
    /// <summary>The certificate that is served; null without TLS.</summary>
    public Func<X509Certificate2>? Certificate { get; set; }

    /// <summary>Scheme, host and port of links in the answer to a request.</summary>
    public string Of(HttpContext http)
    {
        if (configured is not null)
            return configured.GetLeftPart(UriPartial.Authority);
        var host = http.Request.Host;
        if (host.HasValue && IsOwn(host.Host, http.Connection.LocalIpAddress))
            return $"{http.Request.Scheme}://{host}";
        var local = new IPEndPoint(
            Plain(http.Connection.LocalIpAddress ?? IPAddress.Loopback),
            http.Connection.LocalPort
        );
        return $"{http.Request.Scheme}://{local}";
    }

    /// <summary>
    /// Whether a name is this server's: loopback (through a tunnel that is right, whatever the port), the address that
    /// the connection came to, this machine's name, or one that the certificate is for.
    /// </summary>
    private bool IsOwn(string name, IPAddress? local)
    {
        if (IPAddress.TryParse(name.Trim('[', ']'), out var address))
            return IPAddress.IsLoopback(Plain(address))
                || (local is not null && Plain(local).Equals(Plain(address)))
                || Certificate?.Invoke().MatchesHostname(name.Trim('[', ']')) == true;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || name.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase)
            || (Uri.CheckHostName(name) == UriHostNameType.Dns && Certificate?.Invoke().MatchesHostname(name) == true);
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
