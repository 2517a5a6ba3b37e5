using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Weft.Server.Relays;

/// <summary>Random keys of authorization rules: 256 bits each, as base64.</summary>
internal static class RandomKeys
{
    public static string Next() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>A primary and a secondary key.</summary>
    public static ImmutableArray<string> Pair() => [Next(), Next()];
}
