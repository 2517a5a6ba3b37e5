using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Frames;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Frames;

/// <summary>A session over two TCP connections, with a peer at each end.</summary>
internal sealed class TestSession : IDisposable
{
    private readonly CancellationTokenSource _options = new(TimeSpan.FromSeconds(20));

    private TestSession(TestPeer sender, TestPeer listener, FrameRelay relay, FakeTimeProvider? time)
    {
        (Sender, Listener, Relay, Time) = (sender, listener, relay, time);
        End = relay.Run();
    }

    public TestPeer Sender { get; }

    public TestPeer Listener { get; }

    public FrameRelay Relay { get; }

    public FakeTimeProvider? Time { get; }

    public Task<SessionEnd> End { get; }

    public static async Task<TestSession> Start(
        FrameRelayOptions? options = null,
        FakeTimeProvider? time = null,
        byte[]? early = null
    )
    {
        var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;
        var (sender, senderHop) = await Connect(early ?? [], cancel);
        var (listener, listenerHop) = await Connect([], cancel);
        return new TestSession(
            sender,
            listener,
            new FrameRelay(
                senderHop,
                listenerHop,
                options ?? FrameRelayOptions.Default,
                (TimeProvider?)time ?? TimeProvider.System
            ),
            time
        );
    }

    /// <summary>The end, or a failed test.</summary>
    public async Task<SessionEnd> WhenEnded() => await End.WaitAsync(TimeSpan.FromSeconds(20));

    public void Dispose()
    {
        Sender.Socket.Dispose();
        Listener.Socket.Dispose();
        _options.Dispose();
    }

    private static async Task<(TestPeer Peer, SessionPeer Hop)> Connect(byte[] early, CancellationToken cancel)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var accepting = server.AcceptSocketAsync(cancel).AsTask();
        await client.ConnectAsync(server.LocalEndpoint, cancel);
        var accepted = await accepting;
        accepted.NoDelay = true;
        var stream = new SocketStream(accepted);
        return (
            new TestPeer(client, cancel),
            new SessionPeer(
                stream,
                early,
                stream.Abort,
                () =>
                {
                    stream.Shutdown();
                    return ValueTask.CompletedTask;
                }
            )
        );
    }
}

/// <summary>A client at one end of a session.</summary>
internal sealed class TestPeer(Socket socket, CancellationToken cancel)
{
    public Socket Socket { get; } = socket;

    public NetworkStream Stream { get; } = new(socket);

    public Task Send(Frame frame) => SendBytes(FrameBytes.Masked(frame, 0x11223344));

    public Task Send(int opcode, byte[] payload, bool isFinal = true) => Send(new Frame(isFinal, opcode, payload));

    public Task SendBytes(byte[] bytes) => Stream.WriteAsync(bytes, cancel).AsTask();

    /// <summary>The next frame; null where the connection ends, however it does.</summary>
    public async Task<Frame?> Receive()
    {
        try
        {
            return await FrameBytes.Read(Stream, cancel);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async Task Expect(int opcode, byte[] payload, bool isFinal = true) =>
        Assert.Equal(new Frame(isFinal, opcode, payload), await Receive());

    /// <summary>A connection that ends without a Close.</summary>
    public async Task ExpectAbort() => Assert.Null(await Receive());

    public void End() => Socket.Shutdown(SocketShutdown.Send);

    public void Reset() => Socket.Close(0);
}
