using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Frames;
using Weft.Relay.Tests.Frames;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Transport;

public sealed class RelayTransportTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n";
    private const string GetUpgrade =
        "GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

    private static readonly RequestDelegate Whoami = context =>
        context.Response.WriteAsync(
            $"{context.Request.Scheme} {context.Connection.RemoteIpAddress} {context.Features.Get<IRelayTransportFeature>() is not null}"
        );

    private static CancellationToken Cancel => Wait.Token;

    [Fact]
    public async Task Answers_BesideKestrelsOwnEndpoint()
    {
        await using var host = await RelayHost.Start(new(new(IPAddress.Loopback, 0)), Whoami);
        Assert.EndsWith("http 127.0.0.1 True", Body(await host.Exchange(Get)), StringComparison.Ordinal);
        using var http = new HttpClient();
        Assert.Equal(
            "http 127.0.0.1 False",
            await http.GetStringAsync(new Uri($"http://127.0.0.1:{host.PlainPort}/"), Cancel)
        );
    }

    [Fact]
    public async Task Answers_ManyRequestsWithBodies_OnOneConnection()
    {
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0)),
            async context => await context.Request.Body.CopyToAsync(context.Response.Body)
        );
        using var http = new HttpClient();
        for (var i = 0; i < 20; i++)
        {
            var body = new byte[i * 50_000];
            Random.Shared.NextBytes(body);
            using var answer = await http.PostAsync(
                new Uri($"http://127.0.0.1:{host.Port}/"),
                new ByteArrayContent(body),
                Cancel
            );
            Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync(Cancel));
        }
    }

    [Fact]
    public async Task Normalises_MappedPeerOnASocketOfBothFamilies()
    {
        await using var host = await RelayHost.Start(new(new(IPAddress.IPv6Any, 0)), Whoami);
        Assert.EndsWith("http 127.0.0.1 True", Body(await host.Exchange(Get)), StringComparison.Ordinal);
        Assert.EndsWith(
            "http ::1 True",
            Body(await host.Exchange(Get, to: IPAddress.IPv6Loopback)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Hands_OverTheRawStream_WithWhatCameBehindTheRequest()
    {
        var taken = new TaskCompletionSource();
        var done = new TaskCompletionSource<string>();
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0)),
            async context =>
            {
                var peer = await TakeOver(context);
                taken.SetResult();
                var more = new byte[5];
                await peer.Stream.ReadExactlyAsync(more, Cancel);
                await peer.Stream.WriteAsync("raw"u8.ToArray(), Cancel);
                await peer.Shutdown();
                Assert.Equal(0, await peer.Stream.ReadAsync(more.AsMemory(), Cancel));
                peer.Dispose();
                done.SetResult($"{Encoding.ASCII.GetString(peer.EarlyData.Span)}|{Encoding.ASCII.GetString(more)}");
            }
        );
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(GetUpgrade + "early"), Cancel);
        await taken.Task.WaitAsync(Cancel);
        await ReadHead(stream);
        await stream.WriteAsync("later"u8.ToArray(), Cancel);
        var answer = new byte[4096];
        var count = await stream.ReadAtLeastAsync(answer, answer.Length, false, Cancel);
        Assert.Equal("raw", Encoding.ASCII.GetString(answer, 0, count));
        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal("early|later", await done.Task.WaitAsync(Cancel));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Relays_UnderTls(SslProtocols protocol)
    {
        using var files = new CertificateFiles();
        var ended = new TaskCompletionSource<SessionEnd>();
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0)) { CertificateFile = files.Certificate, KeyFile = files.Key },
            JoinTwo(ended)
        );
        using var listener = await Upgraded(host, protocol);
        using var sender = await Upgraded(host, protocol);
        var frame = new Frame(true, 2, FrameBytes.Content(5_000_000));
        var sending = sender.WriteAsync(FrameBytes.Masked(frame, 0x01020304), Cancel).AsTask();
        Assert.Equal(frame, await FrameBytes.Read(listener, Cancel));
        await sending;
        await ExpectClose(sender, listener);
        await ExpectClose(listener, sender);
        // The relay ends TLS and TCP; what ends without close_notify would throw here.
        Assert.Equal(0, await sender.ReadAsync(new byte[1], Cancel));
        Assert.Equal(0, await listener.ReadAsync(new byte[1], Cancel));
        sender.Dispose();
        listener.Dispose();
        var end = await ended.Task.WaitAsync(Cancel);
        Assert.Equal((EndReason.Closed, 5_000_000), (end.Reason, end.BytesUp));
    }

    /// <summary>Joins the first that comes, as the listener, with the second.</summary>
    private static RequestDelegate JoinTwo(TaskCompletionSource<SessionEnd> ended)
    {
        var first = new TaskCompletionSource<SessionPeer>();
        var arrivals = 0;
        return async context =>
        {
            // Counted before it is answered: the second comes once the first has its answer.
            var arrival = Interlocked.Increment(ref arrivals);
            Assert.Equal("https", context.Request.Scheme);
            var peer = await TakeOver(context);
            if (arrival == 1)
            {
                first.SetResult(peer);
            }
            else
            {
                var listener = await first.Task;
                var relay = new FrameRelay(peer, listener, FrameRelayOptions.Default, TimeProvider.System);
                ended.SetResult(await relay.Run());
            }

            await ended.Task;
        };
    }

    private static async Task ExpectClose(Stream from, Stream to)
    {
        await from.WriteAsync(FrameBytes.Masked(new(true, 8, FrameBytes.Close(1000)), 1), Cancel);
        Assert.Equal(8, (await FrameBytes.Read(to, Cancel))!.Opcode);
    }

    [Fact]
    public async Task Offers_Http11Alone()
    {
        using var files = new CertificateFiles();
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0)) { CertificateFile = files.Certificate, KeyFile = files.Key },
            Whoami
        );
        await using var stream = await host.Secure();
        Assert.Equal(SslApplicationProtocol.Http11, stream.NegotiatedApplicationProtocol);
        Assert.EndsWith("https 127.0.0.1 True", Body(await RelayHost.Exchange(stream, Get)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Aborts_HandshakeThatDoesntCome()
    {
        using var files = new CertificateFiles();
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0))
            {
                CertificateFile = files.Certificate,
                KeyFile = files.Key,
                HandshakeTimeout = TimeSpan.FromMilliseconds(300),
            },
            Whoami
        );
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        // A ClientHello that stops in its first record's header.
        await silent.GetStream().WriteAsync(new byte[] { 0x16, 0x03, 0x01 }, Cancel);
        await Assert.ThrowsAsync<IOException>(async () =>
            await silent.GetStream().ReadExactlyAsync(new byte[1], Cancel).AsTask().WaitAsync(Cancel)
        );
        await using var other = await host.Secure();
    }

    [Fact]
    public void Reads_ChangedCertificate_AndKeepsTheOldForABrokenOne()
    {
        using var files = new CertificateFiles("first");
        var (time, interval) = (new FakeTimeProvider(), TimeSpan.FromSeconds(2));
        using var certificate = new ServerCertificate(
            files.Certificate,
            files.Key,
            interval,
            time,
            NullLogger.Instance
        );
        Assert.Equal("CN=first", Subject());
        File.WriteAllText(files.Certificate, "nothing");
        Assert.Equal("CN=first", Subject());
        File.Delete(files.Key);
        Assert.Equal("CN=first", Subject());
        files.Write("second");
        Assert.Equal("CN=second", Subject());

        string Subject()
        {
            time.Advance(interval);
            return certificate.Context.TargetCertificate.Subject;
        }
    }

    [Fact]
    public async Task Uses_ChangedCertificate()
    {
        using var files = new CertificateFiles("first");
        var log = new RecordingLog();
        var transport = new RelayTransportOptions(new(IPAddress.Loopback, 0))
        {
            CertificateFile = files.Certificate,
            KeyFile = files.Key,
            CertificateInterval = TimeSpan.FromMilliseconds(50),
        };
        await using var host = await RelayHost.StartAt(
            new()
            {
                Transport = transport,
                Plain = new(IPAddress.Loopback, 0),
                Log = log,
            },
            Whoami
        );
        Assert.Equal("CN=first", await Subject(host));
        await File.WriteAllTextAsync(files.Certificate, "nothing", Cancel);
        await UntilComplained();
        Assert.Equal("CN=first", await Subject(host));
        File.Delete(files.Key);
        await UntilComplained();
        Assert.Equal("CN=first", await Subject(host));
        files.Write("second");
        await Eventually.Holds(async () => await Subject(host) == "CN=second", "the new certificate is used");

        Task UntilComplained()
        {
            var before = Complaints();
            return Eventually.Holds(() => Complaints() > before, "the relay has looked at the files");
        }

        int Complaints() => log.Lines.Count(line => line.Contains(files.Certificate, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Accepts_AddressFromAListedProxy()
    {
        await using var host = await RelayHost.Start(Proxied(_ => true), Whoami);
        Assert.EndsWith("http 203.0.113.7 True", Body(await host.Exchange(Get, Header)), StringComparison.Ordinal);
        Assert.EndsWith(
            "http 127.0.0.1 True",
            Body(await host.Exchange(Get, ProxyProtocolHeaderTests.Header(0x20, 0, []))),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_ConnectionWithoutTheHeaderItRequires()
    {
        await using var host = await RelayHost.Start(Proxied(_ => true), Whoami);
        Assert.Equal("", await host.Exchange(Get));
        Assert.Equal("", await host.Exchange("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n" + Get));
    }

    [Fact]
    public async Task Refuses_ProxyThatIsNotListed()
    {
        await using var host = await RelayHost.Start(Proxied(a => !a.Equals(IPAddress.Loopback)), Whoami);
        Assert.Equal("", await host.Exchange(Get, Header));
    }

    [Fact]
    public async Task Refuses_HeaderWhereNoneIsTaken()
    {
        await using var host = await RelayHost.Start(new(new(IPAddress.Loopback, 0)), Whoami);
        var answer = await host.Exchange(Get, Header);
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), answer);
    }

    [Fact]
    public async Task Aborts_ARequestWhoseClientHasGone()
    {
        var (served, gone) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var host = await RelayHost.Start(
            new(new(IPAddress.Loopback, 0)),
            async context =>
            {
                context.RequestAborted.Register(() => gone.TrySetResult());
                served.TrySetResult();
                await gone.Task;
            }
        );
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Get), Cancel);
            await served.Task.WaitAsync(Cancel);
        }

        await gone.Task.WaitAsync(Cancel);
    }

    /// <summary>Those beyond are closed at once; who leaves makes room, also where a WebSocket came of it.</summary>
    [Fact]
    public async Task Closes_ConnectionsBeyondTheBound()
    {
        var taken = new TaskCompletionSource<SessionPeer>();
        var options = new RelayTransportOptions(new(IPAddress.Loopback, 0)) { Connections = new(2, 2) };
        await using var host = await RelayHost.Start(
            options,
            async context =>
            {
                if (context.Features.GetRequiredFeature<IHttpUpgradeFeature>().IsUpgradableRequest)
                    taken.SetResult(await TakeOver(context));
                else
                    await Whoami(context);
            }
        );
        using var upgraded = new TcpClient();
        await upgraded.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        await upgraded.GetStream().WriteAsync(Encoding.ASCII.GetBytes(GetUpgrade), Cancel);
        var peer = await taken.Task.WaitAsync(Cancel);
        using (var idle = new TcpClient())
        {
            await idle.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
            for (var i = 0; i < 20; i++)
                Assert.Equal("", await host.Exchange(Get));
        }

        await Eventually.Holds(async () => (await host.Exchange(Get)).Length > 0, "the idle one has made room");
        using var second = new TcpClient();
        await second.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        Assert.Equal("", await host.Exchange(Get));
        peer.Abort();
        await Eventually.Holds(async () => (await host.Exchange(Get)).Length > 0, "the WebSocket has made room");
    }

    /// <summary>Behind a proxy it is the caller that counts, and not the proxy.</summary>
    [Fact]
    public async Task Closes_ConnectionsBeyondTheBoundOfTheirSource()
    {
        var options = Proxied(_ => true) with { Connections = new(100, 1) };
        await using var host = await RelayHost.Start(options, Whoami);
        using var first = new TcpClient();
        await first.ConnectAsync(IPAddress.Loopback, host.Port, Cancel);
        // Answered, so it is counted; and kept alive.
        await first.GetStream().WriteAsync((byte[])[.. Header, .. "GET / HTTP/1.1\r\nHost: relay\r\n\r\n"u8], Cancel);
        await first.GetStream().ReadExactlyAsync(new byte[12], Cancel);
        Assert.Equal("", await host.Exchange(Get, Header));
        var other = Header;
        other[19] = 8;
        Assert.EndsWith("http 203.0.113.8 True", Body(await host.Exchange(Get, other)), StringComparison.Ordinal);
    }

    private static byte[] Header =>
        ProxyProtocolHeaderTests.Header(0x21, 0x11, [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187]);

    private static RelayTransportOptions Proxied(Func<IPAddress, bool> trusted) =>
        new(new(IPAddress.Loopback, 0)) { ProxyProtocolFrom = trusted, HandshakeTimeout = TimeSpan.FromSeconds(2) };

    private static string Body(string answer) => answer.Replace("\r\n0\r\n\r\n", "", StringComparison.Ordinal);

    private static async Task<string> Subject(RelayHost host)
    {
        await using var stream = await host.Secure();
        return stream.RemoteCertificate!.Subject;
    }

    private static async Task<SessionPeer> TakeOver(HttpContext context)
    {
        await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        return context.Features.GetRequiredFeature<IRelayTransportFeature>().TakeOver();
    }

    private static async Task<SslStream> Upgraded(RelayHost host, SslProtocols protocol)
    {
        var stream = await host.Secure(protocol);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(GetUpgrade), Cancel);
        await ReadHead(stream);
        return stream;
    }

    private static async Task ReadHead(Stream stream)
    {
        var last = new byte[4];
        var one = new byte[1];
        while (!last.AsSpan().SequenceEqual("\r\n\r\n"u8))
        {
            await stream.ReadExactlyAsync(one, Cancel);
            last = [.. last[1..], one[0]];
        }
    }
}
