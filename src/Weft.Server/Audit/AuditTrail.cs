using System.Net;
using Weft.Contracts;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Audit;

/// <summary>
/// Puts requests on record before they are answered, and holds back those who show no credential again and again.
/// </summary>
internal sealed class AuditTrail(
    AuditLog log,
    RefusalSummary refusals,
    RefusalThrottle throttle,
    ServeOptions options,
    TimeProvider time
)
{
    /// <summary>Begins the record of a request: from here on no answer is sent before it is on record.</summary>
    public AuditEntry Begin(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var entry = new AuditEntry(AuditPolicy.Classify(http.Request.Method, path), path);
        // An action's path is its resource's, and the action behind it.
        var slash = path.LastIndexOf('/');
        if (
            HttpMethods.IsPost(http.Request.Method)
            && !path.StartsWith(AgentApi.Root, StringComparison.Ordinal)
            && slash > 0
            && !ResourceId.TryParse(path, out _)
            && ResourceId.TryParse(path[..slash], out var resource)
        )
            (entry.Id, entry.Action) = (resource.ToString(), path[(slash + 1)..]);
        http.Features.Set(entry);
        http.Features.Set<BeforeAnswer>((status, refusal) => Complete(http, entry, status, refusal));
        return entry;
    }

    /// <summary>Why a request can't be served now: it would be done without a record.</summary>
    public Refusal? CheckWritable(AuditEntry entry) =>
        entry.Class == AuditClass.Write && log.Fault is not null
            ? new Refusal(
                RefusalCode.ServiceUnavailable,
                "nothing was done: the audit log can't be written, and what isn't on record isn't done; weftd's own log says why"
            )
            : null;

    /// <summary>Records that a caller left before it was answered.</summary>
    public async Task Abort(HttpContext http, AuditEntry entry)
    {
        if (entry.IsComplete || entry.Class != AuditClass.Write)
            return;
        entry.IsComplete = true;
        _ = await log.Append(CreateRecord(http, entry) with { Result = AuditResult.Aborted });
    }

    private async Task<Refusal?> Complete(HttpContext http, AuditEntry entry, int status, Refusal? refusal)
    {
        if (entry.IsComplete)
            return null;
        entry.IsComplete = true;
        var source = SourceOf(http);
        if (status == (int)HttpStatusCode.Unauthorized && !await throttle.Delay(source, "", http.RequestAborted))
            http.Response.Headers.Connection = "close";
        if (!AuditPolicy.Records(entry, status, options.Audit.Also))
            return null;
        var record = CreateRecord(http, entry) with
        {
            Result =
                status >= 500 ? AuditResult.Failed
                : AuditPolicy.IsRefusal(status) ? AuditResult.Refused
                : AuditResult.Succeeded,
            Status = status,
            Code = refusal?.Code.ToString(),
            Target = refusal?.Target is { } target ? AuditRecord.Bound(target) : null,
        };
        if (AuditPolicy.IsRefusal(status))
        {
            if (refusals.Admit(record, source))
                _ = await log.Append(record);
            return null;
        }

        return await log.Append(record)
            ? null
            : new Refusal(
                RefusalCode.ServiceUnavailable,
                "it was carried out, but not on record yet: the audit log can't be written; look at what is there before you try again"
            );
    }

    private static IPAddress SourceOf(HttpContext http) =>
        http.Connection.RemoteIpAddress switch
        {
            null => IPAddress.None,
            { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4(),
            var address => address,
        };

    private AuditRecord CreateRecord(HttpContext http, AuditEntry entry)
    {
        return new AuditRecord(
            AuditRecord.Format(time.GetUtcNow()),
            0,
            AuditRecord.Bound(http.Request.Method),
            AuditRecord.Bound(entry.Who, AuditRecord.MaxIdLength),
            entry.CallerType
        )
        {
            From = $"{new IPEndPoint(SourceOf(http), http.Connection.RemotePort)}",
            Id = AuditRecord.Bound(entry.Id, AuditRecord.MaxIdLength),
            Action = entry.Action is { } action ? AuditRecord.Bound(action) : null,
            Before = entry.Before,
            After = entry.After,
            RequestId = http.Response.Headers["x-ms-request-id"],
            CorrelationId = http.Response.Headers["x-ms-correlation-request-id"],
            Detail = entry.Detail,
        };
    }
}
