using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.EndToEnd.Relay;

/// <summary>An authority of its own with a server's certificate, and the files of both.</summary>
internal sealed class Authority : IDisposable
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("weft-authority-");

    /// <summary>Makes them.</summary>
    /// <param name="name">The server's name or address.</param>
    /// <param name="more">Further ones.</param>
    public Authority(string name, params string[] more)
    {
        string[] names = [name, .. more];
        var now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest($"CN=authority of {name}", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        rootRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(rootRequest.PublicKey, false));
        using var root = rootRequest.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(2));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var one in names)
        {
            if (IPAddress.TryParse(one, out var address))
                alternatives.AddIpAddress(address);
            else
                alternatives.AddDnsName(one);
        }

        request.CertificateExtensions.Add(alternatives.Build());
        using var certificate = request.Create(
            root,
            now.AddMinutes(-5),
            now.AddHours(2),
            RandomNumberGenerator.GetBytes(16)
        );
        File.WriteAllText(CaFile, root.ExportCertificatePem() + "\n");
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem() + "\n");
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public string CaFile => Path.Combine(_place.FullName, "ca.crt");

    public string CertificateFile => Path.Combine(_place.FullName, "tls.crt");

    public string KeyFile => Path.Combine(_place.FullName, "tls.key");

    /// <summary>A client that trusts nobody else.</summary>
    public HttpClient Client()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPemFile(CaFile);
        return new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } });
    }

    public void Dispose() => _place.Delete(true);
}
