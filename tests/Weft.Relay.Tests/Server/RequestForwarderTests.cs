using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Weft.Relay.Tests.Server;

/// <summary>What of a request and of its response goes on to the other side.</summary>
public sealed class RequestForwarderTests
{
    /// <summary>
    /// The sender is answered at once, and the listener serves the next one. What is wrong is logged, once a minute.
    /// </summary>
    [Theory]
    [InlineData("99")]
    [InlineData("-1")]
    [InlineData("1000")]
    [InlineData("101")]
    [InlineData("200.5")]
    [InlineData("\"OK\"")]
    [InlineData("null")]
    public async Task Answers502AtOnce_WhereTheStatusIsNone(string status)
    {
        var log = new RecordingLog();
        // The clock stands still: no deadline passes.
        await using var relay = await LiveRelay.Start(clock: new FakeTimeProvider(DateTimeOffset.UtcNow), log: log);
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        async Task<HttpResponseMessage> Ask(string code)
        {
            using var asked = RequestEndpointTests.Request(HttpMethod.Get);
            var asking = client.SendAsync(asked, Wait.Token);
            var id = (string)(await listener.Next())!["request"]!["id"]!;
            var text = $$$"""{"response":{"requestId":"{{{id}}}","statusCode":{{{code}}},"body":true}}""";
            await LiveListener.Send(listener.Control, text);
            await listener.Control.SendAsync(new byte[3], WebSocketMessageType.Binary, true, Wait.Token);
            return await asking.WaitAsync(Eventually.Limit, Wait.Token);
        }

        for (var i = 0; i < 3; i++)
        {
            using var refused = await Ask(status);
            Assert.Equal(502, (int)refused.StatusCode);
            Assert.StartsWith("The listener answered with", refused.ReasonPhrase, StringComparison.Ordinal);
            Assert.Empty(refused.Headers.Via);
        }

        using var good = await Ask("200");
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Single(log.Lines, line => line.Contains("sent what can't be read", StringComparison.Ordinal));
    }

    /// <summary>The same where the response comes to the rendezvous.</summary>
    [Fact]
    public async Task Answers502AtOnce_WhereTheStatusAtTheRendezvousIsNone()
    {
        await using var relay = await LiveRelay.Start(clock: new FakeTimeProvider(DateTimeOffset.UtcNow));
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        using var asked = RequestEndpointTests.Request(HttpMethod.Get);
        var asking = client.SendAsync(asked, Wait.Token);
        var message = (await listener.Next())!;
        using var met = await listener.Dial(LiveListener.Address(message));
        await LiveListener.Send(
            met,
            RequestEndpointTests.Response(message["request"]!, 101, hasBody: false).ToJsonString()
        );
        Assert.Equal(WebSocketMessageType.Close, (await LiveListener.Read(met)).Type);
        await met.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        using var refused = await asking.WaitAsync(Eventually.Limit, Wait.Token);
        Assert.Equal(502, (int)refused.StatusCode);
    }

    /// <summary>A question mark alone is no query; one with anything behind it stays as it is.</summary>
    [Theory]
    [InlineData("?", "")]
    [InlineData("", "")]
    [InlineData("?sb-hc-id=x", "")]
    [InlineData("?&", "?&")]
    [InlineData("?a", "?a")]
    public async Task Passes_TheQueryOn_ButNoBareQuestionMark(string query, string seen)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await using var sender = await relay.Dial();
        await sender.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET /{LiveRelay.Path}{query} HTTP/1.1\r\nHost: x\r\n"
                    + $"ServiceBusAuthorization: {LiveRelay.SendToken()}\r\n\r\n"
            ),
            Wait.Token
        );
        var request = (await listener.Next())!["request"]!;
        Assert.Equal($"/{LiveRelay.Path}{seen}", (string)request["requestTarget"]!);
    }

    /// <summary>Fields that <c>Connection</c> names are of this hop (RFC 9110, section 7.6.1), also a listener's.</summary>
    [Theory]
    [InlineData("Connection: X-Hop")]
    [InlineData("CONNECTION: x-hOP")]
    [InlineData("Connection: keep-alive, \t X-HOP \t ,,close")]
    [InlineData("Connection: keep-alive", "Connection: X-Hop")]
    [InlineData("Connection: X-Hop, Host, Upgrade")]
    public async Task Keeps_FieldsThatConnectionNamesToTheirHop(params string[] connection)
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        await using var sender = await relay.Dial();
        await sender.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET /{LiveRelay.Path} HTTP/1.1\r\nHost: x\r\n{string.Join("\r\n", connection)}\r\n"
                    + $"x-Hop: 1\r\nX-Mine: 2\r\nServiceBusAuthorization: {LiveRelay.SendToken()}\r\n\r\n"
            ),
            Wait.Token
        );
        var request = (await listener.Next())!["request"]!;
        Assert.Equal("""{"Host":"x","X-Mine":"2","Via":"1.1 localhost"}""", request["requestHeaders"]!.ToJsonString());

        var fields = new JsonObject { ["x-Hop"] = "1", ["X-Mine"] = "2" };
        foreach (var field in connection.GroupBy(field => field.Split(": ")[0]))
            fields[field.Key] = new JsonArray([.. field.Select(one => (JsonNode)one.Split(": ", 2)[1])]);
        await listener.Send(RequestEndpointTests.Response(request, 200, hasBody: false, headers: fields));
        var head = await RawExchange.Head(sender);
        Assert.StartsWith("HTTP/1.1 200 ", head, StringComparison.Ordinal);
        Assert.Contains("\r\nX-Mine: 2\r\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("x-hop", head, StringComparison.OrdinalIgnoreCase);
    }
}
