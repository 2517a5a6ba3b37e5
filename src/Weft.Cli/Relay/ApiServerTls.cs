using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Weft.Relay.Client;

namespace Weft.Cli.Relay;

/// <summary>
/// Asks an API server for its certificate through the relay, as kubectl is going to: whoever gets an answer has the
/// whole way open.
/// </summary>
internal static class ApiServerTls
{
    /// <summary>Shakes hands, and goes.</summary>
    /// <param name="stream">The way to the API server; it is closed.</param>
    /// <returns>Why kubectl won't trust the certificate; null where it will.</returns>
    /// <exception cref="IOException">What answers speaks no TLS, or nothing answers.</exception>
    public static async Task<string?> FindTrustErrorAsync(
        HybridConnectionStream stream,
        JsonObject cluster,
        CancellationToken cancel
    )
    {
        string? wrong = null;
        var name = cluster["tls-server-name"]!.ToString();
        await using var tls = new SslStream(stream);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    CertificateChainPolicy = CreatePolicy(cluster),
                    RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                        (wrong = DescribeErrors(name, certificate as X509Certificate2, chain, errors)) is null,
                },
                cancel
            );
            return null;
        }
        catch (AuthenticationException) when (wrong is not null)
        {
            return cluster["insecure-skip-tls-verify"]?.ToString() == "true" ? null : wrong;
        }
        catch (AuthenticationException e)
        {
            throw new IOException($"what answers speaks no TLS ({e.InnerException?.Message ?? e.Message})", e);
        }
    }

    private static string? DescribeErrors(
        string name,
        X509Certificate2? certificate,
        X509Chain? chain,
        SslPolicyErrors errors
    )
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"its certificate isn't for '{name}' but for {string.Join(", ", NamesOf(certificate))}; name one with --tls-server-name";
        if (errors == SslPolicyErrors.None)
            return null;
        var reasons = (chain?.ChainStatus ?? [])
            .Select(status => status.StatusInformation.Trim())
            .Where(text => text.Length > 0)
            .Distinct();
        return $"its certificate isn't trusted ({string.Join(", ", reasons)}); "
            + "name the cluster's CA with --certificate-authority or --from-context";
    }

    private static IEnumerable<string> NamesOf(X509Certificate2? certificate) =>
        certificate
            ?.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(names =>
                names.EnumerateDnsNames().Concat(names.EnumerateIPAddresses().Select(address => address.ToString()))
            )
        ?? [];

    private static X509ChainPolicy? CreatePolicy(JsonObject cluster)
    {
        var pem =
            cluster["certificate-authority-data"]?.ToString() is { Length: > 0 } data ? Decode(data)
            : cluster["certificate-authority"]?.ToString() is { Length: > 0 } file ? File.ReadAllText(file)
            : null;
        if (pem is null)
            return null;
        // Kubernetes' authorities say nowhere whom they revoke.
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new CliError(
                $"the cluster's CA certificates can't be read: {e.Message}",
                next: "name PEM certificates with --certificate-authority FILE"
            );
        }

        return policy;
    }

    private static string Decode(string data)
    {
        try
        {
            return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(data));
        }
        catch (FormatException e)
        {
            throw new CliError($"the kubeconfig's certificate-authority-data can't be read: {e.Message}");
        }
    }
}
