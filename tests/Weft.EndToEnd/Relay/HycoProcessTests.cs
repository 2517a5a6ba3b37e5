namespace Weft.EndToEnd.Relay;

/// <summary>
/// Azure Relay's own libraries for Node at a weftd that is a process, over TLS, with keys that its API shows.
/// </summary>
public sealed class HycoProcessTests
{
    /// <summary>
    /// Bytes around each boundary of a frame's length and of a control message, and the largest that the libraries are
    /// held to.
    /// </summary>
    private static readonly string[] Sizes = ["1", "125", "126", "4096", "65535", "65536", "1048576", "8388608"];

    /// <summary>
    /// How many seconds a short token lasts. weftd takes a token for five minutes after it expired, and no test waits
    /// that long: one that expired 292 s ago is good for eight more.
    /// </summary>
    private const string Short = "-292";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Echoes_FromHycoWsToHycoWs(bool byNamespace)
    {
        await using var site = await HybridSite.Start();
        var echo = await site.CreateConnection("echo");
        var (scope, listen, send) = byNamespace
            ? (HybridSite.Space, "RootManageSharedAccessKey", "RootManageSharedAccessKey")
            : (echo, "listen", "send");
        await using var listener = await NodeProgram.Listen(await site.Enter(echo, listen, scope), "listen-ws.js");
        Assert.Equal(1, await site.ListenersOf(echo));

        await using var sender = await NodeProgram.Send(await site.Enter(echo, send, scope), "send-ws.js", Sizes);

        var said = await sender.Rest();
        Assert.Equal([.. Sizes.Select(size => size + " whole"), "done", "closed 1000"], said);
        await site.WaitForListeners(listeners: 1);
        var bytes = Sizes.Sum(long.Parse);
        var closed = await site.WaitForAudit(echo, "SessionClosed");
        Assert.True((long)closed["bytesUp"]! >= bytes && (long)closed["bytesDown"]! >= bytes, closed.ToJsonString());
        Assert.Equal(send, closed["key"]!.ToString());
    }

    [Fact]
    public async Task Carries_RequestsSmallAndLargeBothWays()
    {
        await using var site = await HybridSite.Start();
        var web = await site.CreateConnection("web");
        await using var listener = await site.Listen(web, "listen-http.js");
        (string Sent, string Heard)[] requests =
        [
            ("GET:/a:0", "200 0 whole"),
            ("POST:/b:1", "200 1 whole"),
            ("POST:/c:65536", "200 65536 whole"),
            ("POST:/d:65537", "200 65537 whole"),
            ("PUT:/e:8388608", "200 8388608 whole"),
            ("GET:/size/1:0", "200 1 other"),
            ("GET:/size/70000:0", "200 70000 other"),
            ("GET:/size/8388608:0", "200 8388608 other"),
            ("POST:/size/1:8000000", "200 1 other"),
            ("POST:/size/9000000:1", "200 9000000 other"),
            ("DELETE:/f?status=404:3", "404 3 whole"),
        ];

        var said = await site.SendToEnd(web, "send-https.js", [.. requests.Select(r => r.Sent)]);

        Assert.Equal(
            requests.Select(r => $"{r.Sent} {r.Heard}").Order(StringComparer.Ordinal),
            said.Order(StringComparer.Ordinal)
        );
        await site.WaitForListeners(listeners: 1);
    }

    [Fact]
    public async Task Serves_ManyAtOnce()
    {
        await using var site = await HybridSite.Start();
        var (echo, web) = (await site.CreateConnection("echo"), await site.CreateConnection("web"));
        await using var one = await site.Listen(echo, "listen-ws.js");
        await using var other = await site.Listen(echo, "listen-ws.js");
        await using var third = await site.Listen(web, "listen-http.js");
        string[] sizes = ["1", "70000", "300000"];
        // Eighty sessions that are all open before any of them is spoken in.
        var senders = await Task.WhenAll(StartSender(), StartSender());

        await AskAHundredTimes(site, web);

        var expected = sizes
            .Select(size => size + " whole")
            .Concat(["done", "closed 1000"])
            .SelectMany(line => Enumerable.Repeat(line, 40))
            .Order(StringComparer.Ordinal);
        foreach (var sender in senders)
        {
            Assert.Equal(expected, (await sender.Rest()).Order(StringComparer.Ordinal));
            await sender.DisposeAsync();
        }

        await site.WaitForListeners(listeners: 3);
        Assert.Equal(
            (80, 100),
            ((int)(await site.Status())["totals"]!["sessions"]!, (int)(await site.Status())["totals"]!["requests"]!)
        );

        async Task<NodeProgram> StartSender() =>
            await NodeProgram.Start(await site.Enter(echo, "send"), "send-ws.js", sizes, ("TIMES", "40"));
    }

