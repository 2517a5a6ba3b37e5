using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Weft.Agent;

namespace Weft.Tests.Agent.ControlPlane;

[SupportedOSPlatform("linux")]
public sealed class TransportTests
{
    [Fact]
    public async Task Trusts_TheGivenRoot_AndNoOther()
    {
        using var root = Root("a");
        using var other = Root("b");
        using var certificate = Issue(root);
        await using var harness = await AgentHarness.Create(certificate: certificate);
        var authority = Path.Join(harness.Root, "ca.pem");
        harness.Options = harness.Options with { CertificateAuthorityFile = authority };

        await File.WriteAllTextAsync(authority, other.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await harness.StartAgent();
        await AgentHarness.Eventually(
            () => harness.Log.Contains("control-plane-failed", StringComparison.Ordinal),
            "the agent has tried"
        );
        await harness.StopAgent();
        Assert.Empty(harness.Plane.Enrolments);

        await File.WriteAllTextAsync(authority, root.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent is enrolled");
    }

    [Fact]
    public async Task Distrusts_ARootTheSystemDoesNotKnow()
    {
        using var root = Root("a");
        using var certificate = Issue(root);
        await using var harness = await AgentHarness.Create(certificate: certificate);
        await harness.StartAgent();
        await AgentHarness.Eventually(
            () => harness.Log.Contains("control-plane-failed", StringComparison.Ordinal),
            "the agent has tried"
        );
        Assert.Empty(harness.Plane.Enrolments);
    }

    [Fact]
    public async Task Says_ThatNoConnectionCameAbout()
    {
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        using var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await waiting.ConnectAsync(full.LocalEndPoint!, TestContext.Current.CancellationToken);
        await using var harness = await AgentHarness.Create(
            AgentHarness.FastTimings with
            {
                RequestTimeout = TimeSpan.FromMinutes(1),
            }
        );
        harness.Options = harness.Options with { Server = new Uri($"http://{full.LocalEndPoint}") };
        await harness.StartAgent();
        await AgentHarness.Eventually(
            () =>
                harness.Log.Contains(
                    $"{full.LocalEndPoint} has not taken a connection for 10 s",
                    StringComparison.Ordinal
                ),
            "the agent says what it waited for"
        );
    }

    [Theory]
    [InlineData(null, "can't be read")]
    [InlineData("no certificate", "holds no certificate")]
    public async Task Refuses_RootsThatAreNone(string? content, string message)
    {
        await using var harness = await AgentHarness.Create();
        var authority = Path.Join(harness.Root, "ca.pem");
        if (content is not null)
            await File.WriteAllTextAsync(authority, content, TestContext.Current.CancellationToken);
        harness.Options = harness.Options with { CertificateAuthorityFile = authority };
        Assert.Contains(
            message,
            (await Assert.ThrowsAsync<StartupException>(harness.RunAgent)).Message,
            StringComparison.Ordinal
        );
    }

    private static X509Certificate2 Root(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=root {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(
            TimeProvider.System.GetUtcNow().AddDays(-1),
            TimeProvider.System.GetUtcNow().AddDays(1)
        );
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
