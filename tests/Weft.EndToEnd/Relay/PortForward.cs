using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// The far end of port-forward: SPDY, in a WebSocket or by itself. Streams come in pairs, the first for errors and the
/// second for data, which becomes a TCP connection; so the connections of one kubectl come one after the other.
/// </summary>
internal static class PortForward
{
    /// <summary>Serves until kubectl goes.</summary>
    /// <param name="http">The request.</param>
    /// <param name="port">Where data streams lead.</param>
    public static async Task Serve(HttpContext http, int port)
    {
        if (!http.WebSockets.IsWebSocketRequest)
        {
            await using var stream = await ApiServer.Upgrade(http, "SPDY/3.1", "portforward.k8s.io");
            await Forward(
                buffer => stream.ReadAsync(buffer).AsTask(),
                frame => stream.WriteAsync(frame).AsTask(),
                port
            );
            return;
        }

        using var socket = await Accept(http, "SPDY/3.1+portforward.k8s.io");
        await Forward(
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
            port
        );
    }

    private static async Task Forward(Func<Memory<byte>, Task<int>> read, Func<byte[], Task> write, int port)
    {
        using var connection = new SpdyConnection(read, write);
        var running = connection.RunAsync();
        var pairs = new List<Task>();
        while (await connection.Opened.WaitToReadAsync())
        {
            var errors = await connection.Opened.ReadAsync();
            pairs.Add(Join(errors, await connection.Opened.ReadAsync(), port));
        }

        await running;
        await Task.WhenAll(pairs);
    }

    private static async Task Join(SpdyStream errors, SpdyStream data, int port)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", port);
        var back = Task.Run(async () =>
        {
            var buffer = new byte[32 * 1024];
            for (int count; (count = await socket.ReceiveAsync(buffer)) > 0; )
                await data.Send(buffer.AsMemory(0, count));
            await data.End();
            await errors.End();
        });
        await foreach (var bytes in data.Received)
            await socket.SendAsync(bytes);
        socket.Shutdown(SocketShutdown.Send);
        await back;
    }

    /// <summary>
    /// Accepts by hand: the sub-protocol's slash is no character of a token, and the framework refuses it.
    /// </summary>
    private static async Task<WebSocket> Accept(HttpContext http, string protocol)
    {
        const string HandshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3.
        var headers = http.Response.Headers;
        headers.SecWebSocketProtocol = protocol;
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, has no other.
        headers.SecWebSocketAccept = Convert.ToBase64String(
            SHA1.HashData(Encoding.ASCII.GetBytes(http.Request.Headers.SecWebSocketKey + HandshakeGuid))
        );
#pragma warning restore CA5350
        return WebSocket.CreateFromStream(
            await ApiServer.Upgrade(http, "websocket", null),
            new WebSocketCreationOptions { IsServer = true }
        );
    }
}
