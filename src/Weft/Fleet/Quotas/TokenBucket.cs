namespace Weft.Fleet.Quotas;

/// <summary>How fast a bucket fills.</summary>
/// <param name="Rate">Tokens a second.</param>
/// <param name="Burst">The most that it holds.</param>
internal readonly record struct BucketSize(int Rate, int Burst);

/// <summary>A token bucket as a value: what it held at a time. RFC 2697, with requests for bytes.</summary>
/// <param name="At">The time, from any beginning.</param>
internal readonly record struct TokenBucket(double Tokens, TimeSpan At)
{
    /// <summary>One that nothing was taken of yet.</summary>
    public static TokenBucket Full(BucketSize size, TimeSpan now) => new(size.Burst, now);

    /// <summary>The same at a later time; one that is no later changes nothing.</summary>
    public TokenBucket Fill(BucketSize size, TimeSpan now) =>
        now <= At ? this : new(Math.Min(size.Burst, Tokens + ((now - At).TotalSeconds * size.Rate)), now);

    /// <summary>How long until there is a whole token; zero where there is.</summary>
    public TimeSpan WaitAt(BucketSize size) =>
        Tokens >= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - Tokens) / size.Rate);

    /// <summary>The same with one token less.</summary>
    public TokenBucket Take() => this with { Tokens = Tokens - 1 };
}
