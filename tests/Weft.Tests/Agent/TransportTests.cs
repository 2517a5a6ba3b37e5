using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Agent;

namespace Weft.Tests.Agent;

[SupportedOSPlatform("linux")]
public sealed class TransportTests
{
    [Fact]
    public async Task Trusts_TheGivenRoot_AndNoOther()
    {
        using var root = Root("a");
        using var other = Root("b");
        using var certificate = Issue(root);
        await using var site = await Site.Make(certificate: certificate);
        var authority = Path.Join(site.Root, "ca.pem");
        site.Options = site.Options with { CertificateAuthorityFile = authority };

        await File.WriteAllTextAsync(authority, other.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await site.StartAgent();
        await Site.Eventually(() => site.Log.Contains("control-plane-failed", StringComparison.Ordinal), "the agent has tried");
        await site.StopAgent();
        Assert.Empty(site.Plane.Enrolments);

        await File.WriteAllTextAsync(authority, root.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await site.StartAgent();
        await site.Plane.Until(() => site.Plane.Polls > 0, "the agent is enrolled");
    }

    [Fact]
    public async Task Distrusts_ARootTheSystemDoesNotKnow()
    {
        using var root = Root("a");
        using var certificate = Issue(root);
        await using var site = await Site.Make(certificate: certificate);
        await site.StartAgent();
        await Site.Eventually(() => site.Log.Contains("control-plane-failed", StringComparison.Ordinal), "the agent has tried");
        Assert.Empty(site.Plane.Enrolments);
    }

    [Theory]
    [InlineData(null, "can't be read")]
    [InlineData("no certificate", "holds no certificate")]
    public async Task Refuses_RootsThatAreNone(string? content, string message)
    {
        await using var site = await Site.Make();
        var authority = Path.Join(site.Root, "ca.pem");
        if (content is not null)
            await File.WriteAllTextAsync(authority, content, TestContext.Current.CancellationToken);
        site.Options = site.Options with { CertificateAuthorityFile = authority };
        Assert.Contains(message, (await Assert.ThrowsAsync<CannotStartException>(site.RunAgent)).Message, StringComparison.Ordinal);
    }

    private static X509Certificate2 Root(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=root {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 root)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=weftd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(root, root.NotBefore, root.NotAfter, [1, 2, 3, 4]);
        return issued.CopyWithPrivateKey(key);
    }
}
