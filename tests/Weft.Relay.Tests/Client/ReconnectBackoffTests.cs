using System.Net;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

public sealed class ReconnectBackoffTests
{
    [Theory]
    [InlineData(0.0, new[] { 0, 0.5, 1, 2.5, 5, 15, 15 })]
    [InlineData(0.5, new[] { 0.25, 1, 2, 5, 10, 30, 30 })]
    [InlineData(1.0, new[] { 0.5, 1.5, 3, 7.5, 15, 45, 45 })]
    public void Waits_LongerEachTimeGiveOrTakeAHalf(double dice, double[] seconds)
    {
        var backoff = new ReconnectBackoff(() => dice);
        Assert.Equal(seconds, seconds.Select(_ => backoff.NextDelay(null).TotalSeconds));
    }

    [Fact]
    public void Waits_LongerWhereThereIsNoSuchConnection()
    {
        var backoff = new ReconnectBackoff(() => 0.5);
        var unknown = new RelayRefusedException(HttpStatusCode.NotFound, "Endpoint does not exist");
        Assert.Equal(
            [5, 15, 30, 60, 120, 120],
            Enumerable.Range(0, 6).Select(_ => backoff.NextDelay(unknown).TotalSeconds)
        );
    }

    [Fact]
    public void Waits_NoLessThanItWasAskedTo()
    {
        var backoff = new ReconnectBackoff(() => 0);
        Assert.Equal(
            40,
            backoff
                .NextDelay(new RelayRefusedException(HttpStatusCode.TooManyRequests, "", TimeSpan.FromSeconds(40)))
                .TotalSeconds
        );
        Assert.Equal(
            600,
            backoff
                .NextDelay(new RelayRefusedException(HttpStatusCode.TooManyRequests, "", TimeSpan.FromDays(40)))
                .TotalSeconds
        );
    }

    [Fact]
    public void Begins_AnewOnlyAfterAConnectionThatLasted()
    {
        var backoff = new ReconnectBackoff(() => 0.5);
        _ = (backoff.NextDelay(null), backoff.NextDelay(null));
        backoff.OnConnectionEnded(ReconnectBackoff.StableAfter - TimeSpan.FromSeconds(1));
        Assert.Equal(2, backoff.NextDelay(null).TotalSeconds);
        backoff.OnConnectionEnded(ReconnectBackoff.StableAfter);
        Assert.Equal(0.25, backoff.NextDelay(null).TotalSeconds);
    }
}
