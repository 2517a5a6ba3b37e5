using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Server;

/// <summary>
/// The form of Azure Relay: a namespace is a host, or the relay's own names stand for one. The connection is
/// <c>site/core</c>.
/// </summary>
public sealed class NamespaceHostTests
{
    private const string Host = "Site.relays.test";

    /// <summary>By which host each comes; the path each uses, where the listener is sent, and what it is told.</summary>
    [Theory]
    [InlineData(Host, "core", Host, "core", "site.relays.test", "core")]
    [InlineData(Host, "core", "localhost", "site/core", "site.relays.test", "core")]
    [InlineData("localhost", "site/core", Host, "core", "localhost", "site/core")]
    [InlineData("localhost", "site/core", "evil.example", "site/core", "localhost", "site/core")]
    public async Task Joins_WhoeverNamesTheSameConnection(
        string listenerHost,
        string listenerPath,
        string senderHost,
        string senderPath,
        string metHost,
        string metPath
    )
    {
        await using var relay = await Start(hosts => hosts with { Suffix = "relays.test" });
        await ExpectJoined(relay, (listenerHost, listenerPath), (senderHost, senderPath), metHost, metPath);
    }

    [Theory]
    [InlineData("core", "core", "core")]
    [InlineData("core", "site/core", "core")]
    [InlineData("site/core", "core", "site/core")]
    public async Task Joins_UnderTheDefaultNamespace(string listenerPath, string senderPath, string metPath)
    {
        await using var relay = await Start(hosts => hosts with { DefaultNamespace = "site" });
        await ExpectJoined(relay, ("localhost", listenerPath), ("localhost", senderPath), "localhost", metPath);
    }

    /// <summary>A host of one namespace leads to no other, and what is signed for one isn't good for another.</summary>
    [Theory]
    [InlineData("other.relays.test", "core", "http://localhost/site/core", "401 The token has an invalid signature")]
    [InlineData("site.relays.test", "core", "http://other.relays.test/core", "403 The token is for another path")]
    [InlineData("site.relays.test", "core", "http://site.evil.test/core", "401 The token is for another host")]
    [InlineData("site.relays.test", "core", "http://localhost/core", "403 The token is for another path")]
    [InlineData("site.relays.test", "site/core", "http://localhost/", "401 The token has an invalid signature")]
    [InlineData("site.relays.test", "core", "http://site.relays.test/", "404 There are no listeners")]
    [InlineData("site.relays.test", "core", "sb://SITE.relays.test:443/core/", "404 There are no listeners")]
    [InlineData("localhost", "site/core", "http://site.relays.test/core", "404 There are no listeners")]
    public async Task Keeps_NamespacesApart(string host, string path, string audience, string answer)
    {
        await using var relay = await Start(hosts => hosts with { Suffix = "relays.test" });
        var token = SharedAccessSignature.Sign(audience, "send", LiveRelay.SendKey, DateTimeOffset.UtcNow.AddHours(1));
        var request = RawExchange
            .GoodHandshake($"/$hc/{path}", $"ServiceBusAuthorization: {token}")
            .Replace("attacker.example", host, StringComparison.Ordinal);
        Assert.StartsWith($"HTTP/1.1 {answer}", await RawExchange.Send(relay, request), StringComparison.Ordinal);
    }

    private static Task<LiveRelay> Start(Func<RelayHosts, RelayHosts> hosts) =>
        LiveRelay.Start(o => o with { Hosts = hosts(new(o.PublicAddress)) });

    private static async Task ExpectJoined(
        LiveRelay relay,
        (string Host, string Path) listener,
        (string Host, string Path) sender,
        string metHost,
        string metPath
    )
    {
        using var control = await Dial(relay, listener.Host, $"/$hc/{listener.Path}?sb-hc-action=listen", "listen");
        var connecting = Dial(relay, sender.Host, $"/$hc/{sender.Path}/ssh?a=1", "send");
        var address = LiveListener.Address(await Next(control));
        Assert.StartsWith(
            $"ws://{metHost}:{relay.Port}/$hc/{metPath}/ssh?a=1&sb-hc-action=accept&sb-hc-id=",
            address,
            StringComparison.Ordinal
        );
        var met = new Uri(address);
        using var accepted = await Dial(relay, met.Host, met.PathAndQuery, null);
        using var connected = await connecting;
        await connected.SendAsync(new byte[3], WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Equal(3, (await LiveListener.Read(accepted)).Bytes.Length);

        using var client = relay.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/{sender.Path}/x%20y?a=1&sb-hc-id=2");
        request.Headers.Host = sender.Host;
        request.Headers.Add("ServiceBusAuthorization", TokenFor(sender.Host, "send"));
        var asking = client.SendAsync(request, Wait.Token);
        var asked = (await Next(control))["request"]!;
        Assert.Equal($"/{metPath}/x%20y?a=1", (string)asked["requestTarget"]!);
        Assert.StartsWith(
            $"ws://{metHost}:{relay.Port}/$hc/{metPath}/x%20y?a=1&sb-hc-action=request&",
            (string)asked["address"]!,
            StringComparison.Ordinal
        );
        await LiveListener.Send(
            control,
            $$$"""{"response":{"requestId":"{{{asked["id"]}}}","statusCode":204,"body":false}}"""
        );
        using var answer = await asking;
        Assert.Equal(204, (int)answer.StatusCode);
    }

    private static async Task<JsonObject> Next(WebSocket control) =>
        JsonNode.Parse((await LiveListener.Read(control)).Bytes)!.AsObject();

    private static Task<ClientWebSocket> Dial(LiveRelay relay, string host, string target, string? rule) =>
        relay.Connect(
            target,
            rule is null ? null : TokenFor(host, rule),
            options => options.SetRequestHeader("Host", host)
        );

    /// <summary>As Azure's clients sign: for the host that they dial.</summary>
    private static string TokenFor(string host, string rule) =>
        SharedAccessSignature.Sign(
            $"http://{(host == "evil.example" ? "localhost" : host)}/",
            rule,
            rule == "listen" ? LiveRelay.ListenKey : LiveRelay.SendKey,
            DateTimeOffset.UtcNow.AddHours(1)
        );
}
