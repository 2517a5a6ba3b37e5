namespace Weft.Server.Http;

/// <summary>How long a long poll waits.</summary>
internal static class LongPoll
{
    /// <summary>The longest wait that an agent may ask for, in seconds.</summary>
    public const int MaxSeconds = 60;

    /// <summary>How long it waits where the agent doesn't say.</summary>
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Cancelled when the wait that the request asks for is over (<c>wait</c>, seconds), when its caller has left, or when
    /// weftd stops.
    /// </summary>
    public static CancellationTokenSource BeginWait(this HttpContext http, IHostApplicationLifetime lifetime)
    {
        var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        over.CancelAfter(
            http.QueryInteger("wait") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, MaxSeconds)) : DefaultWait
        );
        return over;
    }
}
