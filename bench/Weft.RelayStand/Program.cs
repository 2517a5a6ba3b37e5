using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Frames;
using Weft.Relay.Transport;

SocketCompletions.UseInlineCompletions();

// Joins /a/N with /b/N. No tokens, no rules: only the way that bytes take.
// Arguments: LISTEN [CERTIFICATE KEY [LISTEN-WITHOUT-TLS]].
var waiting = new ConcurrentDictionary<string, TaskCompletionSource<(SessionPeer Peer, TaskCompletionSource End)>>();
var options = new RelayTransportOptions(IPEndPoint.Parse(args[0]))
{
    CertificateFile = args.ElementAtOrDefault(1),
    KeyFile = args.ElementAtOrDefault(2),
};
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders().AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false).UseRelayTransport(options);
if (args.Length > 3)
    builder.WebHost.UseRelayTransport(new RelayTransportOptions(IPEndPoint.Parse(args[3])));
var app = builder.Build();
app.Run(async context =>
{
    var path = context.Request.Path.Value!;
    var peer = await Upgrade(context);
    var place = waiting.GetOrAdd(path[2..], _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
    var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    if (place.TrySetResult((peer, end)))
    {
        await end.Task;
        return;
    }

    waiting.TryRemove(path[2..], out _);
    var (otherPeer, otherEnd) = await place.Task;
    await new FrameRelay(peer, otherPeer, FrameRelayOptions.Default, TimeProvider.System).Run();
    otherEnd.SetResult();
});
await app.StartAsync();
Console.WriteLine(
    $"listening on {app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()}"
);
await app.WaitForShutdownAsync();

static async Task<SessionPeer> Upgrade(HttpContext context)
{
    var key = context.Request.Headers.SecWebSocketKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    // RFC 6455, section 4.2.2, asks for SHA-1: it hides nothing.
#pragma warning disable CA5350
    context.Response.Headers.SecWebSocketAccept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key)));
#pragma warning restore CA5350
    context.Response.Headers.Connection = "Upgrade";
    context.Response.Headers.Upgrade = "websocket";
    await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
    return context.Features.GetRequiredFeature<IRelayTransportFeature>().TakeOver();
}
