using Microsoft.Extensions.Time.Testing;
using Weft.Fleet.Quotas;
using Weft.Resources;
using Weft.Server.Leases;

namespace Weft.Tests.Server.Leases;

/// <summary>How often agents may ask for leases, however many of them there are.</summary>
public sealed class LeaseRatesTests
{
    /// <summary>More than are remembered before those are forgotten of whom nothing is to be said.</summary>
    private const int Many = 3000;

    private readonly FakeTimeProvider _clock = new();
    private readonly LeaseRates _rates;

    public LeaseRatesTests() =>
        _rates = new LeaseRates(
            new LeaseLimits { Node = new BucketSize(1, 2), Cluster = new BucketSize(1_000_000, 1_000_000) },
            _clock
        );

    [Fact]
    public void Remembers_WhoHasUsedTheirShareUp_WhoeverAsksBesides()
    {
        Assert.Null(Take(0));
        Assert.Null(Take(0));
        for (var node = 1; node < Many; node++)
            Assert.Null(Take(node));
        var refused = Take(0);
        Assert.Equal((RefusalCode.TooManyRequests, 1), (refused!.Code, refused.RetryAfterSeconds));
        // Those of whom nothing was left over were full again, and those who come again are counted anew.
        _clock.Advance(TimeSpan.FromSeconds(2));
        for (var node = 0; node < Many; node++)
            Assert.Null(Take(node));
        Assert.Null(Take(7));
        Assert.NotNull(Take(7));
    }

    private Refusal? Take(int node) =>
        _rates.Take(ResourceId.Parse($"{Documents.East}/providers/Weft.Fleet/agents/w{node}").Value, $"w{node}");
}
