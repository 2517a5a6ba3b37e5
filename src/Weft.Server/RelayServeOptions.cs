using System.Collections.Immutable;
using System.Net;
using Weft.Access;
using Weft.Addressing;
using Weft.Relay.Protocol;

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
    /// <summary>Further names by which the world reaches it.</summary>
    public ImmutableArray<string> Names { get; init; } = [];

    /// <summary>What follows a namespace in the host name that stands for it; null for none.</summary>
    public string? HostSuffix { get; init; }

    /// <summary>The namespace that paths under the relay's own names are of; null for none.</summary>
    public string? DefaultNamespace { get; init; }

    /// <summary>
    /// All names by which it is reached. The address that it listens on is one too, and the loopback's where it listens
    /// there.
    /// </summary>
    /// <param name="bound">The port that it listens on.</param>
    public RelayHosts HostsOf(int bound)
    {
        var isAny = ListenEndpoint.Address.Equals(IPAddress.Any) || ListenEndpoint.Address.Equals(IPAddress.IPv6Any);
        var hosts = new RelayHosts(PublicAddressOf(bound))
        {
            Names = [.. Names, .. isAny ? [] : new[] { ListenEndpoint.Address.ToString() }],
            Suffix = HostSuffix,
            DefaultNamespace = DefaultNamespace,
            RootSegment = TargetConnection.PathRoot,
        };
        return isAny || IPAddress.IsLoopback(ListenEndpoint.Address) ? hosts with { IncludesLoopback = true } : hosts;
    }

    /// <summary>The address by which the world reaches it.</summary>
    /// <returns>Such as <c>wss://relay.example:443</c>.</returns>
    public Uri PublicAddressOf(int bound) =>
        new UriBuilder(IsEncrypted ? Uri.UriSchemeWss : Uri.UriSchemeWs, Host, Port ?? bound).Uri;
}
