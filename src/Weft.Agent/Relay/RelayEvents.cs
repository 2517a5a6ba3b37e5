using System.Net;
using Weft.Relay.Protocol;

namespace Weft.Agent.Relay;

/// <summary>The events of who comes in through the relay.</summary>
internal static partial class RelayEvents
{
    [LoggerMessage(2801, LogLevel.Information, "")]
    public static partial void RelayListens(this ILogger log, HybridConnectionAddress connection, string services);

    [LoggerMessage(2802, LogLevel.Information, "")]
    public static partial void RelayLeft(this ILogger log, HybridConnectionAddress connection);

    [LoggerMessage(2803, LogLevel.Warning, "")]
    public static partial void RelayLost(
        this ILogger log,
        HybridConnectionAddress connection,
        int? status,
        string? reason,
        double again_in_seconds
    );

    [LoggerMessage(2804, LogLevel.Warning, "")]
    public static partial void RelayTrouble(this ILogger log, HybridConnectionAddress connection, string? reason);

    [LoggerMessage(2805, LogLevel.Information, "")]
    public static partial void RelaySession(this ILogger log, string? service, IPEndPoint? from, string? id);

    [LoggerMessage(2806, LogLevel.Information, "")]
    public static partial void RelaySessionEnded(
        this ILogger log,
        string? service,
        string? id,
        long @in,
        long @out,
        double seconds,
        string? reason
    );

    [LoggerMessage(2807, LogLevel.Warning, "")]
    public static partial void RelayRejected(
        this ILogger log,
        string? service,
        IPEndPoint? from,
        string? id,
        int? status,
        string? reason
    );

    [LoggerMessage(2808, LogLevel.Information, "")]
    public static partial void RelayDrains(this ILogger log, int sessions, int seconds);
}
