using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Weft.Attachments.Admission;
using Weft.Resources;

namespace Weft.Agent.Kubernetes.Webhook;

/// <summary>The admission webhook over HTTPS. Contract: docs/specs/agent-kubernetes.md, "Webhook".</summary>
/// <param name="context">What the cluster has, as of now.</param>
internal sealed class WebhookServer(
    IPEndPoint at,
    ServingCertificate certificate,
    Func<LintContext> context,
    ILogger log
)
{
    private const int MaxBodyLength = 3 << 20;
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Serves until cancelled.</summary>
    /// <returns>Done when nobody is served any more.</returns>
    /// <exception cref="StartupException">It can't listen there.</exception>
    public async Task Run(CancellationToken cancel)
    {
        certificate.Prepare();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder
            .WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .UseShutdownTimeout(TimeSpan.FromSeconds(1))
            .ConfigureKestrel(Configure);
        await using var app = builder.Build();
        app.Run(Serve);
        try
        {
            await app.StartAsync(cancel);
        }
        catch (IOException e)
        {
            throw new StartupException($"--webhook-listen {at} can't be used: {e.Message}", e);
        }

        log.WebhookListening(at);
        try
        {
            await Task.Delay(Timeout.Infinite, cancel);
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = MaxBodyLength;
        kestrel.Limits.MaxConcurrentConnections = 256;
        kestrel.Limits.RequestHeadersTimeout = RequestTimeout;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Listen(
            at,
            listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(
                    new TlsHandshakeCallbackOptions
                    {
                        HandshakeTimeout = RequestTimeout,
                        // Asked at each handshake: that is what makes a new certificate take effect.
                        OnConnection = _ =>
                            ValueTask.FromResult(
                                new SslServerAuthenticationOptions
                                {
                                    ServerCertificateContext = certificate.Context,
                                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                                    ApplicationProtocols =
                                    [
                                        SslApplicationProtocol.Http2,
                                        SslApplicationProtocol.Http11,
                                    ],
                                }
                            ),
                    }
                );
            }
        );
    }

    private async Task Serve(HttpContext http)
    {
        Decision? decide = http.Request.Path.Value switch
        {
            "/validate" => AdmissionReview.Validate,
            "/mutate" => AdmissionReview.Mutate,
            _ => null,
        };
        if (decide is null)
        {
            http.Response.StatusCode = 404;
        }
        else if (http.Request.Method != "POST")
        {
            http.Response.StatusCode = 405;
            http.Response.Headers.Allow = "POST";
        }
        else
        {
            await Review(http, decide);
        }
    }

    private async Task Review(HttpContext http, Decision decide)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        deadline.CancelAfter(RequestTimeout);
        try
        {
            await Respond(http, decide, deadline.Token);
        }
        catch (JsonException e)
        {
            await Refuse(http, $"the body is no JSON: {e.Message}", deadline.Token);
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            http.Response.StatusCode = e.StatusCode;
        }
        catch (OperationCanceledException)
        {
            if (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
                http.Response.StatusCode = 408;
        }
        catch (Exception e) when (e is IOException or ConnectionResetException)
        {
            // Nobody waits for the answer any more.
        }
    }

    private async Task Respond(HttpContext http, Decision decide, CancellationToken cancel)
    {
        var options = new JsonDocumentOptions { MaxDepth = 128 };
        using var review = await JsonDocument.ParseAsync(http.Request.Body, options, cancel);
        if (decide(review.RootElement, context).TryGet(out var answer, out var refusal))
            await Respond(http, 200, "application/json", Json.ToUtf8(answer), cancel);
        else
            await Refuse(http, refusal.Message, cancel);
    }

    private static Task Refuse(HttpContext http, string why, CancellationToken cancel) =>
        Respond(http, 400, "text/plain; charset=utf-8", System.Text.Encoding.UTF8.GetBytes(why + "\n"), cancel);

    private static async Task Respond(HttpContext http, int status, string type, byte[] body, CancellationToken cancel)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, cancel);
    }

    /// <summary>Answers a review by what the cluster has.</summary>
    private delegate Outcome<JsonObject> Decision(JsonElement review, Func<LintContext> context);
}
