using System.Net;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

/// <summary>How clients get to a relay: TLS, private authorities, proxies, and words for what goes wrong.</summary>
public sealed class RelayDialerTests
{
    private static CancellationToken TimeoutToken => Wait.Token;

    [Fact]
    public async Task Trusts_APrivateAuthority()
    {
        using var authority = new PrivateAuthority();
        await using var relay = await RunningRelay.Start(authority);
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        await using var stream = await relay.Connect();
        var read = HybridConnectionStreamTests.ReadAll(stream);
        await stream.WriteAsync(new byte[3_000_000], TimeoutToken);
        await stream.CompleteWritesAsync(TimeoutToken);
        Assert.Equal(3_000_000, (await read).Length);
    }

    [Fact]
    public async Task Refuses_AnotherAuthority()
    {
        using var authority = new PrivateAuthority();
        using var another = new PrivateAuthority();
        await using var relay = await RunningRelay.Start(authority);
        var lost = await Assert.ThrowsAsync<RelayUnreachableException>(() =>
            relay.Connect(options: relay.Client with { TrustedRoots = another.Roots })
        );
        Assert.Contains("no certificate of the trusted authorities", lost.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RelayUnreachableException>(() =>
            relay.Connect(options: relay.Client with { TrustedRoots = null })
        );
    }

    [Fact]
    public async Task Refuses_ACertificateForAnotherName()
    {
        using var authority = new PrivateAuthority("relay.example");
        await using var relay = await RunningRelay.Start(authority);
        await Assert.ThrowsAsync<RelayUnreachableException>(() => relay.Connect());
    }

    [Fact]
    public async Task Requests_TheConfiguredHostName()
    {
        using var authority = new PrivateAuthority("relay.example");
        await using var relay = await RunningRelay.Start(authority);
        var refused = await Assert.ThrowsAsync<RelayRefusedException>(() =>
            relay.Connect(options: relay.Client with { HostName = "relay.example" })
        );
        Assert.Contains("listener", refused.Reason, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connects_ThroughAProxy(bool isSecure)
    {
        using var authority = isSecure ? new PrivateAuthority() : null;
        await using var relay = await RunningRelay.Start(authority);
        await using var proxy = new ConnectProxy { Credentials = "weft:s3cret" };
        var client = relay.Client with
        {
            Proxy = new WebProxy($"http://{proxy.Authority}") { Credentials = new NetworkCredential("weft", "s3cret") },
        };
        await using var listener = await relay.Listen(
            HybridConnectionStreamTests.Echo,
            o => o with { Client = client }
        );
        await using var stream = await relay.Connect(options: client);
        await stream.WriteAsync(new byte[100_000], TimeoutToken);
        await stream.CompleteWritesAsync(TimeoutToken);
        Assert.Equal(100_000, (await HybridConnectionStreamTests.ReadAll(stream)).Length);
        Assert.True(proxy.Served.Count >= 3, "listener, rendezvous and sender");
        Assert.All(proxy.Served, place => Assert.Equal($"localhost:{relay.Port}", place));
    }

    [Fact]
    public async Task Reports_ThatAProxyRefused()
    {
        await using var relay = await RunningRelay.Start();
        await using var proxy = new ConnectProxy { Credentials = "weft:s3cret" };
        var lost = await Assert.ThrowsAsync<RelayUnreachableException>(() =>
            relay.Connect(options: relay.Client with { Proxy = new WebProxy($"http://{proxy.Authority}") })
        );
        Assert.Contains("proxy", lost.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("407", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_ThatNobodyListens()
    {
        using var port = new HeldPort();
        using var nobody = new HybridConnectionSender(new("127.0.0.1", port.Number, "x", IsPlaintext: true));
        var lost = await Assert.ThrowsAsync<RelayUnreachableException>(() =>
            nobody.ConnectAsync(null, cancel: TimeoutToken)
        );
        Assert.StartsWith("There is no connection to 127.0.0.1:", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_ThatThereWasNoAnswerInTime()
    {
        await using var relay = await RunningRelay.Start();
        await using var way = new FreezableTcpProxy(relay.Port) { IsFrozen = true };
        using var client = new HybridConnectionSender(
            relay.Address with
            {
                Port = way.Port,
            },
            relay.Client with
            {
                ConnectTimeout = TimeSpan.FromSeconds(1),
            }
        );
        var lost = await Assert.ThrowsAsync<RelayUnreachableException>(() =>
            client.ConnectAsync(RunningRelay.Token(), cancel: TimeoutToken)
        );
        Assert.EndsWith("didn't answer within 1 s.", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stops_WhenItIsCancelled()
    {
        await using var relay = await RunningRelay.Start();
        await using var way = new FreezableTcpProxy(relay.Port) { IsFrozen = true };
        using var client = new HybridConnectionSender(relay.Address with { Port = way.Port }, relay.Client);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            client.ConnectAsync(RunningRelay.Token(), cancel: cancel.Token)
        );
    }
}
