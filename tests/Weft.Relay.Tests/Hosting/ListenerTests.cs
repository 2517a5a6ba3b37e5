using System.Net.WebSockets;
using Microsoft.Extensions.Time.Testing;

namespace Weft.Relay.Tests.Hosting;

public sealed class ListenerTests
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
        await listener.Control.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        Assert.Equal((0, 0, 0, 0, 0), await relay.Settled());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Closes1001_WhenTheRelayDrains(bool isSecure)
    {
        await using var relay = await LiveRelay.Start(isSecure: isSecure);
        await using var listener = await relay.Listen();
        var draining = relay.Relay.Drain(TimeSpan.FromSeconds(5));
        Assert.Null(await listener.Next());
        Assert.Equal((WebSocketCloseStatus)1001, listener.Control.CloseStatus);
        await listener.Control.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        await draining.WaitAsync(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
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
        Assert.Equal(((WebSocketCloseStatus)1008, "the token expired and was not renewed"), (listener.Control.CloseStatus!.Value, listener.Control.CloseStatusDescription));
    }
}
