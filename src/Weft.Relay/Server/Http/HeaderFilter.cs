using System.Buffers;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Http;

/// <summary>
/// Which header fields go through the relay, and which are only for this hop (RFC 9110 §7.6.1) or for the relay.
/// </summary>
internal static class HeaderFilter
{
    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    );

    /// <summary>Credentials for the relay, which are passed on to nobody.</summary>
    private static readonly HashSet<string> CredentialFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "ServiceBusAuthorization",
        "Proxy-Authorization",
    };

    /// <summary>
    /// Hop-by-hop fields (RFC 9110 §7.6.1). <c>Expect</c> is among them since the relay has answered it.
    /// </summary>
    private static readonly HashSet<string> HopByHopFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection",
        "Content-Length",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Close",
        "Keep-Alive",
        "Proxy-Connection",
        "Expect",
        "HTTP2-Settings",
        "X-PROCESS-AT",
    };

    /// <summary>
    /// Fields that a listener needs to read a request or a handshake: naming them in <c>Connection</c>, as a handshake
    /// names <c>Upgrade</c>, takes them from nobody. Listeners fail without <c>Sec-WebSocket-Key</c>.
    /// </summary>
    private static readonly HashSet<string> EssentialFields = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection",
        "Host",
        "Upgrade",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Version",
    };

    /// <summary>
    /// The fields of a WebSocket handshake that its listener is shown: all but the token and those that
    /// <c>Connection</c> names, of which <c>Upgrade</c> remains.
    /// </summary>
    /// <param name="isTokenFromAuthorization">Whether <c>Authorization</c> held the token.</param>
    public static ImmutableArray<HeaderField> ForConnect(HttpRequest request, bool isTokenFromAuthorization)
    {
        var named = ReadConnectionOptions(request.Headers.Connection);
        return
        [
            .. SelectFields(
                request,
                name =>
                    !CredentialFields.Contains(name)
                    && !named.Contains(name)
                    && !IsConnection(name)
                    && !(isTokenFromAuthorization && IsAuthorization(name))
            ),
            new(ConnectionFieldEncoding.FieldName, "Upgrade"),
        ];
    }

    /// <summary>The fields of a request that its listener is shown.</summary>
    /// <param name="isTokenFromAuthorization">Whether <c>Authorization</c> held the token.</param>
    /// <param name="via">This relay's name, for <c>Via</c>.</param>
    public static ImmutableArray<HeaderField> ForRequest(HttpRequest request, bool isTokenFromAuthorization, string via)
    {
        var named = ReadConnectionOptions(request.Headers.Connection);
        return
        [
            .. SelectFields(
                request,
                name =>
                    !CredentialFields.Contains(name)
                    && !HopByHopFields.Contains(name)
                    && !named.Contains(name)
                    && !(isTokenFromAuthorization && IsAuthorization(name))
            ),
            new("Via", $"1.1 {via}"),
        ];
    }

    /// <summary>
    /// The fields of a response that its sender is shown. What a listener wrote may be anything: what is no field is
    /// left out, and so is what its <c>Connection</c> names.
    /// </summary>
    /// <param name="isHead">Whether it answers HEAD, whose Content-Length says something that no body does.</param>
    public static IEnumerable<HeaderField> ForResponse(ImmutableArray<HeaderField> fields, bool isHead)
    {
        var named = ReadConnectionOptions(fields.Where(field => IsConnection(field.Name)).Select(field => field.Value));
        return fields
            .Where(field =>
                IsToken(field.Name)
                && !field.Value.Any(c => char.IsControl(c) && c != '\t')
                && !named.Contains(field.Name)
                && (!HopByHopFields.Contains(field.Name) || (isHead && IsContentLength(field)))
            )
            .Select(field => field with { Value = string.Concat(field.Value.Select(c => char.IsAscii(c) ? c : '?')) });
    }

    /// <summary>How many bytes names and values of a request's fields have.</summary>
    public static int SizeOf(HttpRequest request)
    {
        var size = 0;
        foreach (var (name, values) in request.Headers)
        {
            foreach (var value in values)
                size += name.Length + (value?.Length ?? 0);
        }

        return size;
    }

    /// <summary>Whether a text is a token (RFC 9110 §5.6.2).</summary>
    public static bool IsToken(string text) =>
        text.Length is > 0 and <= 256 && !text.AsSpan().ContainsAnyExcept(TokenCharacters);

    private static bool IsContentLength(HeaderField field) =>
        field.Name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
        && long.TryParse(field.Value, out var length)
        && length >= 0;

    private static bool IsAuthorization(string name) =>
        name.Equals("Authorization", StringComparison.OrdinalIgnoreCase);

    private static bool IsConnection(string name) =>
        name.Equals(ConnectionFieldEncoding.FieldName, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// The fields that <c>Connection</c> says are of this hop alone, however many of it there are: names between commas,
    /// with white space around them.
    /// </summary>
    private static HashSet<string> ReadConnectionOptions(IEnumerable<string?> connection) =>
        connection
            .SelectMany(value =>
                (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            )
            .Where(name => !EssentialFields.Contains(name))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static IEnumerable<HeaderField> SelectFields(HttpRequest request, Func<string, bool> isShown) =>
        request
            .Headers.Where(field => isShown(field.Key))
            .SelectMany(field => field.Value, (field, value) => new HeaderField(field.Key, value ?? ""));
}
