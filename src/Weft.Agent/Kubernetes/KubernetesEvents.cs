namespace Weft.Agent.Kubernetes;

/// <summary>The events of a cluster's API server, its Lease and its objects.</summary>
internal static partial class KubernetesEvents
{
    [LoggerMessage(2301, LogLevel.Warning, "")]
    public static partial void ApiServerAway(this ILogger log, string server, string error);

    [LoggerMessage(2302, LogLevel.Information, "")]
    public static partial void Leading(this ILogger log, string identity);

    [LoggerMessage(2303, LogLevel.Information, "")]
    public static partial void StandingBy(this ILogger log, string leader);

    [LoggerMessage(2304, LogLevel.Warning, "")]
    public static partial void LostLead(this ILogger log, string identity, string next);

    [LoggerMessage(2305, LogLevel.Warning, "")]
    public static partial void LeaseNotWritten(this ILogger log, string error);

    [LoggerMessage(2306, LogLevel.Information, "")]
    public static partial void Watching(this ILogger log, WatchScope scope);

    [LoggerMessage(2307, LogLevel.Information, "")]
    public static partial void WatchExpired(this ILogger log, WatchScope scope);

    [LoggerMessage(2308, LogLevel.Warning, "")]
    public static partial void NotWatching(this ILogger log, WatchScope scope, int? status, string error);

    [LoggerMessage(2309, LogLevel.Information, "")]
    public static partial void Restarted(this ILogger log, string daemonset, string node, string pod);

    [LoggerMessage(2310, LogLevel.Warning, "")]
    public static partial void ClusterCaUnread(this ILogger log, string file, string error, bool kept);

    [LoggerMessage(2311, LogLevel.Information, "")]
    public static partial void IssuerReported(this ILogger log, string issuer);

    [LoggerMessage(2312, LogLevel.Warning, "")]
    public static partial void IssuerUnknown(this ILogger log, Exception error);
}
