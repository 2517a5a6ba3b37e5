using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

/// <summary>What a sender sees of a TCP service behind a listener, and the service of the sender.</summary>
public sealed class StreamBridgeTests
{
    private static CancellationToken TimeoutToken => Wait.Token;

    [Fact]
    public async Task Turns_AnEndIntoAnEndBothWays()
    {
        await using var site = await BridgedRelay.Start();
        var (far, near) = await site.Join();
        var sent = RandomNumberGenerator.GetBytes(5_000_000);
        var received = ReadAll(near);
        await far.WriteAsync(sent, TimeoutToken);
        await far.CompleteWritesAsync(TimeoutToken);

        // As `tar | ssh`: the far end has nothing more to say, and waits for the answer.
        Assert.Equal(sent, await received);
        await near.SendAsync(sent.AsMemory(0, 1), TimeoutToken);
        var first = new byte[1];
        await far.ReadExactlyAsync(first, TimeoutToken);
        var rest = HybridConnectionStreamTests.ReadAll(far);
        await near.SendAsync(sent.AsMemory(1), TimeoutToken);
        near.Shutdown(SocketShutdown.Send);
        Assert.Equal(sent, (byte[])[.. first, .. await rest]);
        await site.Ended(null);
    }

    [Fact]
    public async Task Ends_TheReturnDirectionFirst()
    {
        await using var site = await BridgedRelay.Start();
        var (far, near) = await site.Join();
        await near.SendAsync("220 ready"u8.ToArray(), TimeoutToken);
        near.Shutdown(SocketShutdown.Send);
        Assert.Equal("220 ready"u8.ToArray(), await HybridConnectionStreamTests.ReadAll(far));
        await far.WriteAsync("bye"u8.ToArray(), TimeoutToken);
        await far.CompleteWritesAsync(TimeoutToken);
        Assert.Equal("bye"u8.ToArray(), await ReadAll(near));
        await site.Ended(null);
    }

    [Fact]
    public async Task Turns_AResetIntoAnAbort()
    {
        await using var site = await BridgedRelay.Start();
        var (far, near) = await site.Join();
        await near.SendAsync(new byte[1000], TimeoutToken);
        await far.ReadExactlyAsync(new byte[1000], TimeoutToken);
        near.LingerState = new(true, 0);
        near.Close();
        await Assert.ThrowsAsync<IOException>(() => HybridConnectionStreamTests.ReadAll(far));
        await site.Ended("");
    }

    [Fact]
    public async Task Turns_AnAbortIntoAReset()
    {
        await using var site = await BridgedRelay.Start();
        var (far, near) = await site.Join();
        await far.WriteAsync(new byte[1000], TimeoutToken);
        Assert.NotEqual(0, await near.ReceiveAsync(new byte[1000], TimeoutToken));
        far.Abort();
        var lost = await Assert.ThrowsAsync<SocketException>(() => ReadAll(near));
        Assert.Equal(SocketError.ConnectionReset, lost.SocketErrorCode);
        await site.Ended("");
    }

    [Fact]
    public async Task Resets_WhatADrainCutsOff()
    {
        await using var site = await BridgedRelay.Start();
        var (_, near) = await site.Join();
        await site.Listener.Listener.DrainAsync(TimeSpan.Zero);
        await Assert.ThrowsAsync<SocketException>(() => ReadAll(near));
    }

    private static async Task<byte[]> ReadAll(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer, TimeoutToken) is > 0 and var count)
            all.Write(buffer, 0, count);
        return all.ToArray();
    }

    /// <summary>A relay, a listener, and the service that it leads to.</summary>
    private sealed class BridgedRelay : IAsyncDisposable
    {
        private readonly Socket _listenSocket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<IDisposable> _ends = [];
        private RunningRelay _relay = null!;

        public RunningListener Listener { get; private set; } = null!;

        public static async Task<BridgedRelay> Start()
        {
            var site = new BridgedRelay { _relay = await RunningRelay.Start() };
            site._listenSocket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            site._listenSocket.Listen();
            Assert.True(
                TargetRegistry.TryCreate(
                    [new("tcp", site._listenSocket.LocalEndPoint!.ToString()!)],
                    false,
                    out var registry,
                    out _
                )
            );
            site.Listener = await site._relay.Listen(registry.ServeAsync);
            return site;
        }

        public async Task<(HybridConnectionStream Far, Socket Near)> Join()
        {
            var far = await _relay.Connect();
            var near = await _listenSocket.AcceptAsync(TimeoutToken);
            _ends.AddRange([far, near]);
            return (far, near);
        }

        public async Task Ended(string? fault)
        {
            await RunningRelay.Until(() => _relay.Events.Any(e => e.Kind == ListenerEventKind.SenderEnded));
            var ended = _relay.Events.Single(e => e.Kind == ListenerEventKind.SenderEnded);
            Assert.Equal(fault is null, ended.Reason is null);
            // It is told before it is counted off.
            await RunningRelay.Until(() => Listener.Listener.ActiveCount == 0);
        }

        public async ValueTask DisposeAsync()
        {
            _ends.ForEach(end => end.Dispose());
            _listenSocket.Dispose();
            await Listener.DisposeAsync();
            await _relay.DisposeAsync();
        }
    }
}
