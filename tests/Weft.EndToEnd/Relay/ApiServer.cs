using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// An API server with one pod, as far as kubectl's everyday commands go: TLS with a CA of its own and the names that
/// installers give it, a bearer token, get and watch, logs -f without an end, exec and attach (v5.channel.k8s.io, or
/// SPDY) and port-forward (SPDY, over a WebSocket or by itself).
/// </summary>
internal sealed class ApiServer : IAsyncDisposable
{
    public const string Token = "kube-secret-of-the-test";

    private readonly WebApplication _app;
    private readonly Authority _authority;
    private int _requests;

    private ApiServer(Authority authority, int forwardsTo)
    {
        _authority = authority;
        var certificate = X509Certificate2.CreateFromPemFile(authority.CertificateFile, authority.KeyFile);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder
            .WebHost.UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        _app = builder.Build();
        _app.UseWebSockets();
        _app.Run(http =>
        {
            Interlocked.Increment(ref _requests);
            return Serve(http, forwardsTo);
        });
    }

    public int Port => new Uri(_app.Urls.First()).Port;

    /// <summary>What connections became, such as <c>exec websocket</c>.</summary>
    public ConcurrentQueue<string> Upgrades { get; } = [];

    /// <summary>How many requests have come.</summary>
    public int Requests => _requests;

    /// <summary>The CA certificates of the cluster.</summary>
    public string CaFile => _authority.CaFile;

    public static async Task<ApiServer> Start(int forwardsTo)
    {
        var server = new ApiServer(new Authority("kubernetes", "kubernetes.default.svc"), forwardsTo);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>Accepts the protocol that a request wants to go on with.</summary>
    public static Task<Stream> Upgrade(HttpContext http, string protocol, string? streamProtocol)
    {
        var headers = http.Response.Headers;
        (headers.Connection, headers.Upgrade) = ("Upgrade", protocol);
        if (streamProtocol is not null)
            headers["X-Stream-Protocol-Version"] = streamProtocol;
        return http.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        using (var now = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _authority.Dispose();
    }

    private Task Serve(HttpContext http, int forwardsTo)
    {
        var path = http.Request.Path.Value!;
        if (http.Request.Headers.Upgrade.ToString() is { Length: > 0 } protocol)
            Upgrades.Enqueue($"{path[(path.LastIndexOf('/') + 1)..]} {protocol}");
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            return Answer(
                http,
                """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401,"message":"no token"}""",
                401
            );
        if (path.EndsWith("/log", StringComparison.Ordinal))
            return Log(http);
        if (path.EndsWith("/exec", StringComparison.Ordinal) || path.EndsWith("/attach", StringComparison.Ordinal))
            return RemoteCommand.Serve(http);
        if (path.EndsWith("/portforward", StringComparison.Ordinal))
            return PortForward.Serve(http, forwardsTo);
        if (http.Request.Query["watch"] == "true")
            return Watch(http);
        return Documents.TryGetValue(path, out var document)
            ? Answer(http, document)
            : Answer(
                http,
                """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}""",
                404
            );
    }

    private static readonly Dictionary<string, string> Documents = new()
    {
        ["/version"] = """{"major":"1","minor":"32","gitVersion":"v1.32.4"}""",
        ["/api"] = """{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}""",
        ["/apis"] = """{"kind":"APIGroupList","apiVersion":"v1","groups":[]}""",
        ["/api/v1"] = """
            {
              "kind": "APIResourceList",
              "groupVersion": "v1",
              "resources": [
                {
                  "name": "pods",
                  "singularName": "pod",
                  "namespaced": true,
                  "kind": "Pod",
                  "verbs": ["get", "list", "watch"],
                  "shortNames": ["po"]
                }
              ]
            }
            """,
        ["/api/v1/namespaces/default/pods"] =
            $$"""{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{{Pod(0)}}]}""",
        ["/api/v1/namespaces/default/pods/upf-0"] = Pod(0),
    };

    private static string Pod(int number) =>
        $$"""
            {
              "kind": "Pod",
              "apiVersion": "v1",
              "metadata": {
                "name": "upf-{{number}}",
                "namespace": "default",
                "uid": "{{number + 1}}",
                "resourceVersion": "{{number + 1}}",
                "creationTimestamp": "2026-11-22T10:00:00Z"
              },
              "spec": { "containers": [{ "name": "upf", "image": "upf:1", "stdin": true }], "nodeName": "w1" },
              "status": {
                "phase": "Running",
                "containerStatuses": [
                  { "name": "upf", "ready": true, "restartCount": 0, "state": { "running": {} } }
                ]
              }
            }
            """;

    private static Task Answer(HttpContext http, string json, int status = 200)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json);
    }

    /// <summary>A new pod every 50 ms, as long as somebody watches.</summary>
    private static Task Watch(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        return Write(http, _ => true, i => $$"""{"type":"ADDED","object":{{Pod(i + 1)}}}""");
    }

    /// <summary>A line every 50 ms, as long as somebody follows.</summary>
    private static Task Log(HttpContext http) =>
        Write(http, i => i < 3 || http.Request.Query["follow"] == "true", i => $"line {i}");

    private static async Task Write(HttpContext http, Func<int, bool> goesOn, Func<int, string> line)
    {
        for (var i = 0; goesOn(i); i++)
        {
            await http.Response.WriteAsync($"{line(i)}\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(50, http.RequestAborted);
        }
    }
}
