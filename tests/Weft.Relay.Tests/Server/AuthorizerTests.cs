using System.Net;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Tests.Server;

public sealed class AuthorizerTests
{
    /// <summary>
    /// Rule, key, audience, action; what is answered. 101 and 502 stand for being let in: a sender then finds no
    /// listener, or 404 for WebSockets.
    /// </summary>
    [Theory]
    [InlineData("listen", "listen", LiveRelay.ListenKey, "http://localhost/site/core/", "101")]
    [InlineData("listen", "listen", "c2Vjb25k", "http://localhost/site/core/", "101")]
    [InlineData("listen", "manage", LiveRelay.ManageKey, "sb://localhost/", "101")]
    [InlineData("listen", "send", LiveRelay.SendKey, "http://localhost/site/core/", "403")]
    [InlineData("listen", "listen", LiveRelay.SendKey, "http://localhost/site/core/", "401")]
    [InlineData("listen", "nobody", LiveRelay.ListenKey, "http://localhost/site/core/", "401")]
    [InlineData("listen", "listen", LiveRelay.ListenKey, "http://localhost/site/co", "403")]
    [InlineData("listen", "listen", LiveRelay.ListenKey, "http://localhost/other", "403")]
    [InlineData("listen", "listen", LiveRelay.ListenKey, "http://localhost:8443/site", "101")]
    [InlineData("connect", "send", LiveRelay.SendKey, "http://localhost/site/core/", "404")]
    [InlineData("connect", "manage", LiveRelay.ManageKey, "http://localhost/site/core/", "404")]
    [InlineData("connect", "listen", LiveRelay.ListenKey, "http://localhost/site/core/", "403")]
    [InlineData("connect", "send", LiveRelay.ListenKey, "http://localhost/site/core/", "401")]
    [InlineData("http", "send", LiveRelay.SendKey, "http://localhost/site/core/", "502")]
    [InlineData("http", "listen", LiveRelay.ListenKey, "http://localhost/site/core/", "403")]
    public async Task Checks_RightsOfEachEndpoint(
        string endpoint,
        string rule,
        string key,
        string audience,
        string status
    )
    {
        await using var relay = await LiveRelay.Start();
        var token = SharedAccessSignature.Sign(audience, rule, key, DateTimeOffset.UtcNow.AddHours(1));
        var request =
            endpoint == "http"
                ? $"GET /{LiveRelay.Path} HTTP/1.1\r\nHost: x\r\nServiceBusAuthorization: {token}\r\n\r\n"
                : RawExchange.GoodHandshake(
                    $"/$hc/{LiveRelay.Path}?sb-hc-action={endpoint}",
                    $"ServiceBusAuthorization: {token}"
                );
        Assert.StartsWith($"HTTP/1.1 {status} ", await RawExchange.Send(relay, request), StringComparison.Ordinal);
    }

    /// <summary>The host of the audience; what is answered. That of the request counts for nothing.</summary>
    [Theory]
    [InlineData("listen", "sb://127.0.0.1/site/core", "101")]
    [InlineData("listen", "http://evil.example/site/core", "401")]
    [InlineData("listen", "http://attacker.example/site/core", "401")]
    [InlineData("connect", "http://evil.example/", "401")]
    [InlineData("http", "http://evil.example/site/core", "401")]
    public Task Checks_TheHostOfATokenAtEachEndpoint(string endpoint, string audience, string status) =>
        endpoint == "listen"
            ? Checks_RightsOfEachEndpoint(endpoint, "listen", LiveRelay.ListenKey, audience, status)
            : Checks_RightsOfEachEndpoint(endpoint, "send", LiveRelay.SendKey, audience, status);

    [Fact]
    public async Task Returns_AzureRelaysPhrases()
    {
        await using var relay = await LiveRelay.Start();
        relay.Directory.NamespaceRules = [new("root", RelayRights.Manage, "cm9vdA==", null)];
        var root = SharedAccessSignature.Sign("sb://localhost/", "root", "cm9vdA==", DateTimeOffset.UtcNow.AddHours(1));
        var unknown = RawExchange.StatusLine(
            await RawExchange.Send(
                relay,
                RawExchange.GoodHandshake("/$hc/absent?sb-hc-action=listen", $"ServiceBusAuthorization: {root}")
            )
        );
        Assert.StartsWith(
            "HTTP/1.1 404 Endpoint does not exist. Path:absent. TrackingId:",
            unknown,
            StringComparison.Ordinal
        );
        var forged = SharedAccessSignature.Sign(
            "http://localhost/",
            "listen",
            "forged",
            DateTimeOffset.UtcNow.AddHours(1)
        );
        var bad = RawExchange.StatusLine(
            await RawExchange.Send(
                relay,
                RawExchange.GoodHandshake(
                    $"/$hc/{LiveRelay.Path}?sb-hc-action=listen&sb-hc-token={Uri.EscapeDataString(forged)}"
                )
            )
        );
        Assert.Contains("token has an invalid signature. Path:site/core. TrackingId:", bad, StringComparison.Ordinal);
        Assert.All(
            relay.Audit.Events,
            e => Assert.DoesNotContain("SharedAccessSignature", e.ToString(), StringComparison.Ordinal)
        );
        Assert.Equal(bad.Split("TrackingId:")[1], relay.Audit.Events.Last().TrackingId);
    }

