using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Relay.Tests.Server;

public sealed class RequestEndpointTests
{
    internal static JsonObject Response(
        JsonNode request,
        int status,
        bool hasBody,
        string? description = null,
        JsonObject? headers = null
    ) =>
        new()
        {
            ["response"] = new JsonObject
            {
                ["requestId"] = (string)request["id"]!,
                ["statusCode"] = status,
                ["statusDescription"] = description,
                ["responseHeaders"] = headers ?? [],
                ["body"] = hasBody,
            },
        };

    internal static HttpRequestMessage Request(HttpMethod method, string suffix = "", HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, new Uri($"/{LiveRelay.Path}{suffix}", UriKind.Relative))
        {
            Content = content,
        };
        request.Headers.Add("ServiceBusAuthorization", LiveRelay.SendToken());
        return request;
    }

    [Theory]
    [InlineData("GET", 200, true)]
    [InlineData("HEAD", 200, false)]
    [InlineData("OPTIONS", 204, false)]
    [InlineData("DELETE", 205, false)]
    [InlineData("TRACE", 304, false)]
    [InlineData("GET", 418, true)]
    [InlineData("GET", 450, true)]
    [InlineData("GET", 502, true)]
    [InlineData("PATCH", 504, true)]
    public async Task Passes_StatusPhraseAndFieldsOn(string method, int status, bool hasBody)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        using var asked = Request(new(method), "/x");
        var asking = client.SendAsync(asked, Wait.Token);
        var request = (await listener.Next())!["request"]!;
        Assert.Equal(
            (method, "/site/core/x", false),
            ((string)request["method"]!, (string)request["requestTarget"]!, (bool)request["body"]!)
        );
        await listener.Send(Response(request, status, hasBody: true, "Just so", FieldsOfAllKinds()));
        await listener.Control.SendAsync(new byte[] { 1, 2 }, WebSocketMessageType.Binary, true, Wait.Token);
        using var answer = await asking;
        var body = await answer.Content.ReadAsByteArrayAsync(Wait.Token);
        Assert.Equal((status, "Just so", hasBody ? 2 : 0), ((int)answer.StatusCode, answer.ReasonPhrase, body.Length));
        Assert.Equal(
            ("1", "1.1 localhost"),
            (answer.Headers.GetValues("X-Mine").Single(), answer.Headers.Via.Single().ToString())
        );
        Assert.False(answer.Headers.Contains("X-Split"));
    }

    /// <summary>One that is to be passed on, two of the connection, and two that are no fields.</summary>
    private static JsonObject FieldsOfAllKinds() =>
        new()
        {
            ["X-Mine"] = "1",
            ["Connection"] = "close",
            ["Transfer-Encoding"] = "chunked",
            ["X bad"] = "2",
            ["X-Split"] = "a\r\nb: c",
        };

    [Fact]
    public async Task Hides_TheTokenWhereverItWas()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        relay.Directory.Put(LiveRelay.Connection("open", requiresAuthorization: false));
        await using var opened = await relay.Listen("open", token: LiveRelay.ListenToken("open"));
        var token = LiveRelay.SendToken();
        async Task<JsonNode> Seen(LiveListener at, string target, params string[] fields)
        {
            await using var sender = await relay.Dial();
            await sender.WriteAsync(
                Encoding.ASCII.GetBytes(
                    $"GET {target} HTTP/1.1\r\nHost: x\r\n{string.Concat(fields.Select(f => f + "\r\n"))}\r\n"
                )
            );
            return (await at.Next())!["request"]!;
        }

        Assert.Null(
            (await Seen(listener, "/site/core", $"Authorization: {token}"))["requestHeaders"]!["Authorization"]
        );
        var both = (
            await Seen(listener, "/site/core", $"ServiceBusAuthorization: {token}", "Authorization: Bearer mine")
        )["requestHeaders"]!;
        Assert.Equal("Bearer mine", (string)both["Authorization"]!);
        Assert.Null(both["ServiceBusAuthorization"]);
        var anonymous = await Seen(
            opened,
            $"/open?sb-hc-token={Uri.EscapeDataString(token)}&x=1",
            $"ServiceBusAuthorization: {token}",
            "Authorization: Basic mine",
            "Connection: X-Hop",
            "X-Hop: 1",
            "TE: trailers",
            "Via: 1.0 before"
        );
        Assert.DoesNotContain("SharedAccessSignature", anonymous.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(
            """{"Host":"x","Authorization":"Basic mine","Via":"1.0 before, 1.1 localhost"}""",
            anonymous["requestHeaders"]!.ToJsonString()
        );
        Assert.Equal("/open?x=1", (string)anonymous["requestTarget"]!);
    }

    [Fact]
    public async Task Fetches_LargeBodiesByRendezvousAndStreamsTheAnswer()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        var sent = new byte[300_000];
        Random.Shared.NextBytes(sent);
        using var asked = Request(HttpMethod.Post, "", new ByteArrayContent(sent));
        var asking = client.SendAsync(asked, HttpCompletionOption.ResponseHeadersRead, Wait.Token);
        var head = (await listener.Next())!;
        Assert.Equal(["address", "id"], head["request"]!.AsObject().Select(member => member.Key));
        using var met = await listener.Dial(LiveListener.Address(head));
        var request = JsonNode.Parse((await LiveListener.Read(met)).Bytes)!["request"]!;
        Assert.Equal(("POST", true), ((string)request["method"]!, (bool)request["body"]!));
        Assert.Equal(sent, (await LiveListener.Read(met)).Bytes);

        await ExpectStreamed(met, request, sent, asking);
        // There are listeners that never close: the relay does.
        Assert.Equal(WebSocketMessageType.Close, (await LiveListener.Read(met)).Type);
        await met.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    /// <summary>Answers in two pieces, the second of which is sent when the first has come.</summary>
    private static async Task ExpectStreamed(
        ClientWebSocket met,
        JsonNode request,
        byte[] sent,
        Task<HttpResponseMessage> asking
    )
    {
        await LiveListener.Send(met, Response(request, 200, hasBody: true).ToJsonString());
        await met.SendAsync(sent.AsMemory(0, 1000), WebSocketMessageType.Binary, false, Wait.Token);
        using var answer = await asking;
        var body = await answer.Content.ReadAsStreamAsync(Wait.Token);
        await body.ReadExactlyAsync(new byte[1000], Wait.Token);
        await met.SendAsync(sent.AsMemory(1000), WebSocketMessageType.Binary, false, Wait.Token);
        await met.SendAsync(Array.Empty<byte>(), WebSocketMessageType.Binary, true, Wait.Token);
        var rest = new MemoryStream();
        await body.CopyToAsync(rest, Wait.Token);
        Assert.Equal(sent[1000..], rest.ToArray());
    }

    [Fact]
    public async Task Accepts_LargeResponseToSmallRequestByRendezvous()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        using var asked = Request(HttpMethod.Get);
        var asking = client.SendAsync(asked, Wait.Token);
        var message = (await listener.Next())!;
        using var met = await listener.Dial(LiveListener.Address(message));
        await LiveListener.Send(met, Response(message["request"]!, 201, hasBody: true).ToJsonString());
        await met.SendAsync(new byte[2_000_000], WebSocketMessageType.Binary, true, Wait.Token);
        using var answer = await asking;
        Assert.Equal(
            (HttpStatusCode.Created, 2_000_000),
            (answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync(Wait.Token)).Length)
        );
    }

    [Fact]
    public async Task Closes1001_WhenTheSenderGoesWhileItsAnswerStreams()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var sender = await RawExchange.Request(relay);
        var message = (await listener.Next())!;
        using var met = await listener.Dial(LiveListener.Address(message));
        await LiveListener.Send(met, Response(message["request"]!, 200, hasBody: true).ToJsonString());
        await met.SendAsync(new byte[10], WebSocketMessageType.Binary, false, Wait.Token);
        await RawExchange.Head(sender);
        await sender.DisposeAsync();
        Assert.Equal(WebSocketMessageType.Close, (await LiveListener.Read(met)).Type);
        Assert.Equal((WebSocketCloseStatus)1001, met.CloseStatus);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    [Fact]
    public async Task Aborts_ResponseThatBreaksOff()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        using var asked = Request(HttpMethod.Get);
        var asking = client.SendAsync(asked, HttpCompletionOption.ResponseHeadersRead, Wait.Token);
        var message = (await listener.Next())!;
        using var met = await listener.Dial(LiveListener.Address(message));
        await LiveListener.Send(met, Response(message["request"]!, 200, hasBody: true).ToJsonString());
        await met.SendAsync(new byte[10], WebSocketMessageType.Binary, false, Wait.Token);
        using var answer = await asking;
        met.Abort();
        await Assert.ThrowsAnyAsync<Exception>(() => answer.Content.ReadAsByteArrayAsync(Wait.Token));
    }

    [Fact]
    public async Task Answers_502WithoutListenerAnd504WithoutAnswer()
    {
        await using var relay = await LiveRelay.Start(o => o with { ResponseTimeout = TimeSpan.FromSeconds(1) });
        using var client = relay.Client();
        using var first = Request(HttpMethod.Get);
        using var none = await client.SendAsync(first, Wait.Token);
        Assert.Equal(
            (HttpStatusCode.BadGateway, true),
            (
                none.StatusCode,
                none.ReasonPhrase!.StartsWith(
                    "There are no listeners connected for the endpoint. Path:site/core. TrackingId:",
                    StringComparison.Ordinal
                )
            )
        );
        Assert.Empty(none.Headers.Via);
        await using var listener = await relay.Listen();
        using var second = Request(HttpMethod.Get);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await client.SendAsync(second, Wait.Token)).StatusCode);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    [Fact]
    public async Task Selects_TheRequestedListener()
    {
        await using var relay = await LiveRelay.Start();
        var (one, other) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        await using var first = await relay.Listen(id: one);
        await using var second = await relay.Listen(id: other + "_G3");
        using var client = relay.Client();
        async Task<HttpResponseMessage> Send(string field, string ids, LiveListener? at)
        {
            using var request = Request(HttpMethod.Get);
            request.Headers.Add(field, ids);
            var asking = client.SendAsync(request);
            if (at is not null)
                await at.Send(Response((await at.Next())!["request"]!, 200, hasBody: false));
            return await asking;
        }

        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await Send("Microsoft-Relay-AllowedListeners", one, first)).StatusCode);
            Assert.Equal(
                HttpStatusCode.OK,
                (await Send("Microsoft-Relay-DisallowedListeners", $"x, {one.ToUpperInvariant()}", second)).StatusCode
            );
        }

        var nobody = await Send("Microsoft-Relay-AllowedListeners", Guid.NewGuid().ToString(), null);
        Assert.Equal(HttpStatusCode.NotFound, nobody.StatusCode);
        Assert.StartsWith(
            "None of the connected listeners meet the AllowedListeners/DisallowedListeners criteria",
            nobody.ReasonPhrase,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Keeps_TextAndBodyTogetherUnderLoad()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        var asking = Enumerable
            .Range(0, 200)
            .Select(async i =>
            {
                using var request = Request(
                    HttpMethod.Post,
                    "",
                    new ByteArrayContent(Encoding.ASCII.GetBytes($"{i}-" + new string('x', 20_000)))
                );
                using var answer = await client.SendAsync(request);
                Assert.StartsWith($"{i}-xxx", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            })
            .ToList();
        for (var i = 0; i < 200; i++)
        {
            var request = (await listener.Next())!["request"]!;
            var (type, body) = await LiveListener.Read(listener.Control);
            Assert.Equal(WebSocketMessageType.Binary, type);
            await listener.Send(Response(request, 200, hasBody: true));
            await listener.Control.SendAsync(body, WebSocketMessageType.Binary, true, Wait.Token);
        }

        await Task.WhenAll(asking);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    /// <summary>A sender that reads nothing holds its listener up, and not the relay's memory.</summary>
    [Fact]
    public async Task Blocks_TheListenerWhileTheSenderDoesNotRead()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await using var sender = await RawExchange.Request(relay);
        var message = (await listener.Next())!;
        using var met = await listener.Dial(LiveListener.Address(message));
        await LiveListener.Send(met, Response(message["request"]!, 200, hasBody: true).ToJsonString());
        var sent = 0L;
        var blasting = Task.Run(
            async () =>
            {
                for (; Interlocked.Read(ref sent) < 1L << 30; Interlocked.Add(ref sent, 65536))
                    await met.SendAsync(new byte[65536], WebSocketMessageType.Binary, false, CancellationToken.None);
            },
            TestContext.Current.CancellationToken
        );
        await Eventually.Holds(
            async () =>
            {
                var before = Interlocked.Read(ref sent);
                await Task.Delay(500, TestContext.Current.CancellationToken);
                return before > 0 && before == Interlocked.Read(ref sent);
            },
            "the listener is held up"
        );
        var reached = Interlocked.Read(ref sent);
        Assert.InRange(reached, 1, 64 << 20);
        // It is the reader that it waits for: once that reads, it goes on.
        var buffer = new byte[1 << 20];
        await Eventually.Holds(
            async () =>
            {
                _ = await sender.ReadAsync(buffer, TestContext.Current.CancellationToken);
                return Interlocked.Read(ref sent) > reached;
            },
            "the listener goes on"
        );
        met.Abort();
        await Assert.ThrowsAnyAsync<Exception>(() => blasting);
    }
}
