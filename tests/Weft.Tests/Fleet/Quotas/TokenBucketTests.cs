using CsCheck;
using Weft.Fleet.Quotas;

namespace Weft.Tests.Fleet.Quotas;

/// <summary>However requests come, no more are let through than the burst and what has come in since.</summary>
public sealed class TokenBucketTests
{
    private static readonly BucketSize Size = new(20, 50);

    [Fact]
    public void Lets_ThroughNoMoreThanItHolds_AndNoLess() =>
        Gen.Int[0, 200]
            .Array[0, 400]
            .Sample(waits =>
            {
                var (now, taken) = (TimeSpan.Zero, 0);
                var bucket = TokenBucket.Full(Size, now);
                foreach (var wait in waits)
                {
                    now += TimeSpan.FromMilliseconds(wait);
                    bucket = bucket.Fill(Size, now);
                    if (bucket.WaitAt(Size) > TimeSpan.Zero)
                    {
                        Assert.True(bucket.Fill(Size, now + bucket.WaitAt(Size)).Tokens >= 1 - 1e-6);
                        continue;
                    }

                    bucket = bucket.Take();
                    taken++;
                    Assert.True(taken <= Size.Burst + (now.TotalSeconds * Size.Rate) + 1e-6);
                    Assert.InRange(bucket.Tokens, 0, Size.Burst - 1);
                }
            });

    [Fact]
    public void Changes_Nothing_WhereTimeStandsStill()
    {
        var bucket = TokenBucket.Full(Size, TimeSpan.FromSeconds(9)).Take();
        Assert.Equal(bucket, bucket.Fill(Size, TimeSpan.FromSeconds(9)));
        Assert.Equal(bucket, bucket.Fill(Size, TimeSpan.FromSeconds(8)));
    }
}
