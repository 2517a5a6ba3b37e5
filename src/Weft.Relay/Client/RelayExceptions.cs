using System.Net;

namespace Weft.Relay.Client;

/// <summary>
/// The relay refused. <see cref="Exception.Message"/> is status and phrase, fit for people.
/// </summary>
internal sealed class RelayRefusedException : IOException
{
    /// <summary>Makes one.</summary>
    /// <param name="retryAfter">How long the relay wants to be left alone; null where it didn't say.</param>
    public RelayRefusedException(HttpStatusCode status, string phrase, TimeSpan? retryAfter = null)
        : base($"{(int)status}: {phrase}")
    {
        (Status, Phrase, RetryAfter) = (status, phrase, retryAfter);
        var at = phrase.IndexOf(TrackingPrefix, StringComparison.Ordinal);
        TrackingId = at < 0 ? null : phrase[(at + TrackingPrefix.Length)..].Split([' ', ',', ';', '.'], 2)[0];
    }

    private const string TrackingPrefix = "TrackingId:";

    /// <summary>
    /// The HTTP status: 401 and 403 for a token or a network that isn't allowed, 404 where there is no such connection
    /// or nobody listens, 5xx where the listener didn't answer; or what the listener said.
    /// </summary>
    public HttpStatusCode Status { get; }

    /// <summary>The reason phrase of the relay, or of the listener.</summary>
    public string Phrase { get; }

    /// <summary>
    /// The words without the path and the tracking id that the relay adds for logs: fit for a line to a person.
    /// </summary>
    public string Reason => TextBefore(TextBefore(Phrase, ". TrackingId:"), ". Path:");

    /// <summary>What the relay's log knows this attempt by; null where it didn't say.</summary>
    public string? TrackingId { get; }

    /// <summary>How long the relay wants to be left alone; null where it didn't say.</summary>
    public TimeSpan? RetryAfter { get; }

    private static string TextBefore(string text, string mark) =>
        text.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at ? text[..at] : text;
}

/// <summary>
/// There was no answer from the relay: no way there, no trust in its certificate, a proxy that refuses, or no time
/// left. <see cref="Exception.Message"/> says which.
/// </summary>
internal sealed class RelayUnreachableException(string message, Exception? inner = null) : IOException(message, inner);
