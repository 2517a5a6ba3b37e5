using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Testing;

/// <summary>A TCP proxy in front of a relay, which can freeze, as a host does whose power has gone.</summary>
internal sealed class FreezableTcpProxy : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly int _port;
    private int _passed;

    public FreezableTcpProxy(int port)
    {
        _port = port;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _ = Accept();
    }

    public int Port { get; }

    public bool IsFrozen { get; set; }

    /// <summary>How many pieces went through, both ways.</summary>
    public int Passed => Volatile.Read(ref _passed);

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
            socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Serve(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task Serve(Socket near)
    {
        var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(near);
        _sockets.Add(far);
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, _port);
            await Task.WhenAll(Copy(near, far), Copy(far, near));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            near.Dispose();
            far.Dispose();
        }
    }

    private async Task Copy(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReceiveAsync(buffer) is > 0 and var count)
        {
            while (IsFrozen)
                await Task.Delay(20);
            await to.SendAsync(buffer.AsMemory(0, count));
            Interlocked.Increment(ref _passed);
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
