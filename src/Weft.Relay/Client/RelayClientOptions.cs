using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Relay.Client;

/// <summary>How a client gets to a relay and stays there.</summary>
internal sealed record RelayClientOptions
{
    /// <summary>
    /// The certification authorities that are trusted, and nobody else; null for those of the system.
    /// </summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>
    /// The name that is asked for and that the certificate must bear, where the address names another, for example an
    /// IP address; null for the address's own.
    /// </summary>
    public string? HostName { get; init; }

    /// <summary>
    /// Whether <c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>ALL_PROXY</c> and <c>NO_PROXY</c> are heeded. Default true. Of
    /// no meaning where <see cref="Proxy"/> is given.
    /// </summary>
    public bool UsesSystemProxy { get; init; } = true;

    /// <summary>The proxy; null for what the environment says.</summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>
    /// How long a connection may take until the relay has answered. Default 45 s: a relay waits 30 s for a listener,
    /// and 15 s are left for the way there.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>
    /// How often the relay is pinged, 1 s and more. Default 20 s: front ends cut what is idle for some minutes, some
    /// for 60 s.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long after <see cref="KeepAliveInterval"/> nothing at all may come before the relay counts as dead. Default
    /// 20 s.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>What <c>Relay-User-Agent</c> says; null for nothing.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