    [Fact]
    public async Task Keeps_ListenersThatRenew_AndNoOthers()
    {
        await using var site = await HybridSite.Start();
        var (echo, web, silent) = (
            await site.CreateConnection("echo"),
            await site.CreateConnection("web"),
            await site.CreateConnection("silent")
        );
        await using var one = await site.Listen(echo, "listen-ws.js", ("LASTS", Short), ("RENEW", "1000"));
        await using var other = await site.Listen(web, "listen-http.js", ("LASTS", Short), ("RENEW", "1000"));
        await using var third = await site.Listen(silent, "listen-http.js", ("LASTS", Short));
        var (ofEcho, ofWeb) = (await site.ListenerOf(echo), await site.ListenerOf(web));

        var gone = await site.WaitForAudit(silent, "ListenerGone");
        Assert.Equal(
            ("1008", "the token expired and was not renewed"),
            (gone["status"]!.ToString(), gone["reason"]!.ToString())
        );
        Assert.NotNull(ofEcho);
        Assert.NotNull(ofWeb);
        Assert.Equal(["1000 whole", "done", "closed 1000"], await site.SendToEnd(echo, "send-ws.js", "1000"));
        Assert.Equal(["POST:/a:1000 200 1000 whole"], await site.SendToEnd(web, "send-https.js", "POST:/a:1000"));
        // They began a little before the third, and have served since it went.
        Assert.Equal((ofEcho, ofWeb), (await site.ListenerOf(echo), await site.ListenerOf(web)));
    }

    [Fact]
    public async Task Outlives_TheKillOfASender()
    {
        await using var site = await HybridSite.Start();
        var (echo, web) = (await site.CreateConnection("echo"), await site.CreateConnection("web"));
        await using var one = await site.Listen(echo, "listen-ws.js");
        await using var other = await site.Listen(web, "listen-http.js");
        var (ofEcho, ofWeb) = (await site.ListenerOf(echo), await site.ListenerOf(web));
        await using var talking = await site.Send(echo, "send-ws.js", Endless);
        await using var waiting = await site.Send(web, "send-https.js", "POST:/never:100000");
        Assert.Equal("100000 whole", talking.Next());
        await other.Until("asked");

        talking.Kill();
        waiting.Kill();

        await site.WaitForListeners(listeners: 2);
        Assert.Equal((ofEcho, ofWeb), (await site.ListenerOf(echo), await site.ListenerOf(web)));
        Assert.Equal(["100000 whole", "done", "closed 1000"], await site.SendToEnd(echo, "send-ws.js", "100000"));
        Assert.Equal(["POST:/a:100000 200 100000 whole"], await site.SendToEnd(web, "send-https.js", "POST:/a:100000"));
    }

