using Microsoft.AspNetCore.Http;

namespace Weft.Relay.Server.Http;

/// <summary>Which listeners a sender wants: by the ids they call themselves.</summary>
/// <param name="Allowed">Only these; empty for any.</param>
internal sealed record ListenerCriteria(HashSet<string> Allowed, HashSet<string> Disallowed)
{
    /// <summary>Reads the two headers.</summary>
    public static ListenerCriteria FromHeaders(IHeaderDictionary headers) =>
        new(
            ReadIds(headers, "Microsoft-Relay-AllowedListeners"),
            ReadIds(headers, "Microsoft-Relay-DisallowedListeners")
        );

    /// <summary>Whether nothing was asked for.</summary>
    public bool IsEmpty => Allowed.Count == 0 && Disallowed.Count == 0;

    /// <summary>Whether a listener may be picked.</summary>
    public bool Matches(string name) => (Allowed.Count == 0 || Allowed.Contains(name)) && !Disallowed.Contains(name);

    private static HashSet<string> ReadIds(IHeaderDictionary headers, string name) =>
        headers[name]
            .SelectMany(value =>
                (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            )
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
}
