using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Cli.Contexts;

namespace Weft.Cli.Arm;

/// <summary>
/// From settings to a client: reads the token and the CA certificates, and nothing else of them stays in memory than is
/// sent.
/// </summary>
internal static class ArmClientFactory
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A client for the configured server.</summary>
    /// <param name="environment">The clock, and what stands in for the network.</param>
    /// <param name="log">Takes a line for each request, or null.</param>
    /// <exception cref="CliError">There is no server, no token, or no certificate.</exception>
    public static ArmClient Create(Settings settings, CliEnvironment environment, Action<string>? log)
    {
        var server = settings.RequiredServer;
        var token = ReadToken(settings, server);
        var http = environment.HttpHandler is { } network
            ? new HttpClient(network, disposeHandler: false)
            : new HttpClient(CreateHandler(settings.Ca));
        http.Timeout = Timeout.InfiniteTimeSpan;
        return new ArmClient(http, server, token, environment.Clock, log);
    }

    /// <summary>Whether a token would travel in clear over a network.</summary>
    /// <returns>False for https, and for this machine.</returns>
    public static bool IsPlaintext(Uri server) => server.Scheme == Uri.UriSchemeHttp && !server.IsLoopback;

    private static string ReadToken(Settings settings, Uri server)
    {
        if (settings.TokenFile is not { } file)
        {
            throw new CliError(
                $"no token file is named for {server.ToString().TrimEnd('/')}",
                next: "add --token-file FILE (weftd writes the first administrator's to admin.token in its data directory), "
                    + "or weft config set-context NAME --token-file FILE"
            );
        }

        try
        {
            var token = File.ReadAllText(file).Trim();
            if (token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~'))
                return token;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError(
                $"the token file {file} cannot be read: {e.Message}",
                next: "name another one with --token-file FILE"
            );
        }

        throw new CliError($"the file {file} holds no token", next: "name another one with --token-file FILE");
    }

    private static SocketsHttpHandler CreateHandler(string? ca)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectTimeout,
            AutomaticDecompression = DecompressionMethods.GZip,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (ca is not null)
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = CreateTrustPolicy(ca) };
        return handler;
    }

    private static X509ChainPolicy CreateTrustPolicy(string ca)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(ca);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CliError(
                $"the CA file {ca} cannot be read: {e.Message}",
                next: "name PEM certificates with --ca FILE"
            );
        }

        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new CliError(
                $"the CA file {ca} holds no certificate",
                next: "name PEM certificates with --ca FILE"
            );
    }
}
