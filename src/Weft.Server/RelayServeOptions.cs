using System.Collections.Immutable;
using System.Net;
using Weft.Addressing;

namespace Weft.Server;

/// <summary>Where and how the relay listens.</summary>
/// <param name="ListenEndpoint">Where; port 0 takes a free one.</param>
/// <param name="Host">The host by which the world reaches it.</param>
/// <param name="Port">The port by which the world reaches it; null for the one it listens on.</param>
/// <param name="TlsCertificate">A PEM file with the certificate and its chain; null for none.</param>
/// <param name="TlsKey">A PEM file with the certificate's key.</param>
/// <param name="Proxies">Who speaks for others by PROXY protocol v2: then only these may connect, and must say it.
/// Empty for nobody.</param>
/// <param name="IsEncrypted">Whether the world reaches it by TLS: its own, or that of something before it.</param>
internal sealed record RelayServeOptions(
    IPEndPoint ListenEndpoint,
    string Host,
    int? Port,
    string? TlsCertificate,
    string? TlsKey,
    ImmutableArray<Prefix> Proxies,
    bool IsEncrypted
)
{
    /// <summary>The address by which the world reaches it.</summary>
    /// <returns>Such as <c>wss://relay.example:443</c>.</returns>
    public Uri PublicAddressOf(int bound) =>
        new UriBuilder(IsEncrypted ? Uri.UriSchemeWss : Uri.UriSchemeWs, Host, Port ?? bound).Uri;
}
