using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>The kinds of requests that are recorded alike.</summary>
internal enum AuditClass
{
    /// <summary>It changes nothing.</summary>
    Read,

    /// <summary>It changes something, or gives out a token or a key.</summary>
    Write,

    /// <summary>A pod's addresses, taken or given back.</summary>
    Lease,

    /// <summary>What an agent reports.</summary>
    Report,
}

/// <summary>What is recorded (docs/specs/audit.md, "What is recorded").</summary>
internal static class AuditPolicy
{
    private const string PlanPath = "/providers/Weft.Fleet/plan";

    private static readonly string[] LeasePaths = [AgentApi.Session, AgentApi.Acquire, AgentApi.Release, AgentApi.LeaseBatch];
    private static readonly string[] ReportPaths = [AgentApi.Status, AgentApi.Inventory, AgentApi.Issuer];
    private static readonly string[] AnswerPaths = [$"{AgentApi.Verifications}/", $"{AgentApi.Inquiries}/"];

    /// <summary>What kind of request it is.</summary>
    public static AuditClass Classify(string method, string path)
    {
        var isWrite =
            HttpMethods.IsPut(method)
            || HttpMethods.IsPatch(method)
            || HttpMethods.IsDelete(method)
            || HttpMethods.IsPost(method);
        if (!isWrite || path.TrimEnd('/').Equals(PlanPath, StringComparison.OrdinalIgnoreCase))
            return AuditClass.Read;
        if (!path.StartsWith(AgentApi.Root, StringComparison.Ordinal))
            return AuditClass.Write;
        var rest = path[AgentApi.Root.Length..];
        return LeasePaths.Contains(rest) ? AuditClass.Lease
            : ReportPaths.Contains(rest) || AnswerPaths.Any(path => rest.StartsWith(path, StringComparison.Ordinal))
                ? AuditClass.Report
            : AuditClass.Write;
    }

    /// <summary>Whether something was refused: all that was asked, or a part of a batch.</summary>
    public static bool IsRefusal(int status) => status is >= 400 or StatusCodes.Status207MultiStatus;

    /// <summary>Whether an answer goes on record.</summary>
    public static bool Records(AuditEntry entry, int status, AuditAlso also) =>
        entry.IsAlwaysRecorded
        || entry.Class switch
        {
            AuditClass.Write => true,
            AuditClass.Read => status is 401 or 403 || also.HasFlag(AuditAlso.Reads),
            AuditClass.Lease => IsRefusal(status) || also.HasFlag(AuditAlso.Leases),
            _ => status >= 400 || also.HasFlag(AuditAlso.Reports),
        };
}
