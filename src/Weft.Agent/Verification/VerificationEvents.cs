namespace Weft.Agent.Verification;

/// <summary>The events of proofs that somebody asked for.</summary>
internal static partial class VerificationEvents
{
    [LoggerMessage(2701, LogLevel.Information, "")]
    public static partial void Verify(this ILogger log, string id, string? pod, string? network);

    [LoggerMessage(2702, LogLevel.Information, "")]
    public static partial void Verified(this ILogger log, string id, int interfaces, string result);
}