    /// <summary>
    /// A sender's token ends when it says, give or take clocks that differ; a listener's lasts longer, since the real
    /// clients renew theirs at expiry.
    /// </summary>
    [Theory]
    [InlineData("connect", 25, "404")]
    [InlineData("connect", 45, "401")]
    [InlineData("http", 25, "502")]
    [InlineData("http", 45, "401")]
    [InlineData("runtime", 45, "401")]
    [InlineData("listen", 45, "101")]
    [InlineData("listen", 280, "101")]
    [InlineData("listen", 310, "401")]
    public async Task Refuses_TokenThatExpired(string endpoint, int secondsAgo, string status)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        await using var relay = await LiveRelay.Start(clock: new FakeTimeProvider(now));
        var (rule, key) = endpoint == "listen" ? ("listen", LiveRelay.ListenKey) : ("send", LiveRelay.SendKey);
        var old = SharedAccessSignature.Sign("http://localhost/", rule, key, now.AddSeconds(-secondsAgo));
        var token = $"ServiceBusAuthorization: {old}";
        var request = endpoint switch
        {
            "http" => $"GET /{LiveRelay.Path} HTTP/1.1\r\nHost: x\r\n{token}\r\n\r\n",
            "runtime" => $"GET /{LiveRelay.Path}?api-version=2016-07 HTTP/1.1\r\nHost: x\r\n"
                + $"X-PROCESS-AT: ServiceBus\r\n{token}\r\n\r\n",
            _ => RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}?sb-hc-action={endpoint}", token),
        };
        var head = await RawExchange.Send(relay, request);
        Assert.StartsWith(
            status == "401" ? "HTTP/1.1 401 The token expired at" : $"HTTP/1.1 {status} ",
            head,
            StringComparison.Ordinal
        );
    }

    /// <summary>
    /// Whoever has no good token learns nothing of what there is: a path that leads somewhere, one that leads nowhere and
    /// one that the rules deny are answered alike, but for the path and the tracking id.
    /// </summary>
    [Theory]
    [InlineData("")]
    [InlineData("ServiceBusAuthorization: nonsense")]
    [InlineData("ServiceBusAuthorization: {forged}")]
    [InlineData("Authorization: {forged}")]
    [InlineData("Authorization: Bearer x")]
    public async Task Answers_StrangersAlike_WhateverThereIs(string field)
    {
        var from = IPAddress.Parse("127.0.0.7");
        var forged = SharedAccessSignature.Sign(
            "sb://localhost/",
            "send",
            "Zm9yZ2Vk",
            DateTimeOffset.UtcNow.AddHours(1)
        );
        await using var relay = await LiveRelay.Start(o =>
            o with
            {
                FreeRefusals = 1000,
                FreeRefusalsPerSource = 1000,
            }
        );
        relay.Directory.NamespaceRules = [new("send", RelayRights.Manage, "cm9vdA==", null)];
        relay.Directory.Put(LiveRelay.Connection("open/core", requiresAuthorization: false));
        relay.Directory.Rules = (_, _, _, source) => new(!source.Equals(from), "rule", "denied");
        var token = field.Replace("{forged}", forged, StringComparison.Ordinal);
        foreach (var action in (string[])["listen", "connect", "http", "runtime"])
        {
            string[] doors = ["absent/x", "site/core", "site/core/ssh", "site/absent", "open/core", ""];
            var answers = new List<string>();
            foreach (var path in doors)
                answers.Add(Anonymized(await Ask(relay, from, Stranger(action, path, token)), path));
            Assert.All(answers, answer => Assert.Equal(answers[0], answer));
            Assert.StartsWith("HTTP/1.1 401 ", answers[0], StringComparison.Ordinal);
        }
    }

    private static string Stranger(string action, string path, string token)
    {
        string[] fields = token.Length == 0 ? ["Connection: close"] : ["Connection: close", token];
        if (action is "listen" or "connect")
            return RawExchange.GoodHandshake($"/$hc/{path}?sb-hc-action={action}", fields);
        var (query, more) = action == "http" ? ("", "") : ("?api-version=1", "X-PROCESS-AT: ServiceBus\r\n");
        return $"GET /{path}{query} HTTP/1.1\r\nHost: x\r\n{more}{string.Join("\r\n", fields)}\r\n\r\n";
    }

    /// <summary>Everything that is answered.</summary>
    private static async Task<string> Ask(LiveRelay relay, IPAddress from, string request)
    {
        await using var stream = await relay.Dial(from);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(request), Wait.Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Wait.Token);
    }

    /// <summary>An answer without what differs between any two: time, length, path and tracking id.</summary>
    private static string Anonymized(string answer, string path)
    {
        var text = path.Length == 0 ? answer : answer.Replace($". Path:{path}", "", StringComparison.Ordinal);
        return System.Text.RegularExpressions.Regex.Replace(
            text,
            "TrackingId:[0-9a-f-]+|Date: [^\r]+|Content-Length: [0-9]+|\r\n[0-9a-f]+\r\n",
            ""
        );
    }

    /// <summary>Who holds a key of the namespace is told what isn't there, and what the key doesn't give.</summary>
    [Theory]
    [InlineData("listen", "sb://localhost/", "404 Endpoint does not exist")]
    [InlineData("send", "sb://localhost/", "403 The token doesn't give the right: Listen")]
    [InlineData("listen", "sb://localhost/other", "403 The token is for another path")]
    [InlineData("listen", "sb://evil.example/", "401 The token is for another host")]
    public async Task Tells_WhoHoldsAKeyOfTheNamespace_WhatIsNotThere(string rule, string audience, string answer)
    {
        await using var relay = await LiveRelay.Start();
        relay.Directory.NamespaceRules =
        [
            new("listen", RelayRights.Listen, "cm9vdA==", null),
            new("send", RelayRights.Send, "cm9vdA==", null),
        ];
        var token = SharedAccessSignature.Sign(audience, rule, "cm9vdA==", DateTimeOffset.UtcNow.AddHours(1));
        var head = await RawExchange.Send(
            relay,
            RawExchange.GoodHandshake("/$hc/site/absent?sb-hc-action=listen", $"ServiceBusAuthorization: {token}")
        );
        Assert.StartsWith($"HTTP/1.1 {answer}", head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/$hc/site%2fcore?sb-hc-action=listen")]
    [InlineData("/$hc/site/x/../core?sb-hc-action=listen")]
    [InlineData("/$hc/site/%2e%2e/core?sb-hc-action=listen")]
    [InlineData("/$hc/site/%252e%252e/core?sb-hc-action=listen")]
    [InlineData("/$hc/site/core%00?sb-hc-action=listen")]
    [InlineData("/$hc/site\\core?sb-hc-action=listen")]
    [InlineData("/$hc/site%5ccore?sb-hc-action=listen")]
    [InlineData("/$hc//site/core?sb-hc-action=listen")]
    [InlineData("/$hc/site/core?sb-hc-action=listen&sb-hc-action=connect")]
    [InlineData("/$hc/site/core?sb-hc-action=dance")]
    public async Task Refuses_PathsAndQueriesOfTwoReadings(string target)
    {
        await using var relay = await LiveRelay.Start();
        Assert.StartsWith(
            "HTTP/1.1 400 ",
            await RawExchange.Send(
                relay,
                RawExchange.GoodHandshake(target, $"ServiceBusAuthorization: {LiveRelay.ListenToken()}")
            ),
            StringComparison.Ordinal
        );
        Assert.Empty(relay.Relay.GetStatus().Listeners);
    }

    [Fact]
    public async Task Returns503_WhileConnectionsAreNotKnown()
    {
        await using var relay = await LiveRelay.Start();
        relay.Directory.IsReady = false;
        Assert.StartsWith(
            "HTTP/1.1 503 ",
            await RawExchange.Send(relay, RawExchange.GoodHandshake("/$hc/absent?sb-hc-action=listen")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Discloses_NetworkRulesToValidTokensOnly()
    {
        await using var relay = await LiveRelay.Start();
        relay.Directory.Put(LiveRelay.Connection("open", requiresAuthorization: false));
        relay.Directory.Rules = (_, role, service, source) =>
            new(
                !source.Equals(IPAddress.Parse("127.0.0.7")) || service == "free",
                $"{role} {service}",
                $"your address {source} is not allowed"
            );
        var from = IPAddress.Parse("127.0.0.7");
        async Task<string> Send(string target, string token) =>
            RawExchange.StatusLine(
                await RawExchange.Send(
                    relay,
                    RawExchange.GoodHandshake(target, $"ServiceBusAuthorization: {token}"),
                    from
                )
            );
        Assert.StartsWith(
            "HTTP/1.1 403 your address 127.0.0.7 is not allowed",
            await Send("/$hc/site/core/ssh", LiveRelay.SendToken()),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 403 your address 127.0.0.7 is not allowed",
            await Send("/$hc/site/core?sb-hc-action=listen", LiveRelay.ListenToken()),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 401 The token is missing or malformed. Path:open",
            await Send("/$hc/open", ""),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 401 The token is missing",
            await Send("/$hc/site/core/ssh", ""),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 404 There are no listeners",
            await Send("/$hc/site/core/free", LiveRelay.SendToken()),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 403 your address",
            await RawExchange.Send(
                relay,
                "GET /site/core/x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 127.0.0.1\r\n"
                    + $"ServiceBusAuthorization: {LiveRelay.SendToken()}\r\n\r\n",
                from
            ),
            StringComparison.Ordinal
        );
        Assert.Contains(
            relay.Audit.Events,
            e => e is { Kind: RelayEventKind.Refused, Rule: "Sender ssh", Key: "send", Status: 403 }
        );
    }

    [Fact]
    public async Task Throttles_RepeatedRefusals()
    {
        // The clock stands still: who is slowed waits until it goes on, and who isn't has its answer before.
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(o => o with { FreeRefusals = 2 }, clock);
        var request = RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}?sb-hc-action=listen");
        for (var i = 0; i < 2; i++)
            await RawExchange.Send(relay, request);
        var slowed = RawExchange.Send(relay, request);
        await Eventually.Holds(() => relay.Requests == 1, "the third is held up");
        await RawExchange.Send(relay, request, IPAddress.Parse("127.0.0.8"));
        await using var listener = await relay.Listen();
        Assert.False(slowed.IsCompleted, "somebody else isn't slowed, and whoever gets it right isn't either");
    }

    [Fact]
    public async Task Throttles_LongerEachTime()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(o => o with { FreeRefusals = 0 }, clock);
        var request = RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}?sb-hc-action=listen");
        var began = clock.GetUtcNow();
        for (var i = 0; i < 3; i++)
            await AdvanceUntil(clock, RawExchange.Send(relay, request));
        Assert.True(clock.GetUtcNow() - began >= TimeSpan.FromSeconds(1.75), "0.25 s, then twice as long each time");
    }

    private static async Task AdvanceUntil(FakeTimeProvider clock, Task answered)
    {
        while (!answered.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.WhenAny(answered, Task.Delay(10, Wait.Token));
        }

        await answered;
    }

    [Fact]
    public async Task Bounds_HowManyAreThrottled()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(o => o with { FreeRefusals = 0, DelayedRefusals = 3 }, clock);
        var request = RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}?sb-hc-action=listen");
        var asking = Enumerable.Range(0, 10).Select(_ => RawExchange.Send(relay, request)).ToList();
        // The others are delayed, for as long as the clock stands still.
        await RunningRelay.Until(() => asking.Count(head => head.IsCompleted) == 7);
        await AdvanceUntil(clock, Task.WhenAll(asking));
        var heads = await Task.WhenAll(asking);
        Assert.Equal(
            (3, 7),
            (
                heads.Count(h => h.StartsWith("HTTP/1.1 401", StringComparison.Ordinal)),
                heads.Count(h => h.StartsWith("HTTP/1.1 429", StringComparison.Ordinal))
            )
        );
    }

    [Fact]
    public async Task Answers_RuntimeInformation()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        using var client = relay.Client();
        client.DefaultRequestHeaders.Add("X-PROCESS-AT", "ServiceBus");
        client.DefaultRequestHeaders.Add("ServiceBusAuthorization", LiveRelay.SendToken());
        using var answer = await client.GetAsync(
            new Uri($"/{LiveRelay.Path}?api-version=2016-07", UriKind.Relative),
            Wait.Token
        );
        Assert.Equal(
            "application/atom+xml;type=entry;charset=utf-8",
            answer.Content.Headers.NonValidated["Content-Type"].ToString()
        );
        var entry = System.Xml.Linq.XDocument.Parse(await answer.Content.ReadAsStringAsync(Wait.Token));
        Assert.Equal(
            ["CreatedAt", "UpdatedAt", "RequiresClientAuthorization", "UserMetadata", "ListenerCount"],
            entry
                .Descendants()
                .Single(e => e.Name.LocalName == "HybridConnectionDescription")
                .Elements()
                .Select(e => e.Name.LocalName)
        );
        Assert.Equal(
            ("who <knows>", "1"),
            (
                entry.Descendants().Single(e => e.Name.LocalName == "UserMetadata").Value,
                entry.Descendants().Single(e => e.Name.LocalName == "ListenerCount").Value
            )
        );
        client.DefaultRequestHeaders.Remove("ServiceBusAuthorization");
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (
                await client.GetAsync(new Uri($"/{LiveRelay.Path}?api-version=2016-07", UriKind.Relative), Wait.Token)
            ).StatusCode
        );
    }
}
