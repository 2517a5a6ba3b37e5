using System.Net;

namespace Weft.Relay.Transport;

/// <summary>Where and how the relay listens.</summary>
/// <param name="Listen">The address and port; port 0 takes a free one. <see cref="IPAddress.IPv6Any"/> takes IPv4
/// too.</param>
internal sealed record RelayTransportOptions(IPEndPoint Listen)
{
    /// <summary>
    /// The certificate chain in PEM, leaf first. Null serves without TLS, for a relay behind a front end or on the
    /// loopback. The file is read again when it changes.
    /// </summary>
    public string? CertificateFile { get; init; }

    /// <summary>The certificate's key in PEM; null where <see cref="CertificateFile"/> holds it too.</summary>
    public string? KeyFile { get; init; }

    /// <summary>
    /// The proxies that may give a caller's address: whoever connects must be one of these and must begin with a header of
    /// the PROXY protocol, version 2. Null, the default, trusts nobody: such a header is then refused as garbage.
    /// </summary>
    public Func<IPAddress, bool>? ProxyProtocolFrom { get; init; }

    /// <summary>
    /// How long a caller may take for the PROXY header and the TLS handshake together. Default 10 s: what ClientHellos
    /// take over a satellite, tenfold.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many connections there may be. Default: no bound.</summary>
    public ConnectionLimits Connections { get; init; } = ConnectionLimits.None;

    /// <summary>
    /// How many connections may wait to be accepted; default 4096, the kernel's own bound (<c>net.core.somaxconn</c>).
    /// After a restart all listeners come back in the same second.
    /// </summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>
    /// How often the certificate's files are looked at; default 2 s. Watching a folder misses the exchanged links that
    /// Kubernetes mounts secrets by.
    /// </summary>
    public TimeSpan CertificateInterval { get; init; } = TimeSpan.FromSeconds(2);
}
