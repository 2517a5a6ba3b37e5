using System.Net;
using System.Security.Cryptography;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

public sealed class HybridConnectionStreamTests
{
    private static CancellationToken TimeoutToken => Wait.Token;

    [Theory]
    [InlineData(1)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(1_000_003)]
    [InlineData(64 * 1024 * 1024)]
    public async Task Echoes_Whole(int size)
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(Echo);
        await using var stream = await relay.Connect();
        var sent = new byte[size];
        new Random(size).NextBytes(sent);
        var read = ReadAll(stream);
        await stream.WriteAsync(sent, TimeoutToken);
        await stream.CompleteWritesAsync(TimeoutToken);
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(await read));
        Assert.Equal((size, size, 1000), (stream.BytesRead, stream.BytesWritten, stream.CloseCode));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ends_OneDirectionAndReadsOn(bool isSenderFirst)
    {
        await using var relay = await RunningRelay.Start();
        var accepted = new TaskCompletionSource<HybridConnectionStream>();
        var done = new TaskCompletionSource();
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                accepted.SetResult(await sender.AcceptAsync(null, cancel));
                await done.Task;
            }
        );
        await using var far = await relay.Connect();
        var near = await accepted.Task.WaitAsync(TimeoutToken);
        var (first, second) = isSenderFirst ? (far, near) : (near, far);
        await first.WriteAsync("in"u8.ToArray(), TimeoutToken);
        await first.CompleteWritesAsync(TimeoutToken);
        Assert.Equal("in"u8.ToArray(), await ReadAll(second));
        Assert.Equal(0, await second.ReadAsync(new byte[1], TimeoutToken));

        // Longer than any linger of a WebSocket library for its peer's answer to a Close.
        await Task.Delay(1500, TimeoutToken);
        await second.WriteAsync(new byte[300_000], TimeoutToken);
        await second.CompleteWritesAsync(TimeoutToken);
        Assert.Equal(300_000, (await ReadAll(first)).Length);
        await Assert.ThrowsAsync<IOException>(async () => await first.WriteAsync(new byte[1], TimeoutToken));
        done.SetResult();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Throws_WhereThePeerAborted(bool isSenderFirst, bool isMidway)
    {
        await using var relay = await RunningRelay.Start();
        var accepted = new TaskCompletionSource<HybridConnectionStream>();
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                accepted.SetResult(await sender.AcceptAsync(null, cancel));
                await Task.Delay(Timeout.Infinite, cancel);
            }
        );
        await using var far = await relay.Connect();
        var near = await accepted.Task.WaitAsync(TimeoutToken);
        var (first, second) = isSenderFirst ? (far, near) : (near, far);
        if (isMidway)
        {
            await first.WriteAsync(new byte[100_000], TimeoutToken);
            Assert.NotEqual(0, await second.ReadAsync(new byte[100], TimeoutToken));
        }

        first.Abort();
        await Assert.ThrowsAsync<IOException>(() => ReadAll(second));
        await Assert.ThrowsAsync<IOException>(() => ReadAll(first));
    }

    [Fact]
    public async Task Throws_WhereTheListenersHandlerReturnedWithoutAnEnd()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                await using var stream = await sender.AcceptAsync(null, cancel);
                await stream.WriteAsync(new byte[10], cancel);
                await stream.ReadExactlyAsync(new byte[1], cancel);
            }
        );
        await using var far = await relay.Connect();
        await far.ReadExactlyAsync(new byte[10], TimeoutToken);
        await far.WriteAsync(new byte[1], TimeoutToken);
        await Assert.ThrowsAsync<IOException>(() => ReadAll(far));
    }

    [Fact]
    public async Task Delivers_TheEndOfADisposedStream()
    {
        await using var relay = await RunningRelay.Start();
        var got = new TaskCompletionSource<byte[]>();
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                await using var stream = await sender.AcceptAsync(null, cancel);
                got.SetResult(await ReadAll(stream));
            }
        );
        await using (var far = await relay.Connect())
        {
            await far.WriteAsync(new byte[200_000], TimeoutToken);
            await far.CompleteWritesAsync(TimeoutToken);
        }

        Assert.Equal(200_000, (await got.Task.WaitAsync(TimeoutToken)).Length);
    }

    [Fact]
    public async Task Passes_TheSendersHeadersAndQuery()
    {
        await using var relay = await RunningRelay.Start();
        var came = new TaskCompletionSource<IncomingSender>();
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                came.SetResult(sender);
                await (await sender.AcceptAsync(sender.SubProtocols.First(), cancel)).CompleteWritesAsync(cancel);
            }
        );
        using var client = new HybridConnectionSender(relay.Address, relay.Client);
        await using var stream = await client.ConnectAsync(
            RunningRelay.Token(),
            "a/b c",
            "two",
            [new("X-Weft", "1")],
            "?statusCode=404&x",
            TimeoutToken
        );
        var sender = await came.Task.WaitAsync(TimeoutToken);
        Assert.Equal(("a/b c", "?statusCode=404&x", "two"), (sender.Suffix, sender.Query, stream.SubProtocol));
        Assert.Contains(new("X-Weft", "1"), sender.Headers);
        Assert.DoesNotContain(sender.Headers, h => h.Value.Contains("SharedAccessSignature", StringComparison.Ordinal));
        Assert.Equal(IPAddress.Loopback, sender.RemoteEndpoint!.Address);
    }

    [Fact]
    public async Task Blocks_AWriterWhoseReaderPauses()
    {
        await using var relay = await RunningRelay.Start();
        var begin = new TaskCompletionSource();
        var got = new TaskCompletionSource<int>();
        const int Size = 64 * 1024 * 1024;
        await using var listener = await relay.Listen(
            async (sender, cancel) =>
            {
                await using var stream = await sender.AcceptAsync(null, cancel);
                await begin.Task;
                got.SetResult((await ReadAll(stream)).Length);
            }
        );

        // Shorter than the rest: a writer whose reader rests isn't a dead relay.
        await using var far = await relay.Connect(
            options: relay.Client with
            {
                KeepAliveInterval = TimeSpan.FromSeconds(1),
                KeepAliveTimeout = TimeSpan.FromSeconds(4),
            }
        );
        var write = Task.Run(
            async () =>
            {
                await far.WriteAsync(new byte[Size], TimeoutToken);
                await far.CompleteWritesAsync(TimeoutToken);
            },
            TimeoutToken
        );
        await Task.Delay(7000, TimeoutToken);
        Assert.False(write.IsCompleted);
        Assert.InRange(far.BytesWritten, 1, Size / 2);
        begin.SetResult();
        await write.WaitAsync(TimeoutToken);
        Assert.Equal(Size, await got.Task.WaitAsync(TimeoutToken));
    }

    internal static async Task Echo(IncomingSender sender, CancellationToken cancel)
    {
        await using var stream = await sender.AcceptAsync(null, cancel);
        await stream.CopyToAsync(stream, cancel);
        await stream.CompleteWritesAsync(cancel);
    }

    internal static async Task<byte[]> ReadAll(Stream stream)
    {
        var all = new MemoryStream();
        await stream.CopyToAsync(all, TimeoutToken);
        return all.ToArray();
    }
}
