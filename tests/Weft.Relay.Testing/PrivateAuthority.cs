using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Relay.Testing;

/// <summary>A certification authority of a test's own, and a certificate for localhost, in files.</summary>
internal sealed class PrivateAuthority : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("relay-ca-");

    public PrivateAuthority(string name = "localhost")
    {
        var now = TimeProvider.System.GetUtcNow();
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=test authority {Guid.NewGuid()}", caKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var ca = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        Roots = [X509CertificateLoader.LoadCertificate(ca.RawData)];
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        leaf.CertificateExtensions.Add(names.Build());
        using var certificate = leaf.Create(ca, now.AddDays(-1), now.AddHours(20), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
    }

    public X509Certificate2Collection Roots { get; }

    public string CertificateFile => Path.Combine(_folder.FullName, "relay.pem");

    public string KeyFile => Path.Combine(_folder.FullName, "relay.key");

    public void Dispose() => _folder.Delete(recursive: true);
}
