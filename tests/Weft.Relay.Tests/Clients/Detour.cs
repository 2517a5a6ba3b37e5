using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Relay.Tests.Clients;

/// <summary>A TCP hop in front of a relay: it can freeze, as a host does whose power has gone, or ask for HTTP CONNECT, as a proxy does.</summary>
internal sealed class Detour : IAsyncDisposable
{
    private readonly Socket _door = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly int _port;
    private readonly string? _credentials;
    private readonly bool _isProxy;

    public Detour(int port, bool isProxy = false, string? credentials = null)
    {
        (_port, _isProxy, _credentials) = (port, isProxy, credentials);
        _door.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _door.Listen();
        Port = ((IPEndPoint)_door.LocalEndPoint!).Port;
        _ = Accept();
    }

    public int Port { get; }

    public bool IsFrozen { get; set; }

    public ConcurrentQueue<string> Asked { get; } = new();

    public ValueTask DisposeAsync()
    {
        _door.Dispose();
        foreach (var socket in _sockets)
            socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Serve(await _door.AcceptAsync());
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
            if (_isProxy && !await Agree(near))
                return;
            await far.ConnectAsync(IPAddress.Loopback, _port);
            await Task.WhenAll(Copy(near, far), Copy(far, near));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            near.Dispose();
            far.Dispose();
        }
    }

    private async Task<bool> Agree(Socket near)
    {
        var head = "";
        var buffer = new byte[4096];
        while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head += Encoding.ASCII.GetString(buffer, 0, await near.ReceiveAsync(buffer));
        Asked.Enqueue(head.Split("\r\n")[0]);
        var isGood = head.StartsWith("CONNECT ", StringComparison.Ordinal) && (_credentials is null || head.Contains(Convert.ToBase64String(Encoding.ASCII.GetBytes(_credentials)), StringComparison.Ordinal));
        await near.SendAsync(Encoding.ASCII.GetBytes(isGood ? "HTTP/1.1 200 Connection established\r\n\r\n" : "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        if (!isGood)
            near.Dispose();
        return isGood;
    }

    private async Task Copy(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReceiveAsync(buffer) is > 0 and var count)
        {
            while (IsFrozen)
                await Task.Delay(20);
            await to.SendAsync(buffer.AsMemory(0, count));
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
