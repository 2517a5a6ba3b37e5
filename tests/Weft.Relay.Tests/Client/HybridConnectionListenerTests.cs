using System.Net;
using System.Net.Sockets;
using Weft.Relay.Client;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Tests.Client;

public sealed class HybridConnectionListenerTests
{
    private static CancellationToken TimeoutToken => Wait.Token;

    [Fact]
    public async Task Rejects_WithItsOwnPhrase()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            (sender, cancel) => sender.RejectAsync(404, $"no service '{sender.Suffix}' here", cancel)
        );
        var refused = await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect("nonesuch"));
        Assert.Equal(HttpStatusCode.NotFound, refused.Status);
        Assert.Contains("no service 'nonesuch' here", refused.Message, StringComparison.Ordinal);
        await RunningRelay.Until(() =>
            relay.Events.Any(e => e is { Kind: ListenerEventKind.SenderRejected, Status: 404, Suffix: "nonesuch" })
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Rejects_ForAHandlerThatDoesNot(bool throws)
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            (_, _) => throws ? throw new InvalidDataException("a secret of the handler's") : Task.CompletedTask
        );
        var refused = await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect());
        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
        await RunningRelay.Until(() => relay.Events.Any(e => e.Kind == ListenerEventKind.SenderRejected));
    }

    [Fact]
    public async Task Reports_WhichRuleRefused()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        relay.Directory.Rules = (role, _) =>
            role == ClientRole.Sender
                ? new(false, "deny", "your address 127.0.0.1 is not in the allowed networks of core-east")
                : new(true, "all");
        var refused = await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect());
        Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
        Assert.StartsWith(
            "403: your address 127.0.0.1 is not in the allowed networks of core-east",
            refused.Message,
            StringComparison.OrdinalIgnoreCase
        );
        Assert.True(Guid.TryParse(refused.TrackingId, out _), refused.Message);
        Assert.DoesNotContain("TrackingId", refused.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serves_TwoHundredAtATime()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        using var client = new HybridConnectionSender(relay.Address, relay.Client);
        var token = RunningRelay.Token();
        var streams = await Task.WhenAll(
            Enumerable.Range(0, 200).Select(_ => client.ConnectAsync(token, cancel: TimeoutToken))
        );
        Assert.Equal(200, listener.Listener.ActiveCount);
        await Task.WhenAll(
            streams.Select(
                async (stream, i) =>
                {
                    var sent = new byte[20_000 + i];
                    new Random(i).NextBytes(sent);
                    await stream.WriteAsync(sent, TimeoutToken);
                    await stream.CompleteWritesAsync(TimeoutToken);
                    Assert.Equal(sent, await HybridConnectionStreamTests.ReadAll(stream));
                    await stream.DisposeAsync();
                }
            )
        );
        await RunningRelay.Until(() => listener.Listener.ActiveCount == 0);
        Assert.Equal(
            200,
            relay.Events.Count(e =>
                e is { Kind: ListenerEventKind.SenderEnded, Reason: null, BytesIn: >= 20_000, BytesOut: >= 20_000 }
            )
        );
    }

    [Fact]
    public async Task Rejects_MoreThanItMayServe()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            HybridConnectionStreamTests.Echo,
            o => o with { MaxConcurrent = 1 }
        );
        await using var first = await relay.Connect();
        Assert.Equal(
            HttpStatusCode.ServiceUnavailable,
            (await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect())).Status
        );
        await first.CompleteWritesAsync(TimeoutToken);
        await HybridConnectionStreamTests.ReadAll(first);
        await RunningRelay.Until(() => listener.Listener.ActiveCount == 0);
        await using var second = await relay.Connect();
    }

    [Fact]
    public async Task Reconnects_WhenTheRelayRestarts()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        await relay.Stop();
        await RunningRelay.Until(() =>
            relay.Events.Any(e => e is { Kind: ListenerEventKind.Disconnected, NextAttempt: not null })
        );
        await relay.Start();
        await RunningRelay.Until(() => relay.Relay.ListenerCount(RunningRelay.Path) == 1);
        await using var stream = await relay.Connect();
    }

    [Fact]
    public async Task Reconnects_ThoughTheConnectionWasUnknownForAWhile()
    {
        await using var relay = await RunningRelay.Start();
        relay.Directory.Exists = false;
        await using var listener = relay.Listener(HybridConnectionStreamTests.Echo);
        var run = listener.RunAsync(TimeoutToken);
        await RunningRelay.Until(() => !relay.Events.IsEmpty);
        Assert.True(
            relay.Events.TryPeek(out var first) && first is { Kind: ListenerEventKind.Disconnected, Status: 404 }
        );
        Assert.InRange(first.NextAttempt!.Value.TotalSeconds, 2.5, 7.5);
        relay.Directory.Exists = true;
        await RunningRelay.Until(() => listener.IsConnected);
        await listener.DisposeAsync();
        await run.WaitAsync(TimeoutToken);
    }

    [Fact]
    public async Task Renews_TokensBeforeTheyExpire()
    {
        await using var relay = await RunningRelay.Start(change: o =>
            o with
            {
                ListenerTokenSkew = TimeSpan.Zero,
                LeastTokenGrace = TimeSpan.Zero,
                TokenGrace = TimeSpan.Zero,
            }
        );
        // Long before, so that a loaded machine is in time too.
        var life = TimeSpan.FromSeconds(6);
        var began = TimeProvider.System.GetTimestamp();
        await using var listener = await relay.Listen(
            HybridConnectionStreamTests.Echo,
            o => o with { RenewAt = 0.2 },
            life
        );
        await using var stream = await relay.Connect();
        await RunningRelay.Until(() => TimeProvider.System.GetElapsedTime(began) > life);
        await RunningRelay.Until(() => relay.Events.Count(e => e.Kind == ListenerEventKind.TokenRenewed) >= 3);
        Assert.DoesNotContain(relay.Events, e => e.Kind == ListenerEventKind.Disconnected);
        Assert.True(listener.Listener.IsConnected);
        await using var another = await relay.Connect();
    }

    [Fact]
    public async Task Reconnects_WhenThereWasNoTokenInTime()
    {
        await using var relay = await RunningRelay.Start(change: o =>
            o with
            {
                ListenerTokenSkew = TimeSpan.Zero,
                LeastTokenGrace = TimeSpan.Zero,
                TokenGrace = TimeSpan.Zero,
            }
        );
        var asked = 0;
        var options = new ListenerOptions
        {
            OnSender = HybridConnectionStreamTests.Echo,
            Client = relay.Client,
            OnEvent = relay.Events.Enqueue,
        };
        var good = RelayToken.CreateProvider(relay.Address.Audience, "all", RunningRelay.Key, TimeSpan.FromSeconds(4));
        await using var listener = new HybridConnectionListener(
            relay.Address,
            cancel => ++asked == 2 ? throw new HttpRequestException("the issuer is away") : good(cancel),
            options
        );
        var run = listener.RunAsync(TimeoutToken);
        await RunningRelay.Until(() => relay.Events.Count(e => e.Kind == ListenerEventKind.Connected) == 2);
        Assert.Equal(
            [
                ListenerEventKind.Connected,
                ListenerEventKind.TokenNotRenewed,
                ListenerEventKind.Disconnected,
                ListenerEventKind.Connected,
            ],
            relay.Events.Select(e => e.Kind).Take(4)
        );
        Assert.Contains(
            relay.Events,
            e => e is { Kind: ListenerEventKind.Disconnected } && e.Reason!.Contains("token", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Drains_AndLetsOpenStreamsEnd()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        await using var stream = await relay.Connect();
        var drain = listener.Listener.DrainAsync(Wait.Never);
        await RunningRelay.Until(() => relay.Relay.ListenerCount(RunningRelay.Path) == 0);
        await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect());
        Assert.False(drain.IsCompleted);
        await stream.WriteAsync(new byte[100_000], TimeoutToken);
        await stream.CompleteWritesAsync(TimeoutToken);
        Assert.Equal(100_000, (await HybridConnectionStreamTests.ReadAll(stream)).Length);
        await drain.WaitAsync(TimeoutToken);
        await listener.Run.WaitAsync(TimeoutToken);
    }

    [Fact]
    public async Task Aborts_OpenStreamsAfterTheGrace()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(HybridConnectionStreamTests.Echo);
        await using var stream = await relay.Connect();
        await listener.Listener.DrainAsync(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<IOException>(() => HybridConnectionStreamTests.ReadAll(stream));
        Assert.Equal(0, listener.Listener.ActiveCount);
    }

    [Fact]
    public async Task Notices_ARelayThatIsDead()
    {
        await using var relay = await RunningRelay.Start();
        await using var way = new FreezableTcpProxy(relay.Port);
        var client = relay.Client with
        {
            KeepAliveInterval = TimeSpan.FromSeconds(1),
            KeepAliveTimeout = TimeSpan.FromSeconds(4),
        };
        var address = relay.Address with { Port = way.Port };
        await using var listener = new HybridConnectionListener(
            address,
            RelayToken.CreateProvider(address.Audience, "all", RunningRelay.Key, TimeSpan.FromMinutes(5)),
            new()
            {
                OnSender = HybridConnectionStreamTests.Echo,
                Client = client,
                OnEvent = relay.Events.Enqueue,
            }
        );
        var run = listener.RunAsync(TimeoutToken);
        await RunningRelay.Until(() => relay.Relay.ListenerCount(RunningRelay.Path) == 1);
        using var sender = new HybridConnectionSender(address, client);
        await using var stream = await sender.ConnectAsync(RunningRelay.Token(), cancel: TimeoutToken);

        // Longer than interval and timeout together: what lives stays.
        var passed = way.Passed;
        await Eventually.Holds(() => way.Passed >= passed + 24, "each has pinged six times, and been answered");
        Assert.DoesNotContain(relay.Events, e => e.Kind == ListenerEventKind.Disconnected);

        way.IsFrozen = true;
        var lost = await Assert.ThrowsAsync<IOException>(() => HybridConnectionStreamTests.ReadAll(stream));
        Assert.Contains("silent", lost.Message, StringComparison.Ordinal);
        await RunningRelay.Until(() =>
            relay.Events.Any(e =>
                e is { Kind: ListenerEventKind.Disconnected } && e.Reason!.Contains("silent", StringComparison.Ordinal)
            )
        );
        way.IsFrozen = false;
        await RunningRelay.Until(() => listener.IsConnected);
    }

    [Fact]
    public async Task Serves_OnSeveralRelays()
    {
        await using var one = await RunningRelay.Start();
        await using var two = await RunningRelay.Start();
        await using var first = await one.Listen(HybridConnectionStreamTests.Echo);
        await using var second = await two.Listen(HybridConnectionStreamTests.Echo);
        await one.Stop();
        await using var stream = await two.Connect();
    }

    [Fact]
    public async Task Connects_ToItsOwnTargetsOnly()
    {
        await using var relay = await RunningRelay.Start();
        using var target = new Socket(SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen();
        using var dead = new HeldPort();
        Assert.True(
            TargetRegistry.TryCreate(
                [
                    new("ssh", $"127.0.0.1:{((IPEndPoint)target.LocalEndPoint!).Port}"),
                    new("dead", $"127.0.0.1:{dead.Number}"),
                ],
                false,
                out var registry,
                out _
            )
        );
        await using var listener = await relay.Listen(registry.ServeAsync);
        await using var stream = await relay.Connect("ssh");
        using var socket = await target.AcceptAsync(TimeoutToken);
        await stream.WriteAsync("SSH"u8.ToArray(), TimeoutToken);
        var buffer = new byte[10];
        Assert.Equal(3, await socket.ReceiveAsync(buffer, TimeoutToken));

        Assert.Equal(
            "404: the listener has no service 'rsh'",
            TextOf(await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect("rsh")))
        );
        Assert.StartsWith(
            "403: a service is asked for by its name",
            TextOf(await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect("169.254.169.254:80"))),
            StringComparison.Ordinal
        );
        Assert.Equal(
            "502: service 'dead' doesn't answer behind the listener",
            TextOf(await Assert.ThrowsAsync<RelayRefusedException>(() => relay.Connect("dead")))
        );
        await RunningRelay.Until(() =>
            relay.Events.Any(e => e.Reason?.Contains("dead (127.0.0.1", StringComparison.Ordinal) == true)
        );
    }

    private static string TextOf(RelayRefusedException e) => $"{(int)e.Status}: {e.Reason}";
}
