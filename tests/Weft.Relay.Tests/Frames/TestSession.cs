using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Frames;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Frames;

/// <summary>A session over two TCP connections, with a peer at each end.</summary>
internal sealed class TestSession : IDisposable
{
    private TestSession(TestPeer sender, TestPeer listener, FrameRelay relay)
    {
        (Sender, Listener, Relay) = (sender, listener, relay);
        End = relay.Run();
    }

    public TestPeer Sender { get; }

    public TestPeer Listener { get; }

    public FrameRelay Relay { get; }

    public Task<SessionEnd> End { get; }

    public static async Task<TestSession> Start(
        FrameRelayOptions? options = null,
        FakeTimeProvider? time = null,
        byte[]? early = null
    )
    {
        var chosen = options ?? FrameRelayOptions.Default;
        // These peers answer pings when a test has them do so; a slow machine is no silent peer.
        if (time is null)
            chosen = chosen with { PingInterval = Wait.Never };
        var (sender, senderPeer) = await Connect(early ?? []);
        var (listener, listenerPeer) = await Connect([]);
        return new TestSession(
            sender,
            listener,
            new FrameRelay(senderPeer, listenerPeer, chosen, (TimeProvider?)time ?? TimeProvider.System)
        );
    }

    /// <summary>The end, or a failed test.</summary>
    public Task<SessionEnd> WhenEnded() => End.WaitAsync(Wait.Token);

    public void Dispose()
    {
        Sender.Socket.Dispose();
        Listener.Socket.Dispose();
    }

    private static async Task<(TestPeer Client, SessionPeer Peer)> Connect(byte[] early)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var accepting = server.AcceptSocketAsync(Wait.Token).AsTask();
        await client.ConnectAsync(server.LocalEndpoint, Wait.Token);
        var accepted = await accepting;
        accepted.NoDelay = true;
        var stream = new SocketStream(accepted);
        return (
            new TestPeer(client),
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
internal sealed class TestPeer(Socket socket)
{
    public Socket Socket { get; } = socket;

    public NetworkStream Stream { get; } = new(socket);

    public Task Send(Frame frame) => SendBytes(FrameBytes.Masked(frame, 0x11223344));

    public Task Send(int opcode, byte[] payload, bool isFinal = true) => Send(new Frame(isFinal, opcode, payload));

    public Task SendBytes(byte[] bytes) => Stream.WriteAsync(bytes, Wait.Token).AsTask();

    /// <summary>The next frame; null where the connection ends, however it does.</summary>
    public async Task<Frame?> Receive()
    {
        try
        {
            return await FrameBytes.Read(Stream, Wait.Token);
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
