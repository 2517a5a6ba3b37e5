using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class ControlMessageTests
{
    private static readonly IPEndPoint Somebody = new(IPAddress.Parse("::ffff:10.0.0.1"), 1234);

    [Fact]
    public void Writes_AcceptAsTheClientsReadIt()
    {
        var text = Text(
            new AcceptMessage(
                "wss://r/$hc/p?a=1&sb-hc-id=x+y",
                "G_0",
                [new("Host", "r"), new("X", "<1>"), new("x", "2")],
                Somebody
            )
        );
        Assert.Equal(
            """{"accept":{"address":"wss://r/$hc/p?a=1&sb-hc-id=x+y","id":"G_0","connectHeaders":"""
                + """{"Host":"r","X":"<1>, 2"},"remoteEndpoint":{"address":"10.0.0.1","port":1234}}}""",
            text
        );
    }

    [Fact]
    public void Omits_MethodAndHeadersOfALargeRequest() =>
        Assert.Equal(
            """{"request":{"address":"wss://r","id":"1"}}""",
            Text(new RequestMessage("wss://r", "1") { RequestTarget = "/x", HasBody = true })
        );

    [Fact]
    public void Reads_WhatItWrites()
    {
        Same(
            new AcceptMessage(
                "wss://r",
                "1",
                [new("Host", "r"), new("Ü", "\"\u0001\\ü+")],
                new(IPAddress.IPv6Loopback, 1)
            )
        );
        Same(new AcceptMessage("wss://r", "1", [], null));
        Same(new RequestMessage("wss://r", "1"));
        Same(
            new RequestMessage("wss://r", "1")
            {
                Method = "GET",
                RequestTarget = "/x?y=1",
                RequestHeaders = [new("A", "b")],
                RemoteEndpoint = new(IPAddress.Loopback, 2),
                HasBody = true,
            }
        );
        Same(new ResponseMessage("1", 418, "I'm a teapot", [new("A", "b")], true));
        Same(new ResponseMessage("1", 204, null, [], false));
        Same(new RenewTokenMessage("SharedAccessSignature sr=a%2f&sig=+&se=1&skn=x"));
    }

    [Theory]
    [InlineData("200")]
    [InlineData("\"200\"")]
    public void Reads_AStatusAsNumberOrText(string status)
    {
        Assert.True(
            Read(
                $$$"""{"later":{},"response":{"requestId":"1","statusCode":{{{status}}},"""
                    + """ "responseHeaders":{"Content-Length":12,"Set-Cookie":["a","b"],"X":null},"new":[1]}}""",
                out var message,
                out _
            )
        );
        var response = Assert.IsType<ResponseMessage>(message);
        Assert.Equal((200, false, null), (response.StatusCode, response.HasBody, response.StatusDescription));
        Assert.Equal(
            [new HeaderField("Content-Length", "12"), new("Set-Cookie", "a"), new("Set-Cookie", "b")],
            response.ResponseHeaders
        );
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"pong":{"x":1}}""")]
    public void Skips_MessagesThatArentKnown(string text)
    {
        Assert.False(Read(text, out _, out var fault));
        Assert.Null(fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("{\"accept\":")]
    [InlineData("{\"accept\":1}")]
    [InlineData("{\"accept\":{\"id\":\"1\"}}")]
    [InlineData("{\"accept\":{\"address\":\"\",\"id\":\"1\"}}")]
    [InlineData("{\"accept\":{\"address\":\"\\ud800\",\"id\":\"1\"}}")]
    [InlineData("{\"request\":{\"address\":\"a\",\"id\":1}}")]
    [InlineData("{\"response\":{\"statusCode\":200}}")]
    [InlineData("{\"renewToken\":{}}")]
    [InlineData("{\"renewToken\":{\"token\":[[[[[[[[[[]]]]]]]]]]}}")]
    public void Reports_WhatIsWrong(string text)
    {
        Assert.False(Read(text, out _, out var fault));
        Assert.NotNull(fault);
    }

    /// <summary>Somebody waits for it: it is a response, and its status none.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(""", "statusCode":99""")]
    [InlineData(""", "statusCode":-1""")]
    [InlineData(""", "statusCode":0""")]
    [InlineData(""", "statusCode":100""")]
    [InlineData(""", "statusCode":101""")]
    [InlineData(""", "statusCode":1000""")]
    [InlineData(""", "statusCode":1e9""")]
    [InlineData(""", "statusCode":99999999999999999999""")]
    [InlineData(""", "statusCode":200.5""")]
    [InlineData(""", "statusCode":"2oo" """)]
    [InlineData(""", "statusCode":"" """)]
    [InlineData(""", "statusCode":" 200" """)]
    [InlineData(""", "statusCode":"-200" """)]
    [InlineData(""", "statusCode":"١٠٠" """)]
    [InlineData(""", "statusCode":"\ud800" """)]
    [InlineData(""", "statusCode":null""")]
    [InlineData(""", "statusCode":true""")]
    [InlineData(""", "statusCode":[200]""")]
    [InlineData(""", "statusCode":{}""")]
    [InlineData(""", "statusCode":200,"statusDescription":"\ud800" """)]
    [InlineData(""", "statusCode":200,"responseHeaders":{"a":"\ud800"}""")]
    public void Reads_AResponseWithoutAStatus(string members)
    {
        var text = $$$"""{"response":{"requestId":"1","body":true{{{members}}}}}""";
        Assert.True(Read(text, out var message, out var fault));
        var response = Assert.IsType<ResponseMessage>(message);
        Assert.Equal(
            ("1", ResponseMessage.NoStatus, true),
            (response.RequestId, response.StatusCode, response.HasBody)
        );
        Assert.NotNull(fault);
    }

    [Fact]
    public void Never_ThrowsOnGarbage()
    {
        var good = Encoding.UTF8.GetBytes(
            """{"response":{"requestId":"1","statusCode":200,"responseHeaders":{"a\u00e9":["b"]},"""
                + """ "remoteEndpoint":{"address":"::1","port":70000}}}"""
        );
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length])
            .Sample(c =>
            {
                var bytes = good.ToArray();
                bytes[c.Item1] = c.Item2;
                ControlMessage.TryRead(bytes.AsMemory(0, c.Item3), out _, out _);
                ControlMessage.TryRead(bytes, out _, out _);
            });
        Gen.Byte.Array.Sample(bytes =>
        {
            ControlMessage.TryRead(bytes, out _, out _);
        });
    }

    [Fact]
    public void Refuses_MessagesAboveTheBound()
    {
        var large = new AcceptMessage("wss://r", "1", [new("X", new string('x', ControlMessage.MaxSentSize))], null);
        Assert.Null(large.Write());
        Assert.NotNull(large.Write(int.MaxValue));
        Assert.False(ControlMessage.TryRead(new byte[ControlMessage.MaxReceivedSize + 1], out _, out var fault));
        Assert.Contains("65536", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Hides_TheToken() =>
        Assert.DoesNotContain("secret", new RenewTokenMessage("secret").ToString(), StringComparison.Ordinal);

    private static bool Read(string text, out ControlMessage? message, out string? fault) =>
        ControlMessage.TryRead(Encoding.UTF8.GetBytes(text), out message, out fault);

    private static string Text(ControlMessage message) => Encoding.UTF8.GetString(message.Write()!);

    private static void Same(ControlMessage message)
    {
        Assert.NotNull(JsonNode.Parse(message.Write()));
        Assert.True(ControlMessage.TryRead(message.Write(), out var read, out var fault), fault);
        Assert.Equal(message.GetType(), read!.GetType());
        Assert.Equal(Text(message), Text(read));
    }
}
