using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Testing;

/// <summary>CA certificates as files hold them.</summary>
internal static class AuthorityPem
{
    /// <summary>A fresh authority.</summary>
    public static string Certificate(string name) => Create(name).Certificate;

    /// <summary>A fresh authority with its key, which is nobody else's.</summary>
    public static (string Certificate, string Key) Create(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1));
        return (certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
