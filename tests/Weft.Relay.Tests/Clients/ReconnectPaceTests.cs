using System.Net;
using Weft.Relay.Clients;

namespace Weft.Relay.Tests.Clients;

public sealed class ReconnectPaceTests
{
    [Theory]
    [InlineData(0.0, new[] { 0, 0.5, 1, 2.5, 5, 15, 15 })]
    [InlineData(0.5, new[] { 0.25, 1, 2, 5, 10, 30, 30 })]
    [InlineData(1.0, new[] { 0.5, 1.5, 3, 7.5, 15, 45, 45 })]
    public void Waits_LongerEachTimeGiveOrTakeAHalf(double dice, double[] seconds)
    {
        var pace = new ReconnectPace(() => dice);
        Assert.Equal(seconds, seconds.Select(_ => pace.Next(null).TotalSeconds));
    }

    [Fact]
    public void Waits_LongerWhereThereIsNoSuchConnection()
    {
        var pace = new ReconnectPace(() => 0.5);
        var unknown = new RelayRefusedException(HttpStatusCode.NotFound, "Endpoint does not exist");
        Assert.Equal([5, 15, 30, 60, 120, 120], Enumerable.Range(0, 6).Select(_ => pace.Next(unknown).TotalSeconds));
    }

    [Fact]
    public void Waits_NoLessThanItWasAskedTo()
    {
        var pace = new ReconnectPace(() => 0);
        Assert.Equal(40, pace.Next(new RelayRefusedException(HttpStatusCode.TooManyRequests, "", TimeSpan.FromSeconds(40))).TotalSeconds);
        Assert.Equal(600, pace.Next(new RelayRefusedException(HttpStatusCode.TooManyRequests, "", TimeSpan.FromDays(40))).TotalSeconds);
    }

    [Fact]
    public void Begins_AnewOnlyAfterAConnectionThatLasted()
    {
        var pace = new ReconnectPace(() => 0.5);
        _ = (pace.Next(null), pace.Next(null));
        pace.Ended(ReconnectPace.GoodLife - TimeSpan.FromSeconds(1));
        Assert.Equal(2, pace.Next(null).TotalSeconds);
        pace.Ended(ReconnectPace.GoodLife);
        Assert.Equal(0.25, pace.Next(null).TotalSeconds);
    }
}
