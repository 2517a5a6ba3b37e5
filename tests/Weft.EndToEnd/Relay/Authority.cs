using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.EndToEnd.Relay;

/// <summary>A certificate for this machine's loopback, by address and by name, and the files that weftd serves with.</summary>
internal sealed class Authority : IDisposable
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("weft-authority-");

    public Authority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=weftd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(2));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
    }

    public string CertificateFile => Path.Combine(_place.FullName, "tls.crt");

    public string KeyFile => Path.Combine(_place.FullName, "tls.key");

    public void Dispose() => _place.Delete(true);
}
