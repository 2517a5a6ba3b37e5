using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>The events of leases, their journal and their socket.</summary>
internal static partial class LeaseEvents
{
    [LoggerMessage(2201, LogLevel.Information, "")]
    public static partial void LeaseGranted(this ILogger log, LeaseHolder holder, string addresses, string? pod);

    [LoggerMessage(2202, LogLevel.Information, "")]
    public static partial void LeaseReleased(this ILogger log, LeaseHolder holder);

    [LoggerMessage(2203, LogLevel.Warning, "")]
    public static partial void ReleasePostponed(this ILogger log, Exception error, LeaseHolder holder, double seconds);

    [LoggerMessage(2204, LogLevel.Warning, "")]
    public static partial void AcquireFailed(this ILogger log, Exception error, string? container, string? pod);

    [LoggerMessage(2205, LogLevel.Warning, "")]
    public static partial void AcquireFailedLate(this ILogger log, Exception error, LeaseHolder holder);

    [LoggerMessage(2206, LogLevel.Error, "")]
    public static partial void JournalNotWritten(this ILogger log, Exception error, int entries);

    [LoggerMessage(2207, LogLevel.Error, "")]
    public static partial void JournalNotCompacted(this ILogger log, Exception error, int entries);

    [LoggerMessage(2208, LogLevel.Warning, "")]
    public static partial void JournalTailCut(this ILogger log, long bytes, long kept);

    [LoggerMessage(2209, LogLevel.Warning, "")]
    public static partial void AcceptFailed(this ILogger log, Exception error);

    [LoggerMessage(2210, LogLevel.Warning, "")]
    public static partial void SocketNotRemoved(this ILogger log, Exception error, string socket);

    [LoggerMessage(2211, LogLevel.Warning, "")]
    public static partial void ConnectionClosed(this ILogger log, string reason, double seconds);

    [LoggerMessage(2212, LogLevel.Warning, "")]
    public static partial void ConnectionLost(this ILogger log, Exception error);

    [LoggerMessage(2214, LogLevel.Information, "")]
    public static partial void LeasesRegistered(this ILogger log, string epoch, int leases, int adopted, int conflicts);

    [LoggerMessage(2215, LogLevel.Warning, "")]
    public static partial void LeaseConflict(this ILogger log, string address, string holder, string? heldBy);

    [LoggerMessage(2216, LogLevel.Warning, "")]
    public static partial void RegistrationPostponed(this ILogger log, Exception error, double seconds);

    [LoggerMessage(2217, LogLevel.Warning, "")]
    public static partial void HolderReclaimed(this ILogger log, LeaseHolder holder, SandboxState sandbox);

    [LoggerMessage(2218, LogLevel.Warning, "")]
    public static partial void JournalTailNotWritten(this ILogger log, Exception error, int entries);

    [LoggerMessage(2219, LogLevel.Information, "")]
    public static partial void LeasesConfirmed(this ILogger log, int held, int gone);

    [LoggerMessage(2220, LogLevel.Warning, "")]
    public static partial void ConfirmationPostponed(this ILogger log, Exception error, double seconds);

    [LoggerMessage(2221, LogLevel.Information, "")]
    public static partial void BlockGranted(this ILogger log, string network, string ranges);

    [LoggerMessage(2222, LogLevel.Warning, "")]
    public static partial void BlocksNotReported(this ILogger log, Exception error, double seconds);

    [LoggerMessage(2223, LogLevel.Warning, "")]
    public static partial void BlocksOfAnotherPlace(this ILogger log, int blocks);

    [LoggerMessage(2224, LogLevel.Warning, "")]
    public static partial void BlocksFenced(this ILogger log, int blocks);

    [LoggerMessage(2225, LogLevel.Warning, "")]
    public static partial void BlockLeaseRefused(
        this ILogger log,
        string address,
        string network,
        string container,
        string reason
    );

    [LoggerMessage(2213, LogLevel.Error, "")]
    public static partial void ConnectionFailed(this ILogger log, Exception error);
}
