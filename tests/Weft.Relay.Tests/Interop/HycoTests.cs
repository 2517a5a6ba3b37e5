using System.Net;
using System.Net.WebSockets;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Tests.Interop;

/// <summary>Azure Relay's own libraries for Node, over TLS.</summary>
public sealed class HycoTests
{
    private static readonly string[] Sizes = ["1", "125", "126", "4096", "65535", "65536", "1048576", "8388608"];

    [Fact]
    public async Task Echoes_FromHycoWsToHycoWs()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-ws.js");
        await using var sender = await NodeProgram.Send(relay.Sending, "send-ws.js", Sizes);
        var said = await sender.Rest();
        Assert.Equal([.. Sizes.Select(size => size + " whole"), "done", "closed 1000"], said);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(listeners: 1, grants: 1));
    }

    [Fact]
    public async Task Echoes_ManyAtOnce()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var one = await NodeProgram.Listen(relay.Listening, "listen-ws.js");
        await using var other = await NodeProgram.Listen(relay.Listening, "listen-ws.js");
        await Task.WhenAll(
            Enumerable
                .Range(0, 40)
                .Select(async i =>
                {
                    using var sender = await relay.Send();
                    var sent = new byte[1 + (i * 5000)];
                    Random.Shared.NextBytes(sent);
                    await sender.SendAsync(sent, WebSocketMessageType.Binary, true, CancellationToken.None);
                    Assert.Equal(sent, (await LiveListener.Read(sender)).Bytes);
                    await sender.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
                })
        );
        Assert.Equal(2, relay.Audit.Events.Where(e => e.Kind == RelayEventKind.SessionOpened).Count() / 20);
    }

    /// <summary>
    /// As they are used with Azure: the host is the namespace, and the path the connection's name alone.
    /// </summary>
    [Fact]
    public async Task Serves_ClientsThatNameNoNamespace()
    {
        await using var relay = await LiveRelay.Start(
            o => o with { Hosts = new(o.PublicAddress) { DefaultNamespace = "site" } },
            isSecure: true
        );
        await using (await NodeProgram.Listen(relay.Listening with { Path = "core" }, "listen-ws.js"))
        {
            await using var sender = await NodeProgram.Send(relay.Sending with { Path = "core" }, "send-ws.js", "4096");
            Assert.Equal(["4096 whole", "done", "closed 1000"], await sender.Rest());
        }

        await relay.WaitUntilEmpty();
        await using var listener = await NodeProgram.Listen(relay.Listening with { Path = "core" }, "listen-http.js");
        await using var asking = await NodeProgram.Send(
            relay.Sending with
            {
                Path = "core",
            },
            "send-https.js",
            "POST:/b:65537"
        );
        Assert.Equal(["POST:/b:65537 200 65537 whole"], await asking.Rest());
    }

    [Fact]
    public async Task Carries_RequestsSmallAndLargeBothWays()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-http.js");
        string[] requests =
        [
            "POST:/a:1",
            "POST:/b:65536",
            "POST:/c:65537",
            "PUT:/d:8388608",
            "GET:/e:0",
            "GET:/size/1:0",
            "GET:/size/60000:0",
            "GET:/size/70000:0",
            "GET:/size/8388608:0",
            "POST:/size/9000000:7000000",
            "DELETE:/f?status=404:3",
        ];
        await using var sender = await NodeProgram.Send(relay.Sending, "send-https.js", requests);
        var said = await sender.Rest();
        Assert.Equal(
            new[]
            {
                "POST:/a:1 200 1 whole",
                "POST:/b:65536 200 65536 whole",
                "POST:/c:65537 200 65537 whole",
                "PUT:/d:8388608 200 8388608 whole",
                "GET:/e:0 200 0 whole",
                "GET:/size/1:0 200 1 other",
                "GET:/size/60000:0 200 60000 other",
                "GET:/size/70000:0 200 70000 other",
                "GET:/size/8388608:0 200 8388608 other",
                "POST:/size/9000000:7000000 200 9000000 other",
                "DELETE:/f?status=404:3 404 3 whole",
            }.Order(StringComparer.Ordinal),
            said.Order(StringComparer.Ordinal)
        );
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(listeners: 1, grants: 1));
    }

    [Fact]
    public async Task Passes_TargetAndMethodUnchanged()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-http.js");
        using var client = relay.Client();
        client.DefaultRequestHeaders.Add("ServiceBusAuthorization", LiveRelay.SendToken());
        foreach (
            var (sent, expected) in ((string, string)[])
                [
                    ("?sb-hc-id=1", ""),
                    ("?sb-hc-undefined", "?sb-hc-undefined"),
                    ("?sb-hc-whatever=", ""),
                    ("?a=1&a=2&", "?a=1&a=2&"),
                    ("?&&&", "?&&&"),
                    ("?&custom&value&", "?&custom&value&"),
                ]
        )
        {
            using var answer = await client.GetAsync(
                new Uri($"/{LiveRelay.Path}/x{sent}", UriKind.Relative),
                TestContext.Current.CancellationToken
            );
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(
                ($"/{LiveRelay.Path}/x{expected}", "GET", "none"),
                (
                    answer.Headers.GetValues("X-Target").Single(),
                    answer.Headers.GetValues("X-Method").Single(),
                    answer.Headers.GetValues("X-Token").Single()
                )
            );
            Assert.Equal("1.1 localhost", answer.Headers.Via.Single().ToString());
        }
    }

    [Theory]
    [InlineData("listen-ws.js")]
    [InlineData("listen-http.js")]
    public async Task Stays_WhileItsTokenIsRenewed(string program)
    {
        await using var relay = await LiveRelay.Start(
            o =>
                o with
                {
                    LeastTokenGrace = TimeSpan.FromSeconds(1),
                    TokenGrace = TimeSpan.FromSeconds(1),
                    ListenerTokenSkew = TimeSpan.Zero,
                },
            isSecure: true
        );
        await using var renewing = await NodeProgram.Listen(
            relay.Listening,
            program,
            ("RENEW", "1000"),
            ("LASTS", "5")
        );
        var id = Assert.Single(relay.Relay.GetStatus().Listeners).Id;
        // One that begins later with a token as short, and doesn't renew it, shows when the time is over.
        await using var silent = await NodeProgram.Listen(relay.Listening, "listen-http.js", ("LASTS", "5"));
        await UntilOneIsGone(relay);
        silent.Kill();
        Assert.Contains(relay.Relay.GetStatus().Listeners, listener => listener.Id == id);
    }

    private static Task UntilOneIsGone(LiveRelay relay) =>
        Eventually.Holds(
            () => relay.Audit.Events.Any(e => e.Kind == RelayEventKind.ListenerGone),
            "a listener is gone"
        );

    [Fact]
    public async Task Ends_WhoseTokenIsNotRenewed()
    {
        await using var relay = await LiveRelay.Start(
            o =>
                o with
                {
                    LeastTokenGrace = TimeSpan.FromSeconds(1),
                    TokenGrace = TimeSpan.FromSeconds(1),
                    ListenerTokenSkew = TimeSpan.Zero,
                },
            isSecure: true
        );
        await using var silent = await NodeProgram.Listen(relay.Listening, "listen-http.js", ("LASTS", "2"));
        await UntilOneIsGone(relay);
        var gone = relay.Audit.Events.First(e => e.Kind == RelayEventKind.ListenerGone);
        Assert.Equal((1008, "the token expired and was not renewed"), (gone.Status, gone.Reason));
    }

    [Fact]
    public async Task Notices_KillOfEitherSide()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-ws.js");
        await using var sender = await NodeProgram.Send(
            relay.Sending,
            "send-ws.js",
            [.. Enumerable.Repeat("100000", 100_000).Take(5000)]
        );
        sender.Next();
        sender.Kill();
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(listeners: 1, grants: 1));

        using var left = await relay.Send();
        await left.SendAsync(new byte[1], WebSocketMessageType.Binary, true, CancellationToken.None);
        await LiveListener.Read(left);
        listener.Kill();
        await Assert.ThrowsAnyAsync<WebSocketException>(() => LiveListener.Read(left));
        Assert.Equal((0, 0, 0, 0, 0), await relay.WaitUntilEmpty());
    }

    /// <summary>hyco-ws tries twice for each attempt that fails, so that several listeners come back for one.</summary>
    [Fact]
    public async Task Reconnects_WhenTheRelayRestarts()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-ws.js");
        await relay.Restart();
        await listener.Until("listening");
        using var sender = await relay.Send();
        await sender.SendAsync(new byte[] { 7 }, WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Equal([7], (await LiveListener.Read(sender)).Bytes);
    }

    [Fact]
    public async Task AnswersAgain_WhenTheRelayComesBack()
    {
        await using var relay = await LiveRelay.Start(isSecure: true);
        await using var listener = await NodeProgram.Listen(relay.Listening, "listen-http.js");
        await relay.Restart();
        await listener.Until("listening");
        await using var sender = await NodeProgram.Send(relay.Sending, "send-https.js", "POST:/again:100000");
        var said = await sender.Rest();
        Assert.Equal(["POST:/again:100000 200 100000 whole"], said);
    }
}
