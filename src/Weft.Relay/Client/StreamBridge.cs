using System.Buffers;
using System.Net.Sockets;

namespace Weft.Relay.Client;

/// <summary>
/// Joins a relayed stream with a local end. When one direction ends, its end is passed on (as TCP's FIN or a Close) and
/// the other direction goes on. When one side is lost, the other is aborted, so that nobody takes a part for the whole.
/// </summary>
internal static class StreamBridge
{
    /// <summary>The size of a direction's buffer: a frame.</summary>
    private const int BufferSize = WebSocketConnection.MaxFramePayload;

    /// <summary>Joins a relayed stream with a TCP or Unix socket. Both are closed at the end.</summary>
    /// <returns>How it went. Nothing is thrown for what the ends do.</returns>
    public static async Task<BridgeResult> RunAsync(
        HybridConnectionStream relayed,
        Socket socket,
        CancellationToken cancel = default
    )
    {
        using var owned = socket;
        var local = new NetworkStream(socket);
        return await RunAsync(
                relayed,
                local,
                local,
                () => socket.Shutdown(SocketShutdown.Send),
                () => Reset(socket),
                cancel
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Joins a relayed stream with a pair of streams, for example standard input and output. The relayed stream is
    /// closed at the end.
    /// </summary>
    /// <param name="endOutput">Ends the output, while the input may go on.</param>
    /// <param name="abort">Aborts both: must make a read or write that is under way throw.</param>
    /// <returns>How it went. Nothing is thrown for what the ends do.</returns>
    public static async Task<BridgeResult> RunAsync(
        HybridConnectionStream relayed,
        Stream input,
        Stream output,
        Action endOutput,
        Action abort,
        CancellationToken cancel = default
    )
    {
        var bridgeAbort = new BridgeAbort(relayed, abort);
        using var told = cancel.UnsafeRegister(_ => bridgeAbort.Abort(new OperationCanceledException(cancel)), null);
        var up = bridgeAbort.RunGuarded(async () =>
        {
            await Copy(input, relayed).ConfigureAwait(false);
            await relayed.CompleteWritesAsync(CancellationToken.None).ConfigureAwait(false);
        });
        var down = bridgeAbort.RunGuarded(async () =>
        {
            await Copy(relayed, output).ConfigureAwait(false);
            endOutput();
        });
        await Task.WhenAll(up, down).ConfigureAwait(false);
        await relayed.DisposeAsync().ConfigureAwait(false);
        return new(relayed.BytesWritten, relayed.BytesRead, bridgeAbort.Fault);
    }

    private static async Task Copy(Stream source, Stream target)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await source.ReadAsync(buffer.AsMemory(0, BufferSize)).ConfigureAwait(false) is > 0 and var count)
            {
                await target.WriteAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
                await target.FlushAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Closes with a reset: a FIN would say that everything was sent.</summary>
    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }

        socket.Dispose();
    }

    /// <summary>Aborts both ends as soon as one fails.</summary>
    private sealed class BridgeAbort(HybridConnectionStream relayed, Action abort)
    {
        private Exception? _fault;

        public Exception? Fault => _fault;

        public void Abort(Exception why)
        {
            if (Interlocked.CompareExchange(ref _fault, why, null) is not null)
                return;
            relayed.Abort();
            abort();
        }

        public async Task RunGuarded(Func<Task> copy)
        {
            try
            {
                await copy().ConfigureAwait(false);
            }
            catch (Exception e)
                when (e
                        is IOException
                            or SocketException
                            or ObjectDisposedException
                            or OperationCanceledException
                            or InvalidOperationException
                )
            {
                Abort(e);
            }
        }
    }
}
