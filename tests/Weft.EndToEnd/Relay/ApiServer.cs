using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// An API server with one pod, as far as kubectl's everyday commands go: TLS with a CA of its own and the names that installers give it, a
/// bearer token, get, logs -f without an end, exec (v5.channel.k8s.io) and port-forward (SPDY over a WebSocket).
/// </summary>
internal sealed class ApiServer : IAsyncDisposable
{
    public const string Token = "kube-secret-of-the-test";
    private const string Pod = """{"kind":"Pod","apiVersion":"v1","metadata":{"name":"upf-0","namespace":"default","uid":"1","creationTimestamp":"2026-11-22T10:00:00Z"},"spec":{"containers":[{"name":"upf","image":"upf:1"}],"nodeName":"w1"},"status":{"phase":"Running","containerStatuses":[{"name":"upf","ready":true,"restartCount":0,"state":{"running":{}}}]}}""";

    private readonly WebApplication _app;
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("weft-api-");

    private ApiServer(X509Certificate2 certificate, int forwardsTo)
    {
        File.WriteAllText(CaFile, certificate.ExportCertificatePem());
        File.WriteAllText(TokenFile, Token);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        _app = builder.Build();
        _app.UseWebSockets();
        _app.Run(http => Serve(http, forwardsTo));
    }

    public int Port => new Uri(_app.Urls.First()).Port;

    public string CaFile => Path.Combine(_place.FullName, "ca.crt");

    public string TokenFile => Path.Combine(_place.FullName, "token");

    public static async Task<ApiServer> Start(int forwardsTo)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("kubernetes");
        names.AddDnsName("kubernetes.default.svc");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        var server = new ApiServer(X509CertificateLoader.LoadPkcs12(request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(2)).Export(X509ContentType.Pkcs12), null), forwardsTo);
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using (var now = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _place.Delete(true);
    }

    private static async Task Serve(HttpContext http, int forwardsTo)
    {
        var path = http.Request.Path.Value!;
        if (http.Request.Headers.Authorization != $"Bearer {Token}")
            await Answer(http, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401,"message":"no token"}""", 401);
        else if (path.EndsWith("/log", StringComparison.Ordinal))
            await Log(http);
        else if (path.EndsWith("/exec", StringComparison.Ordinal) && http.WebSockets.IsWebSocketRequest)
            await Exec(http);
        else if (path.EndsWith("/portforward", StringComparison.Ordinal) && http.WebSockets.IsWebSocketRequest)
            await Forward(http, forwardsTo);
        else if (Documents.TryGetValue(path, out var document))
            await Answer(http, document);
        else
            await Answer(http, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}""", 404);
    }

    private static readonly Dictionary<string, string> Documents = new()
    {
        ["/version"] = """{"major":"1","minor":"32","gitVersion":"v1.32.4"}""",
        ["/api"] = """{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}""",
        ["/apis"] = """{"kind":"APIGroupList","apiVersion":"v1","groups":[]}""",
        ["/api/v1"] = """{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"],"shortNames":["po"]}]}""",
        ["/api/v1/namespaces/default/pods"] = $$"""{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{{Pod}}]}""",
        ["/api/v1/namespaces/default/pods/upf-0"] = Pod,
    };

    private static Task Answer(HttpContext http, string json, int status = 200)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json);
    }

    /// <summary>A line every 50 ms, as long as somebody follows.</summary>
    private static async Task Log(HttpContext http)
    {
        for (var i = 0; i < 3 || http.Request.Query["follow"] == "true"; i++)
        {
            await http.Response.WriteAsync($"line {i}\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(50, http.RequestAborted);
        }
    }

    /// <summary>Says its command on stdout, then sends back stdin in capitals; ends with exit code 3 once stdin has.</summary>
    private static async Task Exec(HttpContext http)
    {
        const byte In = 0, Out = 1, Error = 2, Status = 3, Close = 255;
        using var socket = await http.WebSockets.AcceptWebSocketAsync("v5.channel.k8s.io");
        await Send(Out, $"{string.Join(' ', http.Request.Query["command"].ToArray())}\n");
        await Send(Error, "on stderr\n");
        var buffer = new byte[64 * 1024];
        for (var open = http.Request.Query["stdin"] == "true"; open;)
        {
            var received = await socket.ReceiveAsync(buffer, http.RequestAborted);
            if (received.MessageType == WebSocketMessageType.Close || (buffer[0] == Close && buffer[1] == In))
                open = false;
            else if (buffer[0] == In)
                await Send(Out, Encoding.UTF8.GetString(buffer, 1, received.Count - 1).ToUpperInvariant());
        }

        await Send(Status, """{"metadata":{},"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with exit code 3","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}""");
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);

        Task Send(byte channel, string text) => socket.SendAsync(new[] { channel }.Concat(Encoding.UTF8.GetBytes(text)).ToArray(), WebSocketMessageType.Binary, true, http.RequestAborted);
    }

    /// <summary>Accepts by hand: the sub-protocol's slash is no character of a token, and the framework refuses it.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5350", Justification = "RFC 6455 §1.3 names SHA-1.")]
    private static async Task<WebSocket> Upgrade(HttpContext http, string protocol)
    {
        const string HandshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 §1.3
        var headers = http.Response.Headers;
        (headers.Connection, headers.Upgrade, headers.SecWebSocketProtocol) = ("Upgrade", "websocket", protocol);
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, has no other.
        headers.SecWebSocketAccept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(http.Request.Headers.SecWebSocketKey + HandshakeGuid)));
#pragma warning restore CA5350
        var stream = await http.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
    }

    private static async Task Forward(HttpContext http, int port)
    {
        using var socket = await Upgrade(http, "SPDY/3.1+portforward.k8s.io");
        using var streams = new SpdyStreams(
            async buffer =>
            {
                while (true)
                {
                    var received = await socket.ReceiveAsync(buffer, http.RequestAborted);
                    if (received.MessageType == WebSocketMessageType.Close || received.Count > 0)
                        return received.Count;
                }
            },
            frame => socket.SendAsync(frame, WebSocketMessageType.Binary, true, http.RequestAborted),
            port);
        await streams.RunAsync();
    }
}
