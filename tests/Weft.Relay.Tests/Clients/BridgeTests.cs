using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Weft.Relay.Clients;

namespace Weft.Relay.Tests.Clients;

/// <summary>What a sender sees of a TCP service behind a listener, and the service of the sender.</summary>
public sealed class BridgeTests
{
    private static CancellationToken Soon => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Turns_AnEndIntoAnEndBothWays()
    {
        await using var site = await Site.Start();
        var (far, near) = await site.Join();
        var sent = RandomNumberGenerator.GetBytes(5_000_000);
        var received = ReadAll(near);
        await far.WriteAsync(sent, Soon);
        await far.CompleteWritesAsync(Soon);

        // As `tar | ssh`: the far end has nothing more to say, and waits for the answer.
        Assert.Equal(sent, await received);
        await Task.Delay(300, Soon);
        var answer = StreamTests.ReadAll(far);
        await near.SendAsync(sent, Soon);
        near.Shutdown(SocketShutdown.Send);
        Assert.Equal(sent, await answer);
        await site.Ended(null);
    }

    [Fact]
    public async Task Ends_TheWayBackFirst()
    {
        await using var site = await Site.Start();
        var (far, near) = await site.Join();
        await near.SendAsync("220 ready"u8.ToArray(), Soon);
        near.Shutdown(SocketShutdown.Send);
        Assert.Equal("220 ready"u8.ToArray(), await StreamTests.ReadAll(far));
        await far.WriteAsync("bye"u8.ToArray(), Soon);
        await far.CompleteWritesAsync(Soon);
        Assert.Equal("bye"u8.ToArray(), await ReadAll(near));
        await site.Ended(null);
    }

    [Fact]
    public async Task Turns_AResetIntoAnAbort()
    {
        await using var site = await Site.Start();
        var (far, near) = await site.Join();
        await near.SendAsync(new byte[1000], Soon);
        await far.ReadExactlyAsync(new byte[1000], Soon);
        near.LingerState = new(true, 0);
        near.Close();
        await Assert.ThrowsAsync<IOException>(() => StreamTests.ReadAll(far));
        await site.Ended("");
    }

    [Fact]
    public async Task Turns_AnAbortIntoAReset()
    {
        await using var site = await Site.Start();
        var (far, near) = await site.Join();
        await far.WriteAsync(new byte[1000], Soon);
        Assert.NotEqual(0, await near.ReceiveAsync(new byte[1000], Soon));
        far.Abort();
        var lost = await Assert.ThrowsAsync<SocketException>(() => ReadAll(near));
        Assert.Equal(SocketError.ConnectionReset, lost.SocketErrorCode);
        await site.Ended("");
    }

    [Fact]
    public async Task Resets_WhatADrainCutsOff()
    {
        await using var site = await Site.Start();
        var (_, near) = await site.Join();
        await site.Listener.Listener.DrainAsync(TimeSpan.Zero);
        await Assert.ThrowsAsync<SocketException>(() => ReadAll(near));
    }

    private static async Task<byte[]> ReadAll(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer, Soon) is > 0 and var count)
            all.Write(buffer, 0, count);
        return all.ToArray();
    }

    /// <summary>A relay, a listener, and the service that it leads to.</summary>
    private sealed class Site : IAsyncDisposable
    {
        private readonly Socket _door = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<IDisposable> _ends = [];
        private RunningRelay _relay = null!;

        public RunningListener Listener { get; private set; } = null!;

        public static async Task<Site> Start()
        {
            var site = new Site { _relay = await RunningRelay.Start() };
            site._door.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            site._door.Listen();
            Assert.True(TargetBook.TryCreate([new("tcp", site._door.LocalEndPoint!.ToString()!)], false, out var book, out _));
            site.Listener = await site._relay.Listen(book.ServeAsync);
            return site;
        }

        public async Task<(HybridConnectionStream Far, Socket Near)> Join()
        {
            var far = await _relay.Connect();
            var near = await _door.AcceptAsync(Soon);
            _ends.AddRange([far, near]);
            return (far, near);
        }

        public async Task Ended(string? fault)
        {
            await RunningRelay.Until(() => _relay.Events.Any(e => e.Kind == ListenerEventKind.SenderEnded));
            var ended = _relay.Events.Single(e => e.Kind == ListenerEventKind.SenderEnded);
            Assert.Equal(fault is null, ended.Reason is null);
            Assert.Equal(0, Listener.Listener.Serving);
        }

        public async ValueTask DisposeAsync()
        {
            _ends.ForEach(end => end.Dispose());
            _door.Dispose();
            await Listener.DisposeAsync();
            await _relay.DisposeAsync();
        }
    }
}
