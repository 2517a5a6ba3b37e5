namespace Weft.Relay.Protocol;

/// <summary>
/// What a token is for. Clients write it differently: without its port and with a slash at its end (.NET), with its
/// port (Node), the namespace alone, or with <c>$hc</c>. What they mean is the host and the segments of the path.
/// </summary>
internal static class TokenAudience
{
    /// <summary>
    /// Whether an audience covers a path: by whole segments, so that <c>/a</c> doesn't cover <c>/ab</c>.
    /// </summary>
    /// <param name="host">The host it must be for; null for any.</param>
    public static bool Covers(string audience, string path, string? host)
    {
        var authority = audience.IndexOf("://", StringComparison.Ordinal);
        if (authority < 1)
            return false;
        var rest = audience.AsSpan(authority + 3);
        if (rest.IndexOfAny('?', '#') is >= 0 and var end)
            rest = rest[..end];
        var slash = rest.IndexOf('/');
        var named = slash < 0 ? rest : rest[..slash];
        if (named.IsEmpty || (host is not null && !WithoutPort(named).Equals(host, StringComparison.OrdinalIgnoreCase)))
            return false;
        var prefix = slash < 0 ? default : WithoutHybridPrefix(rest[(slash + 1)..]);
        // A path that is still encoded here was encoded twice, and could mean another path than it shows.
        if (prefix.IsEmpty || prefix.Contains('%'))
            return prefix.IsEmpty;
        return path.AsSpan().StartsWith(prefix, StringComparison.Ordinal)
            && (path.Length == prefix.Length || path[prefix.Length] == '/');
    }

    /// <summary>A path without <c>$hc/</c> at its start and a slash at its end.</summary>
    private static ReadOnlySpan<char> WithoutHybridPrefix(ReadOnlySpan<char> path)
    {
        if (path.StartsWith("$hc", StringComparison.Ordinal) && (path.Length == 3 || path[3] == '/'))
            path = path[Math.Min(4, path.Length)..];
        return path is [_, .., '/'] ? path[..^1] : path;
    }

    private static ReadOnlySpan<char> WithoutPort(ReadOnlySpan<char> authority)
    {
        var colon = authority.LastIndexOf(':');
        return colon < 0 || authority[colon..].Contains(']') ? authority : authority[..colon];
    }
}
