using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Agent.ControlPlane;

/// <summary>How the agent reaches the control plane: it dials out, through <c>HTTPS_PROXY</c> if that is set.</summary>
internal static class Transport
{
    /// <summary>The most that is read of one answer: a desired state of a large cluster is a few megabytes.</summary>
    private const int MaxResponseLength = 64 << 20;

    /// <summary>How long a connection may take to come about.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A client whose requests are below <c>/agents/v1/</c>.</summary>
    /// <returns>The client; time limits are per request and not its own.</returns>
    public static HttpClient Open(AgentOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,

            // Short enough that a control plane that moves behind its name is found again.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            MaxConnectionsPerServer = 32,
            UseCookies = false,

            // A redirect would take the credential to where nobody sent it.
            AllowAutoRedirect = false,
        };
        if (options.CertificateAuthorityFile is { } path)
            handler.SslOptions = TrustOnly(path);
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"{options.Server.AbsoluteUri.TrimEnd('/')}/agents/v1/"),
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxResponseLength,
        };
    }

    /// <summary>The only roots of trust that a file names.</summary>
    /// <param name="path">The file of <c>--ca</c>.</param>
    /// <exception cref="StartupException">There are none in it.</exception>
    public static X509Certificate2Collection ReadRoots(string path)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPemFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StartupException($"--ca '{path}' can't be read: {e.Message}", e);
        }

        if (roots.Count == 0)
            throw new StartupException(
                $"--ca '{path}' holds no certificate: it must be PEM, '-----BEGIN CERTIFICATE-----'"
            );
        return roots;
    }

    private static SslClientAuthenticationOptions TrustOnly(string path)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(ReadRoots(path));
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }
}
