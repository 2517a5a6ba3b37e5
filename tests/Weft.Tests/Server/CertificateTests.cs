using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Transport;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Identity;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>A certificate that is renewed while it is served.</summary>
public sealed class CertificateTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-tls-");

    private string Certificate => Path.Join(_directory.FullName, "tls.crt");

    private string Key => Path.Join(_directory.FullName, "tls.key");

    [Fact]
    public async Task Serves_TheRenewedCertificate_AndKeepsItWhereTheNextIsBroken()
    {
        Write("first");
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));
        var options = new ServeOptions(
            _directory.FullName,
            new IPEndPoint(IPAddress.Loopback, 0),
            Certificate,
            Key,
            null
        );
        await using var app = Weft.Server.Program.Build(
            options,
            new MemoryStore(),
            CredentialStore.Open(Path.Join(_directory.FullName, "admin.token")),
            Limits.Default,
            clock
        );
        await app.StartAsync(TestContext.Current.CancellationToken);
        var port = new Uri(app.Urls.First()).Port;

        Assert.Equal("CN=first", await Served(port));
        Write("second");
        Assert.Equal("CN=first", await Served(port));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=second", await Served(port));
        await File.WriteAllTextAsync(Certificate, "half of it", TestContext.Current.CancellationToken);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=second", await Served(port));
        Write("third");
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=third", await Served(port));
    }

    [Fact]
    public void Refuses_ToStart_WithoutACertificate()
    {
        File.WriteAllText(Certificate, "nothing");
        File.WriteAllText(Key, "nothing");
        Assert.ThrowsAny<CryptographicException>(() =>
            new ServerCertificate(Certificate, Key, TimeSpan.FromSeconds(1), TimeProvider.System, NullLogger.Instance)
        );
    }

    [Theory]
    [InlineData(-2, -1, false, "has expired at ")]
    [InlineData(1, 2, false, "is good from ")]
    [InlineData(-1, 1, true, "is open to others than its owner (")]
    [InlineData(-1, 1, false, null)]
    public void Warns_OfWhatCallersWillRefuse_AtTheStartAndAtARenewal(int from, int to, bool isOpen, string? warning)
    {
        var log = new RecordingLog();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        Write("fine");
        using var certificate = new ServerCertificate(Certificate, Key, TimeSpan.FromSeconds(1), clock, log);
        Assert.Empty(log.Lines);
        Write("renewed", from, to, isOpen);
        clock.Advance(TimeSpan.FromSeconds(2));
        using var started = new ServerCertificate(Certificate, Key, TimeSpan.FromSeconds(1), clock, log);

        var warnings = log
            .Lines.Where(line => !line.Contains("is used from now on", StringComparison.Ordinal))
            .ToList();
        Assert.Equal(warning is null ? 0 : 2, warnings.Count);
        Assert.All(warnings, line => Assert.Contains(warning!, line, StringComparison.Ordinal));
    }

    public void Dispose() => _directory.Delete(true);

    private void Write(string name, int fromDays = -1, int toDays = 1, bool isOpen = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(fromDays),
            DateTimeOffset.UtcNow.AddDays(toDays)
        );
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(Key, isOpen ? Owner | UnixFileMode.GroupRead | UnixFileMode.OtherRead : Owner);
        File.WriteAllText(Certificate, made.ExportCertificatePem());
    }

    private static async Task<string> Served(int port)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        using var tls = new SslStream(tcp.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            },
            TestContext.Current.CancellationToken
        );
        return tls.RemoteCertificate!.Subject;
    }
}
