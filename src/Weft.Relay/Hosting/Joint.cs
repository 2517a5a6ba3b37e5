using System.Buffers;

namespace Weft.Relay.Hosting;

/// <summary>
/// Joins a sender and a listener, both of them clients. A Close goes on at once and only its own way: the other way stays open until its own Close
/// comes. A connection that ends without one ends the other likewise, since a Close would look like a clean end.
/// </summary>
internal sealed class Joint(RelayOptions options, TimeProvider clock, WebSocketChannel sender, WebSocketChannel listener, Action abort)
{
    private const int BufferSize = 64 * 1024;

    /// <summary>Passes frames on until both ways have ended.</summary>
    /// <param name="session">Counts the bytes.</param>
    /// <param name="cut">Cancelled when the session has to end.</param>
    /// <param name="why">Why it has to.</param>
    /// <returns>How it ended.</returns>
    public async Task<Ending> Run(Session session, CancellationToken cut, Func<Ending> why)
    {
        using var over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        var up = Pass(sender, listener, session.CountUp, over);
        var down = Pass(listener, sender, session.CountDown, over);
        try
        {
            var first = await Task.WhenAny(up, down).WaitAsync(cut);
            if (await first is { Code: 1006 } aborted)
                return await Abort(aborted, over, up, down);
            over.CancelAfter(options.HalfClosedTimeout);
            var second = await (first == up ? down : up).WaitAsync(cut);
            return second.Code == 1006 ? await Abort(second, over, up, down) : await first;
        }
        catch (OperationCanceledException) when (cut.IsCancellationRequested)
        {
            var ending = why();
            over.CancelAfter(options.CloseTimeout);
            await Task.WhenAny(Task.WhenAll(Say(sender, ending, over.Token), Say(listener, ending, over.Token)), Task.Delay(TimeSpan.FromSeconds(0.25), clock, CancellationToken.None));
            await Task.WhenAny(Task.WhenAll(up, down), Task.Delay(TimeSpan.FromSeconds(0.5), clock, CancellationToken.None));
            await Abort(ending, over, up, down);
            return ending;
        }
    }

    private static async Task Say(WebSocketChannel to, Ending ending, CancellationToken cancel)
    {
        try
        {
            await to.Close(ending, cancel);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // It hears of it by the connection's end.
        }
    }

    private async Task<Ending> Abort(Ending ending, CancellationTokenSource over, Task<Ending> up, Task<Ending> down)
    {
        abort();
        await over.CancelAsync();
        await Task.WhenAll(up, down);
        return ending;
    }

    private async Task<Ending> Pass(WebSocketChannel from, WebSocketChannel to, Action<long> count, CancellationTokenSource over)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            var isFirst = true;
            while (true)
            {
                var piece = await from.Read(buffer, over.Token);
                if (piece.Kind == MessageKind.Close)
                {
                    await to.Close(from.Closed!, over.Token);
                    return from.Closed!;
                }

                // An empty frame that nobody sent would read as the end: one is passed on only where a message ends or is empty.
                if (piece.Count > 0 || piece.IsLast)
                    await to.Write(piece.Kind, buffer.AsMemory(0, piece.Count), isFirst, piece.IsLast, over.Token);
                isFirst = piece.IsLast || (isFirst && piece.Count == 0);
                count(piece.Count);
            }
        }
        catch (ProtocolViolationException e)
        {
            await Say(from, new(e.Code, e.Message), over.Token);
            return new(1006, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            return new(1006, "the connection ended without a Close");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
