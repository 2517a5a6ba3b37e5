namespace Weft.Relay.Protocol;

/// <summary>
/// What a token is for. Clients write it differently: without its port and with a slash at its end (.NET), with its
/// port (Node), the namespace alone, or with <c>$hc</c>. What they mean is the host and the segments of the path.
/// </summary>
internal static class TokenAudience
{
    /// <summary>Whether an audience covers a path.</summary>
    /// <param name="path">The whole path asked for.</param>
    /// <param name="hosts">The names of the relay, of which the audience must name one. Null for any host.</param>
    /// <returns><see cref="TokenFault.None"/>, <see cref="TokenFault.WrongHost"/> or
    /// <see cref="TokenFault.WrongPath"/>.</returns>
    public static TokenFault FindFault(string audience, string path, RelayHosts? hosts)
    {
        var authority = audience.IndexOf("://", StringComparison.Ordinal);
        if (authority < 1)
            return TokenFault.WrongPath;
        var rest = audience.AsSpan(authority + 3);
        if (rest.IndexOfAny('?', '#') is >= 0 and var end)
            rest = rest[..end];
        var slash = rest.IndexOf('/');
        var named = slash < 0 ? rest : rest[..slash];
        if (named.IsEmpty)
            return TokenFault.WrongPath;
        var prefix = slash < 0 ? "" : WithoutHybridPrefix(rest[(slash + 1)..]).ToString();
        // A path that is still encoded here was encoded twice, and could mean another path than it shows.
        var isCovered = hosts is null ? IsPrefix(prefix, path) : hosts.Covers(named, prefix, path);
        return isCovered is null ? TokenFault.WrongHost
            : isCovered.Value && !prefix.Contains('%', StringComparison.Ordinal) ? TokenFault.None
            : TokenFault.WrongPath;
    }

    /// <summary>
    /// Whether a path begins with another, by whole segments, so that <c>/a</c> isn't the beginning of <c>/ab</c>.
    /// </summary>
    public static bool IsPrefix(string prefix, string path) =>
        prefix.Length == 0
        || (
            path.StartsWith(prefix, StringComparison.Ordinal)
            && (path.Length == prefix.Length || path[prefix.Length] == '/')
        );

    /// <summary>A path without <c>$hc/</c> at its start and a slash at its end.</summary>
    private static ReadOnlySpan<char> WithoutHybridPrefix(ReadOnlySpan<char> path)
    {
        if (path.StartsWith("$hc", StringComparison.Ordinal) && (path.Length == 3 || path[3] == '/'))
            path = path[Math.Min(4, path.Length)..];
        return path is [_, .., '/'] ? path[..^1] : path;
    }
}
