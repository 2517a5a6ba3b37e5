using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Relay.Testing;

/// <summary>A certificate that is its own authority, and its key, in PEM in a folder that goes with it.</summary>
internal sealed class CertificateFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-relay-");

    public CertificateFiles(string name = "localhost") => Write(name);

    public string Certificate => Path.Combine(_folder.FullName, "tls.crt");

    public string Key => Path.Combine(_folder.FullName, "tls.key");

    /// <summary>Certificate and key in one file.</summary>
    public string Both => Path.Combine(_folder.FullName, "relay.pem");

    /// <summary>Writes another certificate in place of the one that is there.</summary>
    public void Write(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var (certificatePem, keyPem) = (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Key, keyPem);
        File.WriteAllText(Certificate, certificatePem);
        File.WriteAllText(Both, $"{certificatePem}\n{keyPem}\n");
    }

    public void Dispose() => _folder.Delete(true);
}
