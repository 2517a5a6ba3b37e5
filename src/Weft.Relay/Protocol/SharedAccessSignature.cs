using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Relay.Protocol;

/// <summary>
/// A token: <c>SharedAccessSignature sr={enc(uri)}&amp;sig={enc(base64)}&amp;se={unix seconds}&amp;skn={rule}</c>, its
/// fields in any order. What is signed is <c>sr</c> exactly as it stands in the token, a line feed, and <c>se</c>;
/// clients encode <c>sr</c> differently, so it is never decoded and encoded again.
/// </summary>
internal sealed class SharedAccessSignature
{
    /// <summary>
    /// The longest token that is looked at, in characters: a name of 256 and a URI of about 2000, both percent-encoded,
    /// and room.
    /// </summary>
    public const int MaxLength = 4096;

    private const string Scheme = "SharedAccessSignature ";
    private const int SignatureSize = HMACSHA256.HashSizeInBytes;

    /// <summary>
    /// A decoy for the key of a rule that doesn't exist, so that a guess at a rule's name takes as long as one at its
    /// key.
    /// </summary>
    private static readonly string DecoyKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    private readonly string _resource;
    private readonly string _seconds;
    private readonly string _keyName;
    private readonly byte[] _signature;

    private SharedAccessSignature(
        string resource,
        string seconds,
        string keyName,
        byte[] signature,
        DateTimeOffset expiresAt
    ) => (_resource, _seconds, _keyName, _signature, ExpiresAt) = (resource, seconds, keyName, signature, expiresAt);

    /// <summary>When it expires: <c>se</c>. Nothing is known of its truth before it is verified.</summary>
    public DateTimeOffset ExpiresAt { get; }

    /// <summary>The rule it names: <c>skn</c>, decoded. Nothing is known of its truth before it is verified.</summary>
    public string KeyName => Uri.UnescapeDataString(_keyName);

    /// <summary>
    /// What it is for: <c>sr</c>, decoded once, for example <c>http://relay.example/site-a/core-east/</c>.
    /// </summary>
    public string Audience => Uri.UnescapeDataString(_resource);

    /// <summary>Signs a token.</summary>
    /// <param name="audience">What it is for: a URI; its path covers every path that begins with the same
    /// segments.</param>
    /// <param name="key">The rule's key; its UTF-8 bytes are the HMAC key.</param>
    /// <param name="expiresAt">When it expires; cut to seconds.</param>
    public static string Sign(string audience, string keyName, string key, DateTimeOffset expiresAt)
    {
        ArgumentException.ThrowIfNullOrEmpty(audience);
        ArgumentException.ThrowIfNullOrEmpty(keyName);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var resource = WebUtility.UrlEncode(audience);
        var seconds = expiresAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = WebUtility.UrlEncode(Convert.ToBase64String(ComputeHash(key, resource, seconds)));
        return $"{Scheme}sr={resource}&sig={signature}&se={seconds}&skn={WebUtility.UrlEncode(keyName)}";
    }

    /// <summary>
    /// Reads a token. Fields that are missing, repeated, unknown or longer than they can be make it none.
    /// </summary>
    /// <param name="text">The text, from a header or a query.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SharedAccessSignature? token)
    {
        token = null;
        if (text is null || text.Length > MaxLength || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return false;
        string? resource = null,
            signature = null,
            seconds = null,
            keyName = null;
        foreach (var pair in text[Scheme.Length..].Split('&'))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at < 0)
                return false;
            var value = pair[(at + 1)..];
            var isNew = pair[..at] switch
            {
                "sr" => TrySet(ref resource, value),
                "sig" => TrySet(ref signature, value),
                "se" => TrySet(ref seconds, value),
                "skn" => TrySet(ref keyName, value),
                _ => false,
            };
            if (!isNew)
                return false;
        }

