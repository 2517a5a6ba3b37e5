using System.Net;
using System.Net.Sockets;
using Weft.Cli.Arm;
using Weft.Relay.Client;

namespace Weft.Cli.Relay;

/// <summary>
/// A port of this machine behind which a service is: each connection to it becomes one through the relay, with its own
/// beginning, ends and aborts.
/// </summary>
internal sealed class LocalListener : IDisposable
{
    // Who comes before the relay has answered for those before is held by the kernel; kubectl opens a handful.
    private const int Backlog = 128;

    private readonly Socket _socket;

    private LocalListener(Socket socket) => _socket = socket;

    /// <summary>Where it is.</summary>
    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Opens a port.</summary>
    /// <param name="port">The port; 0 for any that is free.</param>
    /// <returns>The port; whoever connects waits until <see cref="RunAsync"/>.</returns>
    /// <exception cref="CliError">It is taken, or not to be had.</exception>
    public static LocalListener Open(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(Backlog);
            return new LocalListener(socket);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new CliError(
                $"{new IPEndPoint(address, port)} can't be listened at: {e.Message}",
                next: "leave --port out for one that is free"
            );
        }
    }

    /// <summary>Serves whoever connects.</summary>
    /// <param name="cancel">Ends it, and cuts those who are connected.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task<HybridConnectionStream>> connect,
        Action<Exception> failed,
        CancellationToken cancel
    )
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _socket.AcceptAsync(cancel);
                client.NoDelay = true;
                open.RemoveAll(task => task.IsCompleted);
                open.Add(ServeAsync(client, connect, failed, cancel));
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await Task.WhenAll(open);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static async Task ServeAsync(
        Socket client,
        Func<CancellationToken, Task<HybridConnectionStream>> connect,
        Action<Exception> failed,
        CancellationToken cancel
    )
    {
        try
        {
            var stream = await connect(cancel);
            await StreamBridge.RunAsync(stream, client, cancel);
        }
        catch (Exception e) when (e is IOException or CliError or ArmException or OperationCanceledException)
        {
            // A reset, and no end: the client is to know that nobody was there.
            client.LingerState = new LingerOption(true, 0);
            client.Dispose();
            if (e is not OperationCanceledException)
                failed(e);
        }
    }
}
