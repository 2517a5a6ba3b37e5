using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>A token and its end.</summary>
/// <param name="ExpiresAt">When it expires; <see cref="DateTimeOffset.MaxValue"/> for never.</param>
internal readonly record struct RelayToken(string Text, DateTimeOffset ExpiresAt)
{
    /// <summary>Hides the token.</summary>
    public override string ToString() => $"token until {ExpiresAt:u}";

    /// <summary>
    /// A source of tokens for a program that knows a key, as a connection string gives it; agents get theirs elsewhere.
    /// </summary>
    /// <param name="audience">What they are for: <see cref="HybridConnectionAddress.Audience"/>.</param>
    /// <param name="lifetime">How long each is good. The real clients take 60 min.</param>
    /// <param name="clock">The clock; null for the system's.</param>
    public static Func<CancellationToken, ValueTask<RelayToken>> CreateProvider(
        string audience,
        string keyName,
        string key,
        TimeSpan lifetime,
        TimeProvider? clock = null
    ) =>
        _ =>
        {
            // Whole seconds, as they stand in the token: its end is known exactly.
            var expiry = DateTimeOffset.FromUnixTimeSeconds(
                ((clock ?? TimeProvider.System).GetUtcNow() + lifetime).ToUnixTimeSeconds()
            );
            return ValueTask.FromResult(
                new RelayToken(SharedAccessSignature.Sign(audience, keyName, key, expiry), expiry)
            );
        };
}
