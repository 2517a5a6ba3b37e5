using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Tests.Server;

public sealed class ReauthorizationTests
{
    private static readonly Admission Allowed = new(true, "allow");
    private static readonly Admission Denied = new(false, "deny", "your address is not allowed any more");

    /// <summary>
    /// The clock stands still where the directory tells, and otherwise moves by less than the second in which whoever is
    /// no longer allowed must be gone.
    /// </summary>
    [Theory]
    [InlineData(true, ClientRole.Sender)]
    [InlineData(false, ClientRole.Sender)]
    [InlineData(true, ClientRole.Listener)]
    internal async Task Terminates_SessionsThatAreNoLongerAllowed(bool tells, ClientRole role)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var relay = await LiveRelay.Start(clock: clock);
        relay.Directory.RaisesChanged = tells;
        await using var listener = await relay.Listen();
        var connecting = relay.Send("/ssh");
        using var met = await listener.Accept();
        using var sender = await connecting;
        relay.Directory.Rules = (_, asked, service, _) => asked == role && service == "ssh" ? Denied : Allowed;
        if (!tells)
            clock.Advance(TimeSpan.FromSeconds(0.3));
        var closes = await Task.WhenAll(LiveListener.Read(sender), LiveListener.Read(met));
        Assert.All(closes, close => Assert.Equal(WebSocketMessageType.Close, close.Type));
        Assert.Equal(
            ((WebSocketCloseStatus)1008, "your address is not allowed any more"),
            (sender.CloseStatus!.Value, sender.CloseStatusDescription)
        );
        // Neither of them answers the Close: their connections are cut.
        clock.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
    }

    [Fact]
    public async Task Terminates_ListenersThatAreNoLongerAllowed()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        relay.Directory.Rules = (_, role, _, _) => role == ClientRole.Listener ? Denied : Allowed;
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1008, listener.Control.CloseStatus);
        await Assert.ThrowsAsync<WebSocketException>(() => relay.Listen());
    }

    [Fact]
    public async Task Refuses_WaitingSenders()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var waiting = RawExchange.Send(
            relay,
            RawExchange.GoodHandshake($"/$hc/{LiveRelay.Path}", $"ServiceBusAuthorization: {LiveRelay.SendToken()}")
        );
        var address = new Uri(LiveListener.Address((await listener.Next())!)).PathAndQuery;
        relay.Directory.Rules = (_, role, _, _) => role == ClientRole.Sender ? Denied : Allowed;
        Assert.StartsWith("HTTP/1.1 403 your address is not allowed any more", await waiting, StringComparison.Ordinal);
        Assert.StartsWith(
            "HTTP/1.1 403 ",
            await RawExchange.Send(relay, RawExchange.GoodHandshake(address)),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_RendezvousFromADeniedAddress()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var connecting = relay.Send();
        var address = LiveListener.Address((await listener.Next())!);
        relay.Directory.Rules = (_, role, _, source) =>
            role == ClientRole.Listener && !source.Equals(IPAddress.Loopback) ? Denied : Allowed;
        Assert.StartsWith(
            "HTTP/1.1 403 ",
            await RawExchange.Send(
                relay,
                RawExchange.GoodHandshake(new Uri(address).PathAndQuery),
                IPAddress.Parse("127.0.0.9")
            ),
            StringComparison.Ordinal
        );
        // The one that was asked may still come.
        using var met = await listener.Dial(address);
        using var sender = await connecting;
        Assert.Equal(WebSocketState.Open, sender.State);
    }

    [Fact]
    public async Task Terminates_ThoseWhoseKeyWasReplaced()
    {
        await using var relay = await LiveRelay.Start();
        await using var listener = await relay.Listen();
        var manage = SharedAccessSignature.Sign(
            $"http://localhost/{LiveRelay.Path}/",
            "manage",
            LiveRelay.ManageKey,
            DateTimeOffset.UtcNow.AddHours(1)
        );
        await using var other = await relay.Listen(token: manage);
        var before = LiveRelay.Connection(LiveRelay.Path);
        var asked = 0;
        relay.Directory.Rules = (_, _, _, _) =>
        {
            Interlocked.Increment(ref asked);
            return Allowed;
        };
        await RunningRelay.Until(() => asked > 0);
        var askedBefore = asked;
        relay.Directory.Put(
            before with
            {
                Rules = [before.Rules[0] with { PrimaryKey = "bmV3", SecondaryKey = LiveRelay.ListenKey }],
            }
        );
        // A listener by a rule that is gone shows that everybody has been judged.
        Assert.Null(await other.Next());
        await other.DisposeAsync();
        await Eventually.Holds(() => relay.Relay.ListenerCount(LiveRelay.Path) == 1, "the other is gone");
        relay.Directory.Put(
            before with
            {
                Rules = [before.Rules[0] with { PrimaryKey = "bmV3", SecondaryKey = "bmV3ZXI=" }],
            }
        );
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1008, listener.Control.CloseStatus);
    }

    [Fact]
    public async Task Leaks_NobodyWhenRulesChangeUnderLoad()
    {
        await using var relay = await LiveRelay.Start(o => o with { FreeRefusals = int.MaxValue });
        await using var listener = await relay.Listen();
        var echo = listener.EchoAll();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var held = new ConcurrentBag<ClientWebSocket>();
        var refusals = new int[8];
        var senders = Enumerable
            .Range(0, refusals.Length)
            .Select(i => Task.Run(() => ConnectAgainAndAgain(relay, held, () => refusals[i]++, stop.Token)))
            .ToArray();
        for (var round = 0; round < 6; round++)
        {
            var heldBefore = held.Count;
            relay.Directory.Rules = (_, _, _, _) => Allowed;
            var already = held.Count;
            await Eventually.Holds(() => held.Count > already + 8, "senders come");
            relay.Directory.Rules = (_, role, _, _) => role == ClientRole.Sender ? Denied : Allowed;
            await Eventually.Holds(
                () => relay.Relay.GetStatus().Sessions.IsEmpty,
                "nobody is left, though senders come all the while"
            );
        }

        await stop.CancelAsync();
        await Task.WhenAll(senders).WaitAsync(Wait.Token);
        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(1, 1));
        foreach (var socket in held)
            socket.Dispose();
        await listener.Control.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await echo.WaitAsync(Wait.Token);
    }

    private static async Task ConnectAgainAndAgain(
        LiveRelay relay,
        ConcurrentBag<ClientWebSocket> held,
        Action onRefused,
        CancellationToken stop
    )
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                held.Add(await relay.Send("/ssh"));
            }
            catch (WebSocketException)
            {
                onRefused();
            }
        }
    }
}
