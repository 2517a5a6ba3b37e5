using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Agent.Kubernetes.Webhook;

/// <summary>
/// The certificate that the webhook shows. Where files are given it is theirs, read anew when they change; else the
/// agent makes one whose key never leaves its memory, and a new one before that is over.
/// </summary>
/// <param name="certificatePath">PEM, with its chain; null to make one.</param>
internal sealed class ServingCertificate(string? certificatePath, string? keyPath, TimeProvider clock, ILogger log)
    : IDisposable
{
    /// <summary>By which name the API server calls.</summary>
    public const string ServiceName = "weft-agent-webhook.weft-system.svc";

    private static readonly TimeSpan Validity = TimeSpan.FromDays(30);
    private static readonly TimeSpan Use = TimeSpan.FromDays(20);
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _guard = new();
    private LoadedCertificate? _current;
    private DateTimeOffset _nextCheck;

    /// <summary>What a client is shown now.</summary>
    public SslStreamCertificateContext Context => Current().Context;

    /// <summary>
    /// The certificate that the API server must trust, PEM. Null where whoever provides the files sees to that.
    /// </summary>
    public string? Authority => certificatePath is null ? Current().Pem : null;

    /// <summary>Reads the files, or makes the certificate; called once before anybody asks.</summary>
    /// <exception cref="StartupException">The files can't be used.</exception>
    public void Prepare()
    {
        try
        {
            _ = Current();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StartupException(
                $"--webhook-cert '{certificatePath}' and --webhook-key '{keyPath}' can't be used: {e.Message}",
                e
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _current?.Certificate.Dispose();

    private LoadedCertificate Current()
    {
        lock (_guard)
        {
            var now = clock.GetUtcNow();
            if (_current is { } shown && now < _nextCheck)
                return shown;
            _nextCheck = now + CheckInterval;
            if (certificatePath is null)
            {
                if (_current is null || now - _current.From > Use)
                    _current = CreateSelfSigned(now);
                return _current;
            }

            try
            {
                var stamp = (File.GetLastWriteTimeUtc(certificatePath), File.GetLastWriteTimeUtc(keyPath!));
                if (_current is null || _current.Stamp != stamp)
                    _current = Read(stamp, now);
            }
            catch (Exception e)
                when (_current is not null && e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                // Half replaced: certificate and key are two files. The pair that was read goes on serving.
                log.CertificateNotRead(e, certificatePath);
            }

            return _current;
        }
    }

    private LoadedCertificate Read((DateTime Certificate, DateTime Key) stamp, DateTimeOffset now)
    {
        var pem = File.ReadAllText(certificatePath!);
        using var read = X509Certificate2.CreateFromPem(pem, File.ReadAllText(keyPath!));
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(pem);
        log.CertificateRead(
            certificatePath,
            read.NotAfter.ToUniversalTime().ToString("u", System.Globalization.CultureInfo.InvariantCulture)
        );
        return new LoadedCertificate(Loaded(read), chain, pem, now, stamp);
    }

    private static LoadedCertificate CreateSelfSigned(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={ServiceName}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(ServiceName);
        names.AddDnsName($"{ServiceName}.cluster.local");
        request.CertificateExtensions.Add(names.Build());
        // It is its own authority only: path length 0, and valid for a server alone.
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, true)
        );
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var made = request.CreateSelfSigned(now.AddHours(-1), now + Validity);
        return new LoadedCertificate(Loaded(made), [], made.ExportCertificatePem(), now, default);
    }

    // A key that was only just made isn't shown by the TLS library; one that was read is.
    private static X509Certificate2 Loaded(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);

    private sealed class LoadedCertificate(
        X509Certificate2 certificate,
        X509Certificate2Collection chain,
        string pem,
        DateTimeOffset from,
        (DateTime Certificate, DateTime Key) stamp
    )
    {
        public X509Certificate2 Certificate => certificate;

        public SslStreamCertificateContext Context { get; } =
            SslStreamCertificateContext.Create(certificate, chain, offline: true);

        public string Pem => pem;

        public DateTimeOffset From => from;

        public (DateTime Certificate, DateTime Key) Stamp => stamp;
    }
}
