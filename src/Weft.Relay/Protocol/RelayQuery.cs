using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Weft.Relay.Protocol;

/// <summary>
/// The query of a request to the relay: its own pairs, whose names begin with <c>sb-hc-</c>, and the caller's.
/// </summary>
/// <param name="Action"><c>sb-hc-action</c>: <c>listen</c>, <c>connect</c>, <c>accept</c> or <c>request</c>;
/// <c>connect</c> where it isn't said. Lower case; anything else is to be refused by the reader.</param>
/// <param name="Id"><c>sb-hc-id</c>; null where it isn't there.</param>
/// <param name="Token"><c>sb-hc-token</c>; null where it isn't there.</param>
/// <param name="StatusCode">Of a listener that rejects: the status for the sender, 100–999, or 0 for what is none. Null
/// where it doesn't.</param>
/// <param name="StatusDescription">Of a listener that rejects: the words for the sender, as they were sent. They are to
/// be cleaned before they are shown.</param>
/// <param name="UserQuery">The caller's pairs, byte for byte, with the question mark; empty where there are
/// none.</param>
internal sealed record RelayQuery(
    string Action,
    string? Id,
    string? Token,
    int? StatusCode,
    string? StatusDescription,
    string UserQuery
)
{
    /// <summary>What the names of the relay's own pairs begin with.</summary>
    public const string Prefix = "sb-hc-";

    /// <summary>The longest query, in characters.</summary>
    public const int MaxLength = 16 * 1024;

    /// <summary>Reads a query.</summary>
    /// <param name="query">The query with its question mark; empty for none.</param>
    /// <param name="fault">Why it can't be read, one line for the caller.</param>
    public static bool TryParse(
        ReadOnlySpan<char> query,
        [NotNullWhen(true)] out RelayQuery? read,
        [NotNullWhen(false)] out string? fault
    )
    {
        read = null;
        if (query.Length > MaxLength)
        {
            fault = $"the query is longer than {MaxLength} characters";
            return false;
        }

        var own = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (ReadRelayParameters(query, own) is { } twice)
        {
            fault = $"the query has more than one {Prefix}{twice}";
            return false;
        }

        fault = null;
        read = new(
            own.GetValueOrDefault("action", "connect").ToLowerInvariant(),
            own.GetValueOrDefault("id"),
            own.GetValueOrDefault("token"),
            own.TryGetValue("statusCode", out var status) ? ParseStatus(status) : null,
            own.GetValueOrDefault("statusDescription"),
            StripRelayParameters(query)
        );
        return true;
    }

    /// <summary>
    /// Leaves the relay's pairs out of a query, and everything else as it is: order, empty pairs and names without a
    /// value. A question mark with nothing behind it is no query, as at Azure Relay.
    /// </summary>
    /// <param name="query">The query with its question mark; empty for none.</param>
    /// <returns>The rest with its question mark; empty where nothing is left.</returns>
    public static string StripRelayParameters(ReadOnlySpan<char> query)
    {
        var pairs = SplitPairs(query);
        var kept = pairs.Where(pair => !IsRelayParameter(pair)).ToList();
        return kept is [] or [""] ? ""
            : kept.Count == pairs.Length ? query.ToString()
            : "?" + string.Join('&', kept);
    }

    /// <summary>Reads the relay's own pairs; returns the name that is there twice, null for none.</summary>
    private static string? ReadRelayParameters(ReadOnlySpan<char> query, Dictionary<string, string> own)
    {
        foreach (var pair in SplitPairs(query))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 || ParameterNameOf(pair[..at], own) is not { } name)
                continue;
            if (!own.TryAdd(name, WebUtility.UrlDecode(pair[(at + 1)..])))
                return name;
        }

        return null;
    }

    private static string[] SplitPairs(ReadOnlySpan<char> query) =>
        query is ['?', .. var rest] ? rest.ToString().Split('&') : [];

    private static bool IsRelayParameter(string pair) =>
        pair.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && pair.Contains('=', StringComparison.Ordinal);

    /// <summary>
    /// Node's listeners append a rejection's pairs without the prefix. They count only after the relay's own action,
    /// which stands behind the sender's query: a sender that asks for <c>?statusCode=404</c> mustn't reject itself.
    /// </summary>
    private static string? ParameterNameOf(string name, Dictionary<string, string> own) =>
        name switch
        {
            _ when name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) => name[Prefix.Length..],
            "statusCode" or "statusDescription" when own.ContainsKey("action") => name,
            _ => null,
        };

    /// <summary>A rejection stays one whatever its status is: 0 where that is none.</summary>
    private static int ParseStatus(string text) =>
        text.Length == 3
        && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
        && status >= 100
            ? status
            : 0;
}
