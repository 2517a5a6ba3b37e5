using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Weft.Relay.Protocol;

/// <summary>Where a hybrid connection is, and the addresses that are made from it.</summary>
/// <param name="Host">The relay's host name or address; an IPv6 address stands in brackets.</param>
/// <param name="Path">The connection's path: no slash at either end.</param>
/// <param name="IsPlaintext">Whether it is spoken to without TLS; only for tests and loopback. Default false.</param>
internal sealed record HybridConnectionAddress(string Host, int Port, string Path, bool IsPlaintext = false)
{
    /// <summary>
    /// What tokens are signed for: no port and a slash at its end, as the .NET client of Azure Relay has it.
    /// </summary>
    public string Audience => $"http://{Host}{RequestPath.Encode(Path)}/";

    /// <summary>Host, port and path without a query.</summary>
    public override string ToString() => Root + RequestPath.Encode(Path);

    private string Root => $"{(IsPlaintext ? "ws" : "wss")}://{Host}:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>
    /// Reads an address: <c>wss://</c>, <c>sb://</c>, <c>https://</c>, or <c>ws://</c> and <c>http://</c> for plain
    /// ones; with or without <c>/$hc</c>.
    /// </summary>
    /// <param name="address">The address. Without a port it is 443, or 80 where it is plain.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out HybridConnectionAddress? address)
    {
        address = null;
        if (
            !Uri.TryCreate(text, UriKind.Absolute, out var uri)
            || uri.UserInfo.Length > 0
            || uri.Query.Length > 0
            || uri.Fragment.Length > 0
            || uri.Scheme is not ("wss" or "sb" or "https" or "ws" or "http")
        )
            return false;
        if (!RequestPath.TryParse(uri.AbsolutePath, out var path, out _) || path.Path.Length == 0)
            return false;
        var isPlain = uri.Scheme is "ws" or "http";
        address = new(
            uri.Host,
            uri.IsDefaultPort || uri.Port < 0 ? (isPlain ? 80 : 443) : uri.Port,
            path.Path,
            isPlain
        );
        return true;
    }

    /// <summary>Where a listener's control channel is opened.</summary>
    public Uri ListenAddress(string id) =>
        new($"{Root}{HybridPathAndQuery(Path, "")}{Parameter("action", "listen")}&{Parameter("id", id)}");

    /// <summary>Where a sender connects.</summary>
    /// <param name="suffix">What follows the connection's path; empty for nothing.</param>
    /// <param name="query">A query of the sender's own, with its question mark; empty for none.</param>
    /// <param name="id">The sender's id, which stands in the relay's log; null for none.</param>
    public Uri ConnectAddress(string suffix = "", string query = "", string? id = null)
    {
        var path = suffix.Length == 0 ? Path : $"{Path}/{suffix}";
        var named = id is null ? "" : $"&{Parameter("id", id)}";
        return new($"{Root}{HybridPathAndQuery(path, query)}{Parameter("action", "connect")}{named}");
    }

    /// <summary>
    /// Where a listener meets a sender, or takes a large request: what stands in <c>accept.address</c> and
    /// <c>request.address</c>.
    /// </summary>
    /// <param name="root">Scheme, host and port of this relay, from its configuration and never from a sender's Host
    /// header, for example <c>wss://relay.example:443</c>.</param>
    /// <param name="path">The path that the sender asked for, with its suffix, decoded.</param>
    /// <param name="query">The sender's own query, without the relay's pairs, with its question mark; empty for
    /// none.</param>
    /// <param name="action"><c>accept</c> or <c>request</c>.</param>
    /// <param name="id">The capability: whoever has it may answer, once.</param>
    public static string RendezvousAddress(string root, string path, string query, string action, string id) =>
        $"{root}{HybridPathAndQuery(path, query)}{Parameter("action", action)}&{Parameter("id", id)}";

    /// <summary>Where a listener rejects a sender.</summary>
    /// <param name="accept"><c>accept.address</c> as the relay sent it.</param>
    /// <param name="status">The status for the sender, 400–599.</param>
    /// <param name="description">The words for the sender; at most 256 characters of them are sent.</param>
    public static string RejectAddress(string accept, int status, string description)
    {
        var words = description.Length > MaxDescription ? description[..MaxDescription] : description;
        var separator = accept.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        var code = status.ToString(CultureInfo.InvariantCulture);
        return $"{accept}{separator}{Parameter("statusCode", code)}&{Parameter("statusDescription", words)}";
    }

    /// <summary>
    /// The most characters of a status description: reason phrases longer than this are cut by servers and proxies
    /// alike.
    /// </summary>
    public const int MaxDescription = 256;

    /// <summary>The path and the sender's query, behind which the relay's pairs are to follow.</summary>
    private static string HybridPathAndQuery(string path, string query) =>
        $"/{RequestPath.Prefix}{RequestPath.Encode(path)}{(query.Length == 0 ? "?" : query + "&")}";

    private static string Parameter(string name, string value) =>
        $"{RelayQuery.Prefix}{name}={Uri.EscapeDataString(value)}";
}
