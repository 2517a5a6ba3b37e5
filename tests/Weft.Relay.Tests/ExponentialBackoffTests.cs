namespace Weft.Relay.Tests;

public sealed class ExponentialBackoffTests
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.25);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(0, 0.25)]
    [InlineData(1, 0.5)]
    [InlineData(4, 4)]
    [InlineData(5, 5)]
    [InlineData(31, 5)]
    [InlineData(64, 5)]
    [InlineData(int.MaxValue, 5)]
    public void Doubles_UpToTheLongest(int failures, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), ExponentialBackoff.Delay(First, Longest, failures));

    [Fact]
    public void Waits_TheLongest_WhereTheFirstIsLonger() =>
        Assert.Equal(First, ExponentialBackoff.Delay(Longest, First, 0));
}
