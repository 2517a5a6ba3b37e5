namespace Weft.Agent;

/// <summary>The events of the agent as a whole.</summary>
internal static partial class AgentEvents
{
    [LoggerMessage(2001, LogLevel.Information, "")]
    public static partial void Started(this ILogger log, string version, string name, Uri server, string state);

    [LoggerMessage(2002, LogLevel.Information, "")]
    public static partial void Stopped(this ILogger log);

    [LoggerMessage(2003, LogLevel.Error, "")]
    public static partial void Failed(this ILogger log, Exception error);

    [LoggerMessage(2004, LogLevel.Information, "")]
    public static partial void Enrolled(this ILogger log, string agent, string cluster);

    [LoggerMessage(2005, LogLevel.Error, "")]
    public static partial void CredentialRefused(this ILogger log, Exception error, string next);

    [LoggerMessage(2006, LogLevel.Warning, "")]
    public static partial void ControlPlaneFailed(this ILogger log, Exception error, double seconds);

    [LoggerMessage(2007, LogLevel.Information, "")]
    public static partial void Desired(this ILogger log, long revision, string digest);

    [LoggerMessage(2008, LogLevel.Warning, "")]
    public static partial void DesiredNotRestored(this ILogger log, Exception error, string file);

    [LoggerMessage(2009, LogLevel.Warning, "")]
    public static partial void ApplyFailed(this ILogger log, long revision, string? findings);

    [LoggerMessage(2010, LogLevel.Information, "")]
    public static partial void Reported(this ILogger log, string state, long revision, string digest);

    [LoggerMessage(
        2011,
        LogLevel.Warning,
        "others could read the agent's credential; it is closed again, but enrol anew with a token made to replace it"
    )]
    public static partial void CredentialOpenToOthers(this ILogger log, string file, UnixFileMode mode);

    [LoggerMessage(2014, LogLevel.Information, "")]
    public static partial void CredentialRotated(this ILogger log);

    [LoggerMessage(2015, LogLevel.Warning, "")]
    public static partial void CredentialNotRotated(this ILogger log, Exception error, double again_in_seconds);

    [LoggerMessage(
        2016,
        LogLevel.Warning,
        "weftd didn't know the agent's credential, and knows it again by the one before"
    )]
    public static partial void CredentialRecovered(this ILogger log);

    [LoggerMessage(2012, LogLevel.Warning, "")]
    public static partial void ControlPlaneNotResolved(this ILogger log, Exception error, string host);

    [LoggerMessage(2013, LogLevel.Warning, "")]
    public static partial void ControlPlaneNotKept(this ILogger log, Exception error, string file);
}
