using System.Diagnostics;
using Weft.Contracts;
using Weft.Server.Agents;
using Weft.Server.Api;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server;

/// <summary>
/// The one entry point: every request is given its ids, has its credential checked, and is sent to the endpoints its
/// path names. Exceptions are caught here, once.
/// </summary>
internal sealed partial class ApiPipeline(
    ControlPlane controlPlane,
    CredentialStore credentials,
    ResourceEndpoints resources,
    OperationEndpoints operations,
    QueryEndpoints queries,
    IdentityEndpoints identities,
    AgentEndpoints agents,
    AuditTrail trail,
    RequestLimits limits,
    ILogger<ApiPipeline> logger
)
{
    private const string AgentsPath = AgentApi.Root;

    /// <summary>Far more than weftd's own tokens have.</summary>
    private const int MaxTokenLength = 512;

    public async Task Serve(HttpContext http)
    {
        SetRequestIds(http);
        var begin = Stopwatch.GetTimestamp();
        var entry = trail.Begin(http);
        try
        {
            await Serve(http, entry);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer; what was asked may be done all the same.
            await trail.Abort(http, entry);
        }
        catch (IOException e) when (!http.Response.HasStarted)
        {
            Log.StoreUnavailable(logger, http.Request.Method, AuditRecord.Bound(http.Request.Path), e);
            await http.Refuse(new Refusal(RefusalCode.ServiceUnavailable, e.Message));
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            Log.UnhandledException(logger, http.Request.Method, AuditRecord.Bound(http.Request.Path), e);
            await http.Refuse(
                new Refusal(
                    RefusalCode.InternalError,
                    $"a fault of weftd; the log has it under {http.Response.Headers["x-ms-request-id"]}"
                )
            );
        }

        if (logger.IsEnabled(LogLevel.Debug))
            LogRequest(http, entry, Stopwatch.GetElapsedTime(begin));
    }

    private async Task Serve(HttpContext http, AuditEntry entry)
    {
        if (AgentEndpoints.IsJoin(http.Request) && ReadBearer(http, ServiceAccountTokens.MaxLength) is { } token)
        {
            if (trail.CheckWritable(entry) is { } refusal)
                await http.Refuse(refusal);
            else
                await agents.ServeJoin(http, token);
            return;
        }

        if (Authenticate(http) is not { } caller)
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.AuthenticationFailed,
                    "Authentication failed: send 'Authorization: Bearer TOKEN' with a token that is known and has not expired"
                )
            );
            return;
        }

        entry.Identify(caller);
        http.IdentifyCaller(entry.Who);
        http.Features.Set<Sight>(caller.Sees);
        if ((trail.CheckWritable(entry) ?? limits.EnterWait(http)) is { } refused)
            await http.Refuse(refused);
        else
            await Dispatch(http, caller);
    }

    private void LogRequest(HttpContext http, AuditEntry entry, TimeSpan took) =>
        Log.RequestServed(
            logger,
            AuditRecord.Bound(http.Request.Method),
            AuditRecord.Bound(http.Request.Path.Value ?? "/"),
            http.Response.StatusCode,
            took.TotalMilliseconds,
            entry.Who,
            $"{http.Response.Headers["x-ms-request-id"]}"
        );

    private Task Dispatch(HttpContext http, Caller caller)
    {
        var path = http.Request.Path.Value ?? "/";
        if (path.StartsWith(AgentsPath, StringComparison.Ordinal))
            return agents.Serve(http, caller, path[AgentsPath.Length..]);
        if (!caller.IsPrincipal)
            return http.Refuse(
                new Refusal(
                    RefusalCode.AuthorizationFailed,
                    $"{caller.Name} may not use the resource API; its credential is good for {AgentsPath} only"
                )
            );
        if (IdentityEndpoints.Matches(path))
            return identities.Serve(http, caller, path);
        if (path.StartsWith("/providers/", StringComparison.OrdinalIgnoreCase))
            return queries.Serve(http, caller, path);
        var parts = path.Split('/');
        if (
            parts.Length == 9
            && parts[3].Equals("providers", StringComparison.OrdinalIgnoreCase)
            && parts[5].Equals("locations", StringComparison.OrdinalIgnoreCase)
            && HttpMethods.IsGet(http.Request.Method)
            && parts[7].ToLowerInvariant() is "operationstatuses" or "operationresults"
        )
            // An operation's name can't be guessed: who has it was given it.
            return operations.Serve(
                http,
                parts[8],
                parts[7].Equals("operationResults", StringComparison.OrdinalIgnoreCase)
            );
        return Authorization.Check(caller, http.Request.Method, path) is { } denied
            ? http.Refuse(denied)
            : resources.Serve(http, caller, path);
    }

    private Caller? Authenticate(HttpContext http) =>
        ReadBearer(http, MaxTokenLength) is { } token
            ? credentials.Authenticate(token, controlPlane.Store.Current, controlPlane.UtcNow)
            : null;

    private static string? ReadBearer(HttpContext http, int maxLength)
    {
        var header = http.Request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && header.Length <= maxLength
            ? header[7..].Trim()
            : null;
    }

    private static void SetRequestIds(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        headers["x-ms-correlation-request-id"] =
            http.Request.Headers["x-ms-correlation-request-id"] is { Count: 1 } correlation
            && Guid.TryParse(correlation, out var known)
                ? known.ToString()
                : headers["x-ms-request-id"];
        if (http.Request.Headers["x-ms-client-request-id"] is { Count: 1 } client && Guid.TryParse(client, out var id))
            headers["x-ms-client-request-id"] = id.ToString();
    }

    private static partial class Log
    {
        [LoggerMessage(1103, LogLevel.Debug, "")]
        public static partial void RequestServed(
            ILogger logger,
            string method,
            string path,
            int status,
            double milliseconds,
            string who,
            string request
        );

        [LoggerMessage(1101, LogLevel.Error, "{Method} {Path}: the store can't write")]
        public static partial void StoreUnavailable(ILogger logger, string method, string path, Exception error);

        [LoggerMessage(1102, LogLevel.Error, "{Method} {Path}: fault")]
        public static partial void UnhandledException(ILogger logger, string method, string path, Exception error);
    }
}
