using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Weft.Relay.Tests.Server;

public sealed class ListenEndpointTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closes1001_WhenTheConnectionIsDeleted(bool isSecure)
    {
        await using var relay = await LiveRelay.Start(isSecure: isSecure);
        await using var listener = await relay.Listen();
        relay.Directory.Delete(LiveRelay.Path);
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1001, listener.Control.CloseStatus);
        await listener.Control.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        Assert.Equal((0, 0, 0, 0, 0), await relay.WaitUntilEmpty());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closes1001_WhenTheRelayDrains(bool isSecure)
    {
        await using var relay = await LiveRelay.Start(isSecure: isSecure);
        await using var listener = await relay.Listen();
        var draining = relay.Relay.Drain(Wait.Never);
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1001, listener.Control.CloseStatus);
        await listener.Control.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await draining.WaitAsync(Wait.Token);
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => relay.Listen());
        Assert.Contains("503", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Closes1008_WhenTheTokenExpiredAndGraceIsOver()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(o => o with { PingInterval = TimeSpan.FromDays(1) }, clock);
        await using var listener = await relay.Listen();
        clock.Advance(TimeSpan.FromMinutes(64));
        Assert.Equal(1, relay.Relay.ListenerCount(LiveRelay.Path));
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(await listener.Next());
        Assert.Equal(
            ((WebSocketCloseStatus)1008, "the token expired and was not renewed"),
            (listener.Control.CloseStatus!.Value, listener.Control.CloseStatusDescription)
        );
    }

    [Fact]
    public async Task Refuses_MoreListenersThanAllowed()
    {
        await using var relay = await LiveRelay.Start();
        var listeners = new List<LiveListener>();
        for (var i = 0; i < 25; i++)
            listeners.Add(await relay.Listen());
        var line = RawExchange.StatusLine(
            await RawExchange.Send(
                relay,
                RawExchange.GoodHandshake(
                    $"/$hc/{LiveRelay.Path}?sb-hc-action=listen",
                    $"ServiceBusAuthorization: {LiveRelay.ListenToken()}"
                )
            )
        );
        Assert.StartsWith(
            "HTTP/1.1 403 QuotaExceeded: the hybrid connection has 25 listeners already. Path:site/core.",
            line,
            StringComparison.Ordinal
        );
        listeners[7].Control.Abort();
        Assert.Equal((24, 0, 0, 0, 24), await relay.WaitUntilEmpty(24, 24));
        await using var next = await relay.Listen();
        foreach (var listener in listeners)
            await listener.DisposeAsync();
    }

    [Fact]
    public async Task Pings_AndDropsWhoIsSilent()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(clock: clock);
        await using var lively = await RawExchange.Listen(relay);
        await using var silent = await RawExchange.Listen(relay);
        // Whoever isn't known yet is not pinged, and a clock that has gone on already doesn't go on again.
        await Eventually.Holds(
            () => relay.Relay.ListenerCount(LiveRelay.Path) == 2 && relay.Requests == 0,
            "both listen, and the requests that they came with have ended"
        );
        clock.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(Ping, await ReadControl(silent));
        Assert.Equal(Ping, await ReadControl(lively));
        // In two steps: what has been read here may not have been written to its end there, and a write that takes a whole
        // interval is of a listener that doesn't read.
        for (var step = 0; step < 2; step++)
        {
            await SayPing(lively);
            Assert.Equal(Pong, await ReadControl(lively));
            clock.Advance(TimeSpan.FromSeconds(15));
        }

        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
        await Assert.ThrowsAnyAsync<IOException>(() => ReadControl(silent));
        Assert.True(await IsPinged(lively, clock));
    }

    [Theory]
    [InlineData(1002, "81 01 41")]
    [InlineData(1002, "C1 81 00000000 41")]
    [InlineData(1002, "83 80 00000000")]
    [InlineData(1002, "80 80 00000000")]
    [InlineData(1002, "01 80 00000000 81 80 00000000")]
    [InlineData(1002, "09 80 00000000")]
    [InlineData(1002, "88 81 00000000 00")]
    [InlineData(1002, "81 FF FF00000000000000 00000000")]
    [InlineData(1000, "8A 80 00000000 01 80 00000000 89 80 00000000 80 82 00000000 7B7D 88 82 00000000 03E8")]
    public async Task Closes_WithTheCodeOfTheFault(int code, string frames)
    {
        await using var relay = await LiveRelay.Start();
        await using var raw = await RawExchange.Listen(relay);
        // A byte at a time: a header may end anywhere in what is read.
        foreach (var one in Convert.FromHexString(frames.Replace(" ", "", StringComparison.Ordinal)))
            await raw.WriteAsync(new[] { one }, Wait.Token);
        Assert.Equal(code, await ReadCloseCode(raw));
        await raw.DisposeAsync();
        Assert.Equal((0, 0, 0, 0, 0), await relay.WaitUntilEmpty());
    }

    private static async Task<int> ReadCloseCode(Stream listener)
    {
        while (true)
        {
            var header = new byte[2];
            await listener.ReadExactlyAsync(header, Wait.Token);
            var payload = new byte[header[1]];
            await listener.ReadExactlyAsync(payload, Wait.Token);
            if (header[0] == 0x88)
                return (payload[0] << 8) | payload[1];
        }
    }

    [Fact]
    public async Task Closes1009_OnMessageThatIsTooLong()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await LiveListener.Send(listener.Control, new string(' ', 70_000));
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1009, listener.Control.CloseStatus);
    }

    [Theory]
    [InlineData("SharedAccessSignature nonsense")]
    [InlineData(null)]
    public async Task Closes1008_OnRenewalThatFails(string? token)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await listener.Send(new() { ["renewToken"] = new JsonObject { ["token"] = token ?? LiveRelay.SendToken() } });
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1008, listener.Control.CloseStatus);
    }

    [Fact]
    public async Task Survives_UnknownMessages()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        foreach (
            var said in (string[])
                [
                    "",
                    "{",
                    "[]",
                    "null",
                    """{"unknown":1}""",
                    """{"response":{"requestId":"none","statusCode":200}}""",
                    """{"response":1}""",
                    """{"accept":{}}""",
                ]
        )
            await LiveListener.Send(listener.Control, said);
        await listener.Control.SendAsync(new byte[10], WebSocketMessageType.Binary, true, Wait.Token);
        await listener.Send(new() { ["renewToken"] = new JsonObject { ["token"] = LiveRelay.ListenToken() } });
        var connecting = relay.Send();
        using var met = await listener.Accept();
        using var sender = await connecting;
        Assert.Equal(WebSocketState.Open, sender.State);
    }

    [Fact]
    public async Task Allows_SessionsToEndWhenItDrains()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var connecting = relay.Send();
        using var met = await listener.Accept();
        using var sender = await connecting;
        var draining = relay.Relay.Drain(Wait.Never);
        Assert.Null(await listener.Next());
        await listener.Control.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await sender.SendAsync(new byte[1], WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Single((await LiveListener.Read(met)).Bytes);
        Assert.False(draining.IsCompleted);
        await sender.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await LiveListener.Read(met);
        await met.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await LiveListener.Read(sender);
        await draining.WaitAsync(Wait.Token);
    }

    [Fact]
    public async Task Drops_WhoSendsItsHeadTooSlowly()
    {
        await using var relay = await LiveRelay.Start();
        await using var slow = await relay.Dial();
        await slow.WriteAsync(
            Encoding.ASCII.GetBytes($"GET /$hc/{LiveRelay.Path} HTTP/1.1\r\nHost: x\r\nX-Slow: "),
            Wait.Token
        );
        using var dripping = new CancellationTokenSource();
        var drip = Task.Run(
            async () =>
            {
                while (!dripping.IsCancellationRequested)
                {
                    await slow.WriteAsync("x"u8.ToArray());
                    await Task.Delay(200);
                }
            },
            Wait.Token
        );
        Assert.Contains("408", RawExchange.StatusLine(await RawExchange.Head(slow)), StringComparison.Ordinal);
        await dripping.CancelAsync();
        await Task.WhenAny(drip);
    }

    [Fact]
    public async Task Logs_NoToken()
    {
        var log = new RecordingLog();
        await using var relay = await LiveRelay.Start(log: log);
        await using var listener = await relay.Listen();
        var connecting = relay.Connect(
            $"/$hc/{LiveRelay.Path}?sb-hc-token={Uri.EscapeDataString(LiveRelay.SendToken())}"
        );
        using var met = await listener.Accept();
        using var sender = await connecting;
        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(
            log.Lines,
            line =>
                line.Contains("SharedAccessSignature", StringComparison.Ordinal)
                || line.Contains("sb-hc-token", StringComparison.Ordinal)
        );
    }

    /// <summary>What Kestrel holds for a request is more than all the rest of a listener that waits.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ends_TheRequestOfAListener_AndKeepsItsConnection(bool isSecure)
    {
        await using var relay = await LiveRelay.Start(isSecure: isSecure);
        await using var listener = await relay.Listen();
        await Eventually.Holds(() => relay.Requests == 0, "the listener's request ends");
        Assert.Equal(1, relay.Relay.ListenerCount(LiveRelay.Path));

        var connecting = relay.Send();
        using var met = await listener.Accept();
        using var sender = await connecting;
        await sender.SendAsync(new byte[3], WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Equal(3, (await LiveListener.Read(met)).Bytes.Length);
        await listener.Control.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await met.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await sender.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        Assert.Equal((0, 0, 0, 0, 0), await relay.WaitUntilEmpty());
    }

    private static readonly byte[] Ping = [0x89, 0];
    private static readonly byte[] Pong = [0x8A, 0];

    /// <summary>
    /// Whether the relay pings who says something every half interval: at the latest when what was said doesn't count as
    /// said just now, because the relay's clock went on before it was noted.
    /// </summary>
    private static async Task<bool> IsPinged(Stream stream, FakeTimeProvider clock)
    {
        for (var i = 0; i < 20; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(15));
            await SayPing(stream);
            byte[] read;
            do
            {
                read = await ReadControl(stream);
                if (read.SequenceEqual(Ping))
                    return true;
            } while (!read.SequenceEqual(Pong));
        }

        return false;
    }

    /// <summary>A frame without a payload, such as a ping.</summary>
    private static async Task<byte[]> ReadControl(Stream stream)
    {
        var frame = new byte[2];
        await stream.ReadExactlyAsync(frame, Wait.Token);
        return frame;
    }

    /// <summary>Pings the relay, whose answer shows that it has heard all that came before.</summary>
    private static async Task SayPing(Stream stream) =>
        await stream.WriteAsync((byte[])[0x89, 0x80, 0, 0, 0, 0], Wait.Token);
}
