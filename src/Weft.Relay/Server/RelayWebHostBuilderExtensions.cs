using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server;

/// <summary>What a web server must be told that serves a relay.</summary>
internal static class RelayWebHostBuilderExtensions
{
    /// <summary>
    /// Bounds how slowly a request may come, reads <c>Connection</c> whole, and keeps tokens out of the log: a sender's
    /// may stand in the query, which ASP.NET Core writes for each request at the level Information.
    /// </summary>
    /// <param name="builder">The web host; all its endpoints are bound alike, so that a relay has one of its
    /// own.</param>
    /// <param name="headTimeout">How long the head of a request may take. Null for the default of 15 s: half of
    /// Kestrel's, and twice what a slow satellite needs.</param>
    public static IWebHostBuilder UseRelayLimits(this IWebHostBuilder builder, TimeSpan? headTimeout = null)
    {
        return builder
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.RequestHeaderEncodingSelector = ConnectionFieldEncoding.Select;
                kestrel.Limits.RequestHeadersTimeout = headTimeout ?? TimeSpan.FromSeconds(15);
                kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
                // Path and query as long as they are read; a token in a query is percent-encoded twice over.
                kestrel.Limits.MaxRequestLineSize = 20 * 1024;
            })
            .ConfigureServices(services =>
                services.PostConfigure<LoggerFilterOptions>(log =>
                    log.Rules.Add(new(null, "Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning, null))
                )
            );
    }
}
