using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Weft.Relay.Server.Http;

/// <summary>
/// The text behind a status code. Kestrel sends it as it is given, so that a line feed in it would begin another
/// response.
/// </summary>
internal static class ReasonPhrase
{
    /// <summary>
    /// The longest phrase, in characters: some clients and proxies cut or refuse longer status lines.
    /// </summary>
    public const int MaxLength = 256;

    /// <summary>Makes a phrase of any text: printable ASCII, at most <see cref="MaxLength"/> characters.</summary>
    public static string Sanitize(string text, int limit = MaxLength) =>
        string.Create(
            Math.Min(text.Length, Math.Max(0, limit)),
            text,
            static (phrase, from) =>
            {
                for (var i = 0; i < phrase.Length; i++)
                    phrase[i] =
                        from[i] is >= ' ' and <= '~' ? from[i]
                        : char.IsControl(from[i]) ? ' '
                        : '?';
            }
        );

    /// <summary>Writes a refusal's phrase. The tracking id stands last and is never cut.</summary>
    /// <param name="path">The path asked for; empty for none.</param>
    public static string Format(string text, string path, string tracking)
    {
        var end = $". TrackingId:{tracking}";
        var what = path.Length == 0 ? text : $"{text}. Path:{path}";
        return Sanitize(what, MaxLength - end.Length) + end;
    }

    /// <summary>Sets status and phrase of a response that hasn't begun.</summary>
    /// <param name="phrase">The phrase, cleaned here; null for the status's own.</param>
    public static void Set(HttpResponse response, int status, string? phrase)
    {
        response.StatusCode = status;
        if (phrase is { Length: > 0 } && response.HttpContext.Features.Get<IHttpResponseFeature>() is { } feature)
            feature.ReasonPhrase = Sanitize(phrase);
    }
}
