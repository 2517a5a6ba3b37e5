using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Weft.Tests.Cni;

/// <summary>An agent on a real socket that says what a test tells it to, and closes.</summary>
internal sealed class StubAgent : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentQueue<Socket> _taken = new();
    private readonly Socket _grave = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string? _answer;
    private readonly TimeSpan? _drip;

    /// <summary>Starts to listen.</summary>
    /// <param name="answer">What to say to each request; null takes the request and stays silent.</param>
    /// <param name="drip">Says it byte by byte, with this time between.</param>
    public StubAgent(string? answer, TimeSpan? drip = null)
    {
        _answer = answer;
        _drip = drip;
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
        _ = Serve();
    }

    public string Path => System.IO.Path.Combine(_directory.FullName, "agent.sock");

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Stops to listen and leaves a file nobody listens at, as a killed agent does.</summary>
    public void Kill()
    {
        _listener.Close(); // takes the file away with it
        _grave.Bind(new UnixDomainSocketEndPoint(Path));
    }

    public void Dispose()
    {
        _listener.Dispose();
        _grave.Dispose();
        foreach (var socket in _taken)
            socket.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task Serve()
    {
        try
        {
            while (true)
                await Answer(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The listener is closed: the test is over, or wants the agent dead.
            return;
        }
    }

    private async Task Answer(Socket socket)
    {
        _taken.Enqueue(socket);
        var request = "";
        var buffer = new byte[4096];
        while (!request.EndsWith('\n'))
        {
            var count = await socket.ReceiveAsync(buffer);
            if (count == 0)
                break;
            request += Encoding.UTF8.GetString(buffer, 0, count);
        }

        Requests.Enqueue(request);
        if (_answer is null)
            return;
        for (var rest = Encoding.UTF8.GetBytes(_answer).AsMemory(); rest.Length > 0; )
        {
            rest = rest[await socket.SendAsync(_drip is null ? rest : rest[..1])..];
            if (_drip is { } pause)
                await Task.Delay(pause);
        }

        socket.Close();
    }
}
