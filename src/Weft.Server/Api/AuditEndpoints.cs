using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Contracts;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Api;

/// <summary>
/// <c>GET /providers/Weft.Site/audit</c>: the record of who did what, for owners and readers of the whole site
/// (docs/specs/audit.md, "Reading it").
/// </summary>
internal sealed class AuditEndpoints(
    AuditReader reader,
    AuditLog log,
    IHostApplicationLifetime lifetime,
    TimeProvider time
) : IDisposable
{
    public const string Path = "providers/weft.site/audit";

    private const string ResourcePath = "/providers/Weft.Site/audit";
    private const string ResourceType = "Weft.Site/audit";

    /// <summary>How often somebody who waits at the end looks again.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(0.5);

    private readonly SemaphoreSlim _reading = new(2, 2);

    /// <summary>Serves the list.</summary>
    public async Task Serve(HttpContext http, Caller caller)
    {
        if (Authorization.Require(caller, AccessVerb.Read, null) is { } denied)
        {
            await http.Refuse(denied);
            return;
        }

        var findings = new List<Refusal>();
        var query = ReadQuery(http, findings);
        var top = http.PageSize(findings);
        var from = ReadPosition(http, findings);
        if (findings.Count > 0)
        {
            await http.Refuse(Refusal.Combine(findings, ResourcePath));
            return;
        }

        var isFollowed = http.Request.Query["follow"] == "true";
        var page = await Read(http, query, from, top, isFollowed ? http.PreferredWait() : TimeSpan.Zero);
        var answer = new JsonObject { ["value"] = new JsonArray([.. page.Records.Select(Render)]) };
        if (isFollowed || !page.IsEnd)
            answer["nextLink"] = http.NextLink(page.Next.ToString());
        await http.Respond(200, answer);
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task<AuditPage> Read(HttpContext http, AuditQuery query, AuditPosition? from, int top, TimeSpan wait)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            lifetime.ApplicationStopping
        );
        var begin = time.GetTimestamp();
        while (true)
        {
            var seen = log.LastWritten;
            var page = await ReadPage(query, from, top, http.RequestAborted);
            if (page.Records.Count > 0 || !page.IsEnd)
                return page;
            from = page.Next;
            while (log.LastWritten == seen)
            {
                if (time.GetElapsedTime(begin) >= wait || stop.IsCancellationRequested)
                    return page;
                await Task.Delay(LookInterval, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Files are read by a few at a time: who asks for much must not take the disk from the others.</summary>
    private async Task<AuditPage> ReadPage(AuditQuery query, AuditPosition? from, int top, CancellationToken cancel)
    {
        await _reading.WaitAsync(cancel);
        try
        {
            return reader.Read(query, from, top);
        }
        finally
        {
            _reading.Release();
        }
    }

    private static JsonNode Render(AuditRecord record) =>
        new JsonObject
        {
            ["id"] = string.Create(CultureInfo.InvariantCulture, $"{ResourcePath}/{record.Number}"),
            ["name"] = record.Number.ToString(CultureInfo.InvariantCulture),
            ["type"] = ResourceType,
            ["properties"] = JsonNode.Parse(record.ToBytes()),
        };

    private static AuditQuery ReadQuery(HttpContext http, List<Refusal> findings)
    {
        string? Text(string name) => http.Request.Query[name].ToString() is { Length: > 0 } text ? text : null;
        return new AuditQuery
        {
            Since = ReadTime("since"),
            Until = ReadTime("until"),
            Who = Text("who"),
            Verb = Text("verb"),
            Id = Text("id"),
            Result = ReadResult(Text("result"), findings),
            Correlation = Text("correlation"),
        };

        DateTimeOffset? ReadTime(string name)
        {
            if (Text(name) is not { } text)
                return null;
            if (
                DateTimeOffset.TryParseExact(
                    text,
                    ["yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"],
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal,
                    out var read
                )
            )
                return read;
            findings.Add(Invalid(name, text, "no time; write it as 2027-01-31T12:00:00Z"));
            return null;
        }
    }

    private static AuditResult? ReadResult(string? text, List<Refusal> findings)
    {
        if (text is null)
            return null;
        foreach (var result in Enum.GetValues<AuditResult>())
        {
            if (text.Equals(result.ToString(), StringComparison.OrdinalIgnoreCase))
                return result;
        }

        findings.Add(Invalid("result", text, $"none of {string.Join(", ", Enum.GetNames<AuditResult>())}"));
        return null;
    }

    private static AuditPosition? ReadPosition(HttpContext http, List<Refusal> findings)
    {
        if (!http.Request.Query.ContainsKey(Paging.SkipTokenName))
            return null;
        if (http.SkipToken() is { } token && AuditPosition.Parse(token) is { } position)
            return position;
        findings.Add(Paging.ForeignToken);
        return null;
    }

    private static Refusal Invalid(string name, string text, string why) =>
        new(RefusalCode.InvalidMember, $"'{name}': {AuditRecord.Bound(text)} is {why}", name);
}
