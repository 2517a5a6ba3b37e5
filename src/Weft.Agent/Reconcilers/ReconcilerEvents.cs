namespace Weft.Agent.Reconcilers;

/// <summary>The events of every target's passes.</summary>
internal static partial class ReconcilerEvents
{
    [LoggerMessage(2401, LogLevel.Information, "")]
    public static partial void Applied(this ILogger log, string target, int written, int removed, long revision);

    [LoggerMessage(2402, LogLevel.Warning, "")]
    public static partial void Drift(this ILogger log, string target, string what, string was, bool mended);

    [LoggerMessage(2403, LogLevel.Warning, "")]
    public static partial void WatchFailed(this ILogger log, Exception? error, string target);

    [LoggerMessage(2404, LogLevel.Error, "")]
    public static partial void PassFailed(this ILogger log, Exception error, string target);
}
