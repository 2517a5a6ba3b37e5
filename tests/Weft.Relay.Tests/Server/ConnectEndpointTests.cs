using System.Net;
using System.Net.WebSockets;
using System.Text;

namespace Weft.Relay.Tests.Server;

public sealed class ConnectEndpointTests
{
    [Fact]
    public async Task Passes_HeadersToTheListenerWithoutTheToken()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await using var sender = await relay.Dial();
        await sender.WriteAsync(
            Encoding.ASCII.GetBytes(
                RawExchange.GoodHandshake(
                    $"/$hc/{LiveRelay.Path}/ssh?a=1&sb-hc-id=mine&b",
                    "X-Mine: 1",
                    "X-Mine: 2",
                    $"ServiceBusAuthorization: {LiveRelay.SendToken()}"
                )
            ),
            Wait.Token
        );
        var accept = (await listener.Next())!["accept"]!;
        var headers = accept["connectHeaders"]!;
        Assert.Equal(
            ("attacker.example", RawExchange.Key, "13", "1, 2"),
            (
                (string)headers["Host"]!,
                (string)headers["Sec-WebSocket-Key"]!,
                (string)headers["Sec-WebSocket-Version"]!,
                (string)headers["X-Mine"]!
            )
        );
        Assert.Null(headers["ServiceBusAuthorization"]);
        Assert.Equal("127.0.0.1", (string)accept["remoteEndpoint"]!["address"]!);
        var address = (string)accept["address"]!;
        Assert.StartsWith(
            $"ws://localhost:{relay.Port}/$hc/{LiveRelay.Path}/ssh?a=1&b&sb-hc-action=accept&sb-hc-id=",
            address,
            StringComparison.Ordinal
        );
        Assert.Equal(64, address.Split("sb-hc-id=")[1].Length);
        Assert.DoesNotContain("mine", address, StringComparison.Ordinal);
    }

    /// <summary>Whatever it names, what a listener needs to answer a handshake is there.</summary>
    [Theory]
    [InlineData("Connection: X-Hop")]
    [InlineData("connection: upgrade ,\tX-HOP", "Connection: Sec-WebSocket-Key, Sec-WebSocket-Version, Host")]
    public async Task Keeps_FieldsThatConnectionNamesToTheirHop(params string[] connection)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await using var sender = await relay.Dial();
        string[] fields = [.. connection, "x-Hop: 1", "X-Mine: 2", $"ServiceBusAuthorization: {LiveRelay.SendToken()}"];
        await sender.WriteAsync(
            Encoding.ASCII.GetBytes(RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}", fields)),
            Wait.Token
        );
        var headers = (await listener.Next())!["accept"]!["connectHeaders"]!.AsObject();
        Assert.DoesNotContain(headers, field => field.Key.Equals("X-Hop", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(
            ("attacker.example", RawExchange.Key, "13", "websocket", "2"),
            (
                (string)headers["Host"]!,
                (string)headers["Sec-WebSocket-Key"]!,
                (string)headers["Sec-WebSocket-Version"]!,
                (string)headers["Upgrade"]!,
                (string)headers["X-Mine"]!
            )
        );
    }

    [Fact]
    public async Task Refuses_AddressThatWasUsedOrGuessed()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var connecting = relay.Connect($"/$hc/{LiveRelay.Path}?sb-hc-id=known", LiveRelay.SendToken());
        var address = LiveListener.Address((await listener.Next())!);
        var target = new Uri(address).PathAndQuery;
        foreach (
            var wrong in (string[])
                [
                    $"/$hc/{LiveRelay.Path}?sb-hc-action=accept&sb-hc-id=known",
                    target.Replace("accept", "request", StringComparison.Ordinal),
                    target.Replace("core", "other", StringComparison.Ordinal),
                    target[..^1],
                ]
        )
            Assert.StartsWith(
                "HTTP/1.1 403 ",
                await RawExchange.Send(relay, RawExchange.GoodHandshake(wrong)),
                StringComparison.Ordinal
            );
        using var met = await listener.Dial(address);
        using var sender = await connecting;
        Assert.StartsWith(
            "HTTP/1.1 403 The rendezvous address is invalid, expired or was used",
            await RawExchange.Send(relay, RawExchange.GoodHandshake(target)),
            StringComparison.Ordinal
        );
        await sender.SendAsync(new byte[3], WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Equal(3, (await LiveListener.Read(met)).Bytes.Length);
    }

    [Theory]
    [InlineData(
        "&sb-hc-statusCode=418&sb-hc-statusDescription=I%20am%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0ax%C3%BC",
        "HTTP/1.1 418 I am  Set-Cookie: a=b    x?. Path:site/core. TrackingId:"
    )]
    [InlineData("&statusCode=500&statusDescription=no", "HTTP/1.1 500 no. Path:site/core. TrackingId:")]
    [InlineData("&sb-hc-statusCode=101&sb-hc-statusDescription=ha", "HTTP/1.1 502 ha. ")]
    [InlineData("&sb-hc-statusCode=99&sb-hc-statusDescription=ha", "HTTP/1.1 502 ha. ")]
    [InlineData("&sb-hc-statusCode=-1", "HTTP/1.1 502 The listener rejected the connection. ")]
    [InlineData("&statusCode=1000", "HTTP/1.1 502 The listener rejected the connection. ")]
    [InlineData("&sb-hc-statusCode=400.5", "HTTP/1.1 502 The listener rejected the connection. ")]
    public async Task Rejects_WithTheListenersPhraseSanitized(string status, string line)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var asking = RawExchange.Send(
            relay,
            RawExchange.GoodHandshake(
                $"/$hc/{LiveRelay.Path}?statusCode=404",
                $"ServiceBusAuthorization: {LiveRelay.SendToken()}"
            )
        );
        var address = new Uri(LiveListener.Address((await listener.Next())!)).PathAndQuery;
        Assert.StartsWith(
            "HTTP/1.1 410 ",
            await RawExchange.Send(relay, RawExchange.GoodHandshake(address + status)),
            StringComparison.Ordinal
        );
        var head = await asking;
        Assert.StartsWith(line, head, StringComparison.Ordinal);
        Assert.DoesNotContain("\r\nSet-Cookie", head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Negotiates_SubProtocolButNoExtension()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var connecting = relay.Send(with: o =>
        {
            o.AddSubProtocol("one");
            o.AddSubProtocol("two");
            o.DangerousDeflateOptions = new();
        });
        using var met = await listener.Accept("two");
        using var sender = await connecting;
        Assert.Equal(("two", "two"), (met.SubProtocol, sender.SubProtocol));
        Assert.False(sender.HttpResponseHeaders!.ContainsKey("Sec-WebSocket-Extensions"));

        var plain = relay.Send(with: o => o.AddSubProtocol("one"));
        var refused = Assert.ThrowsAnyAsync<WebSocketException>(() => plain);
        await Assert.ThrowsAnyAsync<WebSocketException>(() => listener.Accept("three"));
        Assert.Contains("502", (await refused).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tries_AnotherListenerWhenTheFirstDies()
    {
        await using var relay = await LiveRelay.Start();
        await using var one = await relay.Listen();
        await using var other = await relay.Listen();
        var connecting = relay.Send();
        var (first, second) = (one.Next(), other.Next());
        var asked = await Task.WhenAny(first, second);
        (asked == first ? one : other).Control.Abort();
        using var met = await other.Dial(LiveListener.Address((await (asked == first ? second : first))!));
        using var sender = await connecting;
        await sender.SendAsync(new byte[1], WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Single((await LiveListener.Read(met)).Bytes);
    }

    [Fact]
    public async Task Answers504_WhenTheListenerNeverComes()
    {
        await using var relay = await LiveRelay.Start(o => o with { AcceptTimeout = TimeSpan.FromSeconds(1) });
        await using var listener = await relay.Listen();
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => relay.Send());
        Assert.Contains("504", refused.Message, StringComparison.Ordinal);
        var late = new Uri(LiveListener.Address((await listener.Next())!)).PathAndQuery;
        Assert.StartsWith(
            "HTTP/1.1 403 ",
            await RawExchange.Send(relay, RawExchange.GoodHandshake(late)),
            StringComparison.Ordinal
        );
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Notifies_TheListenerFastWhenTheSenderHasGone(bool isPlainKestrel)
    {
        await using var relay = await LiveRelay.Start(
            o => o with { AcceptTimeout = Wait.Never },
            isPlainKestrel: isPlainKestrel
        );
        await using var listener = await relay.Listen();
        string address;
        await using (await RawExchange.Connect(relay))
            address = new Uri(LiveListener.Address((await listener.Next())!)).PathAndQuery;
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
        Assert.StartsWith(
            "HTTP/1.1 403 ",
            await RawExchange.Send(relay, RawExchange.GoodHandshake(address)),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("400 ", "Sec-WebSocket-Version: 13")]
    [InlineData("400 ", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: short")]
    [InlineData("426 ", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")]
    [InlineData(
        "400 ",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: a, , b"
    )]
    [InlineData(
        "400 ",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: a, a"
    )]
    public async Task Refuses_BadHandshakesBeforeAListenerIsInvited(string status, params string[] fields)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        Assert.StartsWith(
            "HTTP/1.1 " + status,
            await RawExchange.Send(
                relay,
                RawExchange.Handshake(
                    $"/$hc/{LiveRelay.Path}",
                    [.. fields, $"ServiceBusAuthorization: {LiveRelay.SendToken()}"]
                )
            ),
            StringComparison.Ordinal
        );
        var connecting = relay.Send("/good");
        Assert.Contains("/good", LiveListener.Address((await listener.Next())!), StringComparison.Ordinal);
        await listener.DisposeAsync();
        await Assert.ThrowsAnyAsync<WebSocketException>(() => connecting);
    }

    /// <summary>
    /// A real listener goes deaf on 64 KiB: quotes cost two bytes in JSON, so that 32 KiB of headers could reach it.
    /// </summary>
    [Theory]
    [InlineData('"', 31_000)]
    [InlineData('a', 33_000)]
    public async Task Refuses_HeadersTooLargeForAListener(char filler, int size)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        string[] flood =
        [
            .. Enumerable.Range(0, size / 1000).Select(i => $"X-{i}: {new string(filler, 1000)}"),
            $"ServiceBusAuthorization: {LiveRelay.SendToken()}",
        ];
        var head = await RawExchange.Send(relay, RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}", flood));
        Assert.StartsWith("HTTP/1.1 431 ", head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounds_WaitingSendersBySourceAndConnection()
    {
        await using var relay = await LiveRelay.Start(o =>
            o with
            {
                PendingPerSource = 3,
                PendingPerConnection = 5,
                AcceptTimeout = Wait.Never,
            }
        );
        await using var listener = await relay.Listen();
        var waiting = new List<Stream>();
        async Task AddWaiting(string from)
        {
            waiting.Add(await RawExchange.Connect(relay, IPAddress.Parse(from)));
            await listener.Next();
        }

        foreach (var from in (string[])["127.0.0.2", "127.0.0.2", "127.0.0.2"])
            await AddWaiting(from);
        Assert.StartsWith("HTTP/1.1 429 ", await Refusal("127.0.0.2"), StringComparison.Ordinal);
        await AddWaiting("127.0.0.3");
        await AddWaiting("127.0.0.3");
        Assert.StartsWith("HTTP/1.1 503 ", await Refusal("127.0.0.4"), StringComparison.Ordinal);
        foreach (var stream in waiting)
            await stream.DisposeAsync();
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));

        async Task<string> Refusal(string from)
        {
            await using var refused = await RawExchange.Connect(relay, IPAddress.Parse(from));
            return await RawExchange.Head(refused);
        }
    }

    /// <summary>Sessions and those that wait for one, in all, of a connection and of a source.</summary>
    [Theory]
    [InlineData(2, 9, 9, "503 2 sessions are open at the relay")]
    [InlineData(9, 2, 9, "503 2 sessions are open here")]
    [InlineData(9, 9, 2, "429 2 sessions are open from your network")]
    public async Task Bounds_Sessions(int total, int perConnection, int perSource, string refusal)
    {
        await using var relay = await LiveRelay.Start(o =>
            o with
            {
                Sessions = total,
                SessionsPerConnection = perConnection,
                SessionsPerSource = perSource,
                AcceptTimeout = Wait.Never,
            }
        );
        await using var listener = await relay.Listen();
        var connecting = relay.Send();
        using var met = await listener.Accept();
        using var sender = await connecting;
        var waiting = await RawExchange.Connect(relay);
        await listener.Next();
        await using (var refused = await RawExchange.Connect(relay))
            Assert.StartsWith($"HTTP/1.1 {refusal}", await RawExchange.Head(refused), StringComparison.Ordinal);

        await waiting.DisposeAsync();
        await Eventually.Holds(() => relay.Relay.GetStatus().Waiting == 0, "the one that waited has gone");
        await using var next = await RawExchange.Connect(relay);
        Assert.NotNull(await listener.Next());
    }
}
