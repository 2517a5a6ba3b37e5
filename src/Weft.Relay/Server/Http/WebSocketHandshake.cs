using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Frames;
using Weft.Relay.Transport;

namespace Weft.Relay.Server.Http;

/// <summary>
/// The opening handshake of RFC 6455 §4.2, without extensions: none is ever negotiated, since frames are passed on as
/// they are.
/// </summary>
internal static class WebSocketHandshake
{
    private const string AcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>
    /// Checks a handshake before a listener is invited: one that is invited with a bad key may crash.
    /// </summary>
    /// <returns>Why it is none; null where it is one.</returns>
    public static HttpRefusal? Check(HttpContext context)
    {
        var request = context.Request;
        if (
            !IsWebSocket(request)
            || !HttpMethods.IsGet(request.Method)
            || context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true }
        )
            return HttpRefusal.NotAWebSocket;
        if (request.Headers.SecWebSocketVersion.ToString() != "13")
            return HttpRefusal.WrongVersion;
        Span<byte> key = stackalloc byte[16];
        var text = request.Headers.SecWebSocketKey.ToString();
        if (text.Length != 24 || !Convert.TryFromBase64String(text, key, out var size) || size != 16)
            return HttpRefusal.BadKey;
        return ReadSubProtocols(request) is null ? HttpRefusal.BadProtocol : null;
    }

    /// <summary>Whether a request asks for a WebSocket, well or badly.</summary>
    public static bool IsWebSocket(HttpRequest request) =>
        request.Headers.Upgrade.Any(value =>
            value is not null
            && value.Split(',').Any(protocol => protocol.Trim().Equals("websocket", StringComparison.OrdinalIgnoreCase))
        );

    /// <summary>The sub-protocols that are offered, in order.</summary>
    /// <returns>The protocols; null where the list is malformed.</returns>
    public static string[]? ReadSubProtocols(HttpRequest request)
    {
        var text = request.Headers.SecWebSocketProtocol.ToString();
        if (text.Length == 0)
            return [];
        var offered = text.Split(',', StringSplitOptions.TrimEntries);
        return offered.All(HeaderFilter.IsToken) && offered.Distinct(StringComparer.Ordinal).Count() == offered.Length
            ? offered
            : null;
    }

    /// <summary>Answers 101.</summary>
    /// <param name="context">A request that <see cref="Check"/> found good.</param>
    /// <param name="protocol">The sub-protocol; null for none.</param>
    /// <returns>The connection behind it: the relay's own where its transport has it, otherwise the server's
    /// stream.</returns>
    public static async Task<SessionPeer> Upgrade(HttpContext context, string? protocol = null)
    {
        var headers = context.Response.Headers;
        headers.Upgrade = "websocket";
        headers.Connection = "Upgrade";
        headers.SecWebSocketAccept = ComputeAccept(context.Request.Headers.SecWebSocketKey.ToString());
        if (protocol is not null)
            headers.SecWebSocketProtocol = protocol;
        var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        return context.Features.Get<IRelayTransportFeature>()?.TakeOver()
            ?? new SessionPeer(stream, default, context.Abort);
    }

    /// <summary>
    /// Whether <see cref="Upgrade"/> takes the connection out of the request's hands, which may end then.
    /// </summary>
    public static bool DetachesConnection(HttpContext context) =>
        context.Features.Get<IRelayTransportFeature>() is not null;

#pragma warning disable CA5350 // RFC 6455 §4.2.2 asks for SHA-1; nothing depends on its strength.
    private static string ComputeAccept(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptGuid)));
#pragma warning restore CA5350
}
