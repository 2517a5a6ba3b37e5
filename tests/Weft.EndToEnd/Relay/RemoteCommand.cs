using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// The far end of exec and attach, by either of the protocols that kubectl speaks: stdin comes; stdout, stderr and a
/// status go.
/// </summary>
internal static class RemoteCommand
{
    // Channels of v5.channel.k8s.io (k8s.io/apimachinery/pkg/util/remotecommand).
    private const byte In = 0,
        Out = 1,
        Error = 2,
        Status = 3,
        Close = 255;

    /// <summary>
    /// How long a command needs to start. kubectl before 1.34 reads before its streams stand, and drops what comes for
    /// a stream that doesn't (kubernetes/kubernetes#131189).
    /// </summary>
    private static readonly TimeSpan Start = TimeSpan.FromMilliseconds(500);

    private const string ExitCode3 = """
        {
          "metadata": {},
          "status": "Failure",
          "reason": "NonZeroExitCode",
          "message": "command terminated with exit code 3",
          "details": { "causes": [{ "reason": "ExitCode", "message": "3" }] }
        }
        """;
    private const string Success = """{"metadata":{},"status":"Success"}""";

    /// <summary>
    /// Says its command on stdout and a line on stderr, sends stdin back in capitals, and ends with it: a command with
    /// exit code 3, what is attached to with 0.
    /// </summary>
    /// <param name="http">The request.</param>
    public static Task Serve(HttpContext http)
    {
        var attaches = http.Request.Path.Value!.EndsWith("/attach", StringComparison.Ordinal);
        var greeting = attaches ? "attached\n" : $"{string.Join(' ', http.Request.Query["command"].ToArray())}\n";
        var (hasInput, status) = (http.Request.Query["stdin"] == "true", attaches ? Success : ExitCode3);
        return http.WebSockets.IsWebSocketRequest
            ? ByWebSocket(http, greeting, hasInput, status)
            : BySpdy(http, greeting, hasInput, status);
    }

    private static async Task ByWebSocket(HttpContext http, string greeting, bool hasInput, string status)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync("v5.channel.k8s.io");
        await Task.Delay(Start, http.RequestAborted);
        await Send(Out, Encoding.UTF8.GetBytes(greeting));
        await Send(Error, "on stderr\n"u8.ToArray());
        var buffer = new byte[64 * 1024];
        for (var open = hasInput; open; )
        {
            var received = await socket.ReceiveAsync(buffer, http.RequestAborted);
            if (received.MessageType == WebSocketMessageType.Close || (buffer[0] == Close && buffer[1] == In))
                open = false;
            else if (buffer[0] == In)
                await Send(Out, Capitals(buffer.AsSpan(1, received.Count - 1)));
        }

        await Send(Status, Encoding.UTF8.GetBytes(status));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);

        Task Send(byte channel, byte[] bytes) =>
            socket.SendAsync((byte[])[channel, .. bytes], WebSocketMessageType.Binary, true, http.RequestAborted);
    }

    /// <summary>
    /// kubectl opens the streams in one order: error, stdin if there is any, stdout, stderr (client-go,
    /// tools/remotecommand/v2.go).
    /// </summary>
    private static async Task BySpdy(HttpContext http, string greeting, bool hasInput, string status)
    {
        await using var stream = await ApiServer.Upgrade(http, "SPDY/3.1", "v4.channel.k8s.io");
        using var connection = new SpdyConnection(
            buffer => stream.ReadAsync(buffer).AsTask(),
            frame => stream.WriteAsync(frame).AsTask()
        );
        var running = connection.RunAsync();
        var error = await connection.Opened.ReadAsync(http.RequestAborted);
        var input = hasInput ? await connection.Opened.ReadAsync(http.RequestAborted) : null;
        var (output, errors) = (
            await connection.Opened.ReadAsync(http.RequestAborted),
            await connection.Opened.ReadAsync(http.RequestAborted)
        );
        await output.Send(Encoding.UTF8.GetBytes(greeting));
        await errors.Send("on stderr\n"u8.ToArray());
        if (input is not null)
        {
            await foreach (var bytes in input.Received)
                await output.Send(Capitals(bytes));
        }

        await error.Send(Encoding.UTF8.GetBytes(status));
        foreach (var ending in new[] { output, errors, error })
            await ending.End();
        await running;
    }

    private static byte[] Capitals(ReadOnlySpan<byte> text) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).ToUpperInvariant());
}
