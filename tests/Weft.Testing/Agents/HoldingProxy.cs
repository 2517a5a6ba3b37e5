using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Weft.Testing.Agents;

/// <summary>
/// A proxy between an agent and weftd that can hold requests back, and passes them on even where the agent has gone
/// meanwhile: as one does that keeps its upstream open.
/// </summary>
internal sealed class HoldingProxy : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _upstream;
    private readonly TaskCompletionSource _let = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private HoldingProxy(WebApplication app, Uri upstream)
    {
        _app = app;
        _upstream = new HttpClient { BaseAddress = upstream };
    }

    public Uri Url => new(_app.Urls.First());

    /// <summary>The path whose requests are held; null where none is.</summary>
    public string? Held { get; set; }

    /// <summary>What was passed on, and with what status it was answered.</summary>
    public ConcurrentQueue<(string Path, int Status)> Passed { get; } = [];

    public static async Task<HoldingProxy> Start(Uri upstream)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var proxy = new HoldingProxy(app, upstream);
        app.Run(proxy.Pass);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return proxy;
    }

    /// <summary>Lets go what is held, and everything from now on.</summary>
    public void Release() => _let.TrySetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Release();
        await _app.DisposeAsync();
        _upstream.Dispose();
    }

    private async Task Pass(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (path == Held)
            await _let.Task;
        using var message = new HttpRequestMessage(
            new HttpMethod(context.Request.Method),
            new Uri(path + context.Request.QueryString.Value, UriKind.Relative)
        );
        message.Headers.TryAddWithoutValidation("Authorization", context.Request.Headers.Authorization.ToString());
        message.Content = new ByteArrayContent(body.ToArray());
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        using var answer = await _upstream.SendAsync(message);
        Passed.Enqueue((path, (int)answer.StatusCode));
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers)
            context.Response.Headers.TryAdd(name, values.ToArray());
        context.Response.Headers.Remove("Transfer-Encoding");
        var content = await answer.Content.ReadAsByteArrayAsync();
        if (content.Length > 0)
            await context.Response.Body.WriteAsync(content);
    }
}