    [Fact]
    public async Task Notifies_SendersWhoseListenerWasKilled_AndServesTheNext()
    {
        await using var site = await HybridSite.Start();
        var (echo, web) = (await site.CreateConnection("echo"), await site.CreateConnection("web"));
        await using var one = await site.Listen(echo, "listen-ws.js");
        await using var other = await site.Listen(web, "listen-http.js");
        await using var talking = await site.Send(echo, "send-ws.js", Endless);
        await using var waiting = await site.Send(web, "send-https.js", "POST:/never:1");
        Assert.Equal("100000 whole", talking.Next());
        await other.Until("asked");

        one.Kill();
        other.Kill();

        Assert.Equal("closed 1006", (await talking.Rest())[^1]);
        Assert.StartsWith("POST:/never:1 502 ", Assert.Single(await waiting.Rest()), StringComparison.Ordinal);
        await site.WaitForListeners(listeners: 0);
        await using var nextOne = await site.Listen(echo, "listen-ws.js");
        await using var nextOther = await site.Listen(web, "listen-http.js");
        Assert.Equal(["100000 whole", "done", "closed 1000"], await site.SendToEnd(echo, "send-ws.js", "100000"));
        Assert.Equal(["POST:/a:100000 200 100000 whole"], await site.SendToEnd(web, "send-https.js", "POST:/a:100000"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reconnects_AfterWeftd(bool politely)
    {
        await using var site = await HybridSite.Start();
        var (echo, web) = (await site.CreateConnection("echo"), await site.CreateConnection("web"));
        await using var one = await site.Listen(echo, "listen-ws.js", ("ONCE", "1"));
        await using var other = await site.Listen(web, "listen-http.js");
        await using var talking = await site.Send(echo, "send-ws.js", Endless);
        Assert.Equal("100000 whole", talking.Next());
        var before = await site.Enter(echo, "listen");

        if (politely)
            Assert.Equal(0, await site.Weftd.Stop());
        else
            await site.Weftd.Kill();
        var last = (await talking.Rest())[^1];
        await site.Weftd.Start();

        Assert.Equal(politely ? "closed 1001" : "closed 1006", last);
        Assert.Equal(before, await site.Enter(echo, "listen"));
        await one.Until("listening");
        await other.Until("listening");
        Assert.Equal(["8388608 whole", "done", "closed 1000"], await site.SendToEnd(echo, "send-ws.js", "8388608"));
        Assert.Equal(["POST:/a:100000 200 100000 whole"], await site.SendToEnd(web, "send-https.js", "POST:/a:100000"));
        await site.WaitForListeners(listeners: 2);
    }

    /// <summary>
    /// hyco-ws connects twice for each attempt that fails, at once and for ever. What was one listener is hundreds
    /// after a second without weftd, of which the relay lets in as many as there may be.
    /// </summary>
    [Fact]
    public async Task Survives_AListenerThatReconnectsManyTimesOver()
    {
        await using var site = await HybridSite.Start();
        var (echo, web) = (await site.CreateConnection("echo"), await site.CreateConnection("web"));
        await using var many = await site.Listen(echo, "listen-ws.js");
        await using var other = await site.Listen(web, "listen-http.js");

        await site.Weftd.Kill();
        await site.Weftd.Start();

        await other.Until("listening");
        await Eventually.Holds(
            async () => await site.ListenersOf(echo) == 25,
            "25 listeners came back",
            async () => (await site.Status()).ToJsonString()
        );
        Assert.Equal(
            ["POST:/a:1000000 200 1000000 whole"],
            await site.SendToEnd(web, "send-https.js", "POST:/a:1000000")
        );
        many.Kill();
        await site.WaitForListeners(listeners: 1);
        await using var next = await site.Listen(echo, "listen-ws.js");
        Assert.Equal(["100000 whole", "done", "closed 1000"], await site.SendToEnd(echo, "send-ws.js", "100000"));
    }

    [Fact]
    public async Task Refuses_TheOldKey_OnceThereIsANewOne()
    {
        await using var site = await HybridSite.Start();
        var web = await site.CreateConnection("web");
        var (oldListen, oldSend) = (await site.Enter(web, "listen"), await site.Enter(web, "send"));
        await using var old = await NodeProgram.Listen(oldListen, "listen-http.js");
        Assert.Equal(["POST:/a:1 200 1 whole"], await site.SendToEnd(web, "send-https.js", "POST:/a:1"));

        await site.Regenerate(web, "listen");
        await site.Regenerate(web, "send");

        Assert.Equal(("1008", "the key of your token is no longer good"), await Gone());
        await old.Until("error Unexpected server response: 401");
        Assert.Equal(0, await site.ListenersOf(web));
        await using var fresh = await site.Listen(web, "listen-http.js");
        await using var byOld = await NodeProgram.Send(oldSend, "send-https.js", "POST:/b:1");
        Assert.StartsWith("POST:/b:1 401 ", Assert.Single(await byOld.Rest()), StringComparison.Ordinal);
        await using var byOldToSession = await NodeProgram.Send(oldSend, "send-ws.js", "1");
        Assert.Equal(["error unexpected server response (401)"], await byOldToSession.Rest());
        await using var bySecond = await NodeProgram.Send(
            await site.Enter(web, "send", key: "secondaryKey"),
            "send-https.js",
            "POST:/c:1"
        );
        Assert.Equal(["POST:/c:1 200 1 whole"], await bySecond.Rest());
        Assert.Equal(["POST:/d:1 200 1 whole"], await site.SendToEnd(web, "send-https.js", "POST:/d:1"));

        async Task<(string, string)> Gone()
        {
            var gone = await site.WaitForAudit(web, "ListenerGone");
            return (gone["status"]!.ToString(), gone["reason"]!.ToString());
        }
    }

    /// <summary>Each request comes back whole, whatever its size.</summary>
    private static async Task AskAHundredTimes(HybridSite site, string connection)
    {
        var requests = Enumerable.Range(0, 100).Select(i => (Target: $"POST:/{i}", Size: 1 + (i * 2000))).ToList();

        var asked = await site.SendToEnd(
            connection,
            "send-https.js",
            [.. requests.Select(r => $"{r.Target}:{r.Size}")]
        );

        Assert.Equal(
            requests.Select(r => $"{r.Target}:{r.Size} 200 {r.Size} whole").Order(StringComparer.Ordinal),
            asked.Order(StringComparer.Ordinal)
        );
    }

    /// <summary>More than is ever sent before whoever sends it is cut off.</summary>
    private static string[] Endless => [.. Enumerable.Repeat("100000", 10_000)];
}