        if (
            resource is null
            || signature is null
            || seconds is null
            || keyName is null
            || ParseExpiry(seconds) is not { } expiresAt
            || ParseSignature(signature) is not { } bytes
        )
            return false;
        token = new(resource, seconds, keyName, bytes, expiresAt);
        return true;
    }

    /// <summary>Verifies a token.</summary>
    /// <param name="rules">The rules that are good for the connection. Rules may share a name: any of their keys will
    /// do.</param>
    /// <param name="path">The path asked for, decoded and checked as <see cref="RequestPath"/> does, with its suffix: a
    /// token may be for a suffix alone.</param>
    /// <param name="tolerance">How far the signer's clock may be behind, or how long an expired token is still
    /// good.</param>
    /// <param name="hosts">The names of the relay, one of which the token must be for; null for any. Scheme and port
    /// never matter: clients sign differing ones.</param>
    /// <returns>The result: expiry and path are told only to those whose signature is good.</returns>
    public static TokenValidationResult Verify(
        string? text,
        ImmutableArray<AuthorizationRule> rules,
        string path,
        DateTimeOffset now,
        TimeSpan tolerance,
        RelayHosts? hosts = null
    ) => TryParse(text, out var token) ? token.Verify(rules, path, now, tolerance, hosts) : new(TokenFault.Malformed);

    /// <summary>Verifies this token, as the other does.</summary>
    /// <param name="rules">The rules that are good for the connection.</param>
    /// <param name="tolerance">How long an expired token is still good.</param>
    /// <param name="hosts">The names of the relay, one of which it must be for; null for any.</param>
    public TokenValidationResult Verify(
        ImmutableArray<AuthorizationRule> rules,
        string path,
        DateTimeOffset now,
        TimeSpan tolerance,
        RelayHosts? hosts = null
    )
    {
        if (FindSigner(rules) is not { } rule)
            return new(TokenFault.BadSignature);
        if (now - ExpiresAt > tolerance)
            return new(TokenFault.Expired, rule, ExpiresAt);
        return new(TokenAudience.FindFault(Audience, path, hosts), rule, ExpiresAt);
    }

    /// <summary>Hides the signature.</summary>
    public override string ToString() => $"token of {KeyName} for {Audience} until {ExpiresAt:u}";

    private AuthorizationRule? FindSigner(ImmutableArray<AuthorizationRule> rules)
    {
        AuthorizationRule? signer = null;
        var wasNamed = false;
        foreach (var rule in rules)
        {
            if (!MatchesKeyName(rule.Name))
                continue;
            wasNamed = true;
            // Both are always computed: which of the keys signed is nobody's business either.
            if (IsSignedWith(rule.PrimaryKey) | IsSignedWith(rule.SecondaryKey ?? DecoyKey))
                signer ??= rule;
        }

        if (!wasNamed)
            _ = IsSignedWith(DecoyKey) | IsSignedWith(DecoyKey);
        return signer;
    }

    /// <summary>
    /// Node's libraries write the name as it is, .NET's percent-encode it and write a plus for a space.
    /// </summary>
    private bool MatchesKeyName(string rule) =>
        rule == _keyName || rule == Uri.UnescapeDataString(_keyName) || rule == WebUtility.UrlDecode(_keyName);

    private bool IsSignedWith(string key) =>
        CryptographicOperations.FixedTimeEquals(ComputeHash(key, _resource, _seconds), _signature);

    private static byte[] ComputeHash(string key, string resource, string seconds) =>
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{resource}\n{seconds}"));

    private static bool TrySet(ref string? field, string value)
    {
        if (field is not null || value.Length == 0)
            return false;
        field = value;
        return true;
    }

    private static DateTimeOffset? ParseExpiry(string seconds)
    {
        if (
            !seconds.All(char.IsAsciiDigit)
            || (seconds.Length > 1 && seconds[0] == '0')
            || !long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        )
            return null;
        return value <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(value) : null;
    }

    private static byte[]? ParseSignature(string signature)
    {
        var bytes = new byte[SignatureSize + 1];
        return
            Convert.TryFromBase64String(Uri.UnescapeDataString(signature), bytes, out var size) && size == SignatureSize
            ? bytes[..size]
            : null;
    }
}
