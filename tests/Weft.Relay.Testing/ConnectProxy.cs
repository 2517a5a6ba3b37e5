using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Relay.Testing;

/// <summary>
/// A proxy of the kind that stands between sites and the world: it takes CONNECT and nothing else, and notes who asked
/// for what.
/// </summary>
internal sealed class ConnectProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<IDisposable> _open = [];

    public ConnectProxy()
    {
        _listener.Start(256);
        _ = Accept();
    }

    /// <summary>What stands in <c>HTTPS_PROXY</c> behind the credentials.</summary>
    public string Authority => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Name and password, with a colon between, without which nobody is served; null for anybody.</summary>
    public string? Credentials { get; init; }

    /// <summary>Ports that it won't connect to, and what it answers instead.</summary>
    public ConcurrentDictionary<int, string> Refuses { get; } = new();

    /// <summary>Where it has connected to, <c>host:port</c>, in order.</summary>
    public ConcurrentQueue<string> Served { get; } = new();

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var open in _open)
            open.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task Accept()
    {
        try
        {
            while (true)
                _ = Serve(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task Serve(TcpClient near)
    {
        _open.Add(near);
        try
        {
            var stream = near.GetStream();
            var head = await ReadHead(stream);
            var words = head.Split("\r\n")[0].Split(' ');
            var isKnown =
                Credentials is null
                || head.Contains(
                    $"Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes(Credentials))}",
                    StringComparison.Ordinal
                );
            var refusal =
                words[0] != "CONNECT" ? "405 Method Not Allowed"
                : !isKnown ? "407 Proxy Authentication Required"
                : Refuses.GetValueOrDefault(int.Parse(words[1].Split(':')[1]));
            if (refusal is not null)
            {
                await stream.WriteAsync(
                    Encoding.ASCII.GetBytes(
                        $"HTTP/1.1 {refusal}\r\nProxy-Authenticate: Basic realm=\"site\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                );
                near.Close();
                return;
            }

            var far = new TcpClient();
            _open.Add(far);
            var (host, port) = (words[1][..words[1].LastIndexOf(':')], words[1][(words[1].LastIndexOf(':') + 1)..]);
            await far.ConnectAsync(host, int.Parse(port));
            Served.Enqueue(words[1]);
            await stream.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray());
            await Task.WhenAll(Copy(near, far), Copy(far, near));
        }
        catch (Exception e)
            when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            near.Dispose();
        }
    }

    private static async Task<string> ReadHead(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one);
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    private static async Task Copy(TcpClient from, TcpClient to)
    {
        await from.GetStream().CopyToAsync(to.GetStream());
        to.Client.Shutdown(SocketShutdown.Send);
    }
}
