using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Relay.Testing;

/// <summary>A listener of the tests' own, which does the wrong thing as readily as the right one.</summary>
internal sealed class LiveListener(LiveRelay relay, ClientWebSocket control) : IAsyncDisposable
{
    public ClientWebSocket Control { get; } = control;

    /// <summary>Reads a control message; null when the relay closed.</summary>
    public async Task<JsonObject?> Next(TimeSpan? limit = null)
    {
        var (type, bytes) = await Read(Control, limit);
        return type == WebSocketMessageType.Close ? null : JsonNode.Parse(bytes)!.AsObject();
    }

    /// <summary>Reads a message.</summary>
    /// <param name="limit">How long it may take; null for far longer than a message needs on a loaded machine.</param>
    public static async Task<(WebSocketMessageType Type, byte[] Bytes)> Read(WebSocket socket, TimeSpan? limit = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(limit ?? Eventually.Limit);
        var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var piece = await socket.ReceiveAsync(buffer, deadline.Token);
            bytes.Write(buffer, 0, piece.Count);
            if (piece.EndOfMessage)
                return (piece.MessageType, bytes.ToArray());
        }
    }

    public static Task Send(WebSocket socket, string text) =>
        socket.SendAsync(
            Encoding.UTF8.GetBytes(text),
            WebSocketMessageType.Text,
            true,
            TestContext.Current.CancellationToken
        );

    public Task Send(JsonObject message) => Send(Control, message.ToJsonString());

    /// <summary>Accepts the next sender.</summary>
    public async Task<ClientWebSocket> Accept(string? protocol = null) =>
        await Dial(Address(await Next() ?? throw new IOException("the relay closed")), protocol);

    public static string Address(JsonObject message) =>
        (message["accept"] ?? message["request"])!["address"]!.GetValue<string>();

    public async Task<ClientWebSocket> Dial(string address, string? protocol = null)
    {
        var uri = new Uri(address);
        return await relay.Connect(
            uri.PathAndQuery,
            null,
            options =>
            {
                if (protocol is not null)
                    options.AddSubProtocol(protocol);
            }
        );
    }

    /// <summary>Accepts whoever comes and echoes what is said, until the relay closes.</summary>
    public async Task EchoAll(ConcurrentBag<ClientWebSocket>? accepted = null)
    {
        var echoes = new List<Task>();
        // It waits for as long as its test runs.
        while (await Next(Timeout.InfiniteTimeSpan) is { } message)
        {
            echoes.Add(
                Task.Run(async () =>
                {
                    try
                    {
                        var socket = await Dial(Address(message));
                        accepted?.Add(socket);
                        await Echo(socket);
                    }
                    catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
                    {
                        // The sender's test ended it.
                    }
                })
            );
        }

        await Task.WhenAll(echoes);
    }

    public static async Task Echo(WebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var piece = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            if (piece.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(
                    socket.CloseStatus ?? WebSocketCloseStatus.NormalClosure,
                    socket.CloseStatusDescription,
                    CancellationToken.None
                );
                socket.Dispose();
                return;
            }

            await socket.SendAsync(
                buffer.AsMemory(0, piece.Count),
                piece.MessageType,
                piece.EndOfMessage,
                TestContext.Current.CancellationToken
            );
        }
    }

    public ValueTask DisposeAsync()
    {
        Control.Dispose();
        return ValueTask.CompletedTask;
    }
}
