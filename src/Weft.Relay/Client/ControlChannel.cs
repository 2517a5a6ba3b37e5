using System.Buffers;
using Weft.Relay.Frames;
using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>
/// An open control channel: dispatches the relay's messages, sends answers, and renews the token in time.
/// </summary>
/// <param name="tokens">Gives longer tokens; null where none is wanted.</param>
internal sealed class ControlChannel(
    WebSocketConnection connection,
    IncomingDispatcher dispatcher,
    ListenerOptions options,
    Func<CancellationToken, ValueTask<RelayToken>>? tokens
) : IAsyncDisposable
{
    /// <summary>Messages are small and rare; whole ones are gathered in another buffer.</summary>
    public const int BufferSize = 4 * 1024;

    /// <summary>
    /// How long a relay has to answer the Close of a listener that drains. Senders that it announced before it read the
    /// Close still come in.
    /// </summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait for the next attempt to get a token.</summary>
    private static readonly TimeSpan TokenRetryInterval = TimeSpan.FromSeconds(5);

    /// <summary>Longer than this no single timer waits, so longer waits are made of several.</summary>
    private static readonly TimeSpan MaxTimerWait = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim _writeLock = new(1, 1);

    /// <summary>Serves until the channel ends.</summary>
    /// <param name="token">The token that it was opened with; null for none.</param>
    /// <exception cref="IOException">It was lost.</exception>
    public async Task<string> Run(RelayToken? token, CancellationToken draining, CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var drain = draining.UnsafeRegister(_ => _ = Close(ended), null);
        var renewal = token is { } first && tokens is not null ? RenewTokens(first, ended.Token) : Task.CompletedTask;
        try
        {
            await ReceiveMessages(ended.Token).ConfigureAwait(false);
            await Close(ended).ConfigureAwait(false);
            return connection.CloseCode == 1000
                ? "The relay closed the control channel."
                : $"The relay closed the control channel with {connection.CloseCode}: {connection.CloseReason}";
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await renewal.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Sends a message, and the body that goes with it, with nothing in between.</summary>
    /// <param name="body">Its body; null where it has none.</param>
    /// <exception cref="IOException">The channel is lost.</exception>
    public async Task Send(ReadOnlyMemory<byte> message, ReadOnlyMemory<byte>? body, CancellationToken cancel)
    {
        await _writeLock.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await connection.SendAsync(Opcode.Text, message, true, cancel).ConfigureAwait(false);
            if (body is { } bytes)
                await connection.SendAsync(Opcode.Binary, bytes, true, cancel).ConfigureAwait(false);
        }
        finally
        {
            _writeLock.Release();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private async Task ReceiveMessages(CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ControlMessage.MaxReceivedSize);
        try
        {
            while (await connection.ReceiveMessage(buffer, cancel).ConfigureAwait(false) is { } received)
            {
                if (received.IsTooLong)
                    ReportRefused($"a message of more than {buffer.Length} bytes");
                else if (received.Kind == Opcode.Binary)
                    ReportRefused("a body that belongs to no message");
                else if (ControlMessage.TryRead(buffer.AsMemory(0, received.Count), out var message, out var fault))
                    await Dispatch(message!, buffer, cancel).ConfigureAwait(false);
                else if (fault is not null)
                    ReportRefused(fault);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task Dispatch(ControlMessage message, byte[] buffer, CancellationToken cancel)
    {
        switch (message)
        {
            case AcceptMessage accept:
                dispatcher.Dispatch(accept);
                break;
            case RequestMessage { IsByRendezvous: false, HasBody: true } request:
                // The body is the very next message: nothing comes between.
                if (
                    await connection.ReceiveMessage(buffer, cancel).ConfigureAwait(false)
                    is not { Kind: Opcode.Binary, IsTooLong: false } body
                )
                    throw new IOException("The relay sent a request whose body is missing or too long.");
                dispatcher.Dispatch(request, buffer.AsMemory(0, body.Count).ToArray(), this);
                break;
            case RequestMessage request:
                dispatcher.Dispatch(request, null, this);
                break;
            default:
                ReportRefused($"a message that only listeners send: {message.GetType().Name}");
                break;
        }
    }

    private async Task RenewTokens(RelayToken token, CancellationToken cancel)
    {
        while (true)
        {
            var clock = options.Client.Clock;
            var left = token.ExpiresAt - clock.GetUtcNow();
            await Wait(left * Math.Clamp(options.RenewAt + ((Random.Shared.NextDouble() - 0.5) / 10), 0, 1), cancel)
                .ConfigureAwait(false);
            try
            {
                token = await tokens!(cancel).ConfigureAwait(false);
                await Send(new RenewTokenMessage(token.Text).Write()!, null, cancel).ConfigureAwait(false);
                options.OnEvent?.Invoke(new(ListenerEventKind.TokenRenewed));
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && e is not IOException)
            {
                // The source of tokens belongs to somebody else and may be away for a while. If it stays away, the relay
                // closes the channel.
                options.OnEvent?.Invoke(new(ListenerEventKind.TokenNotRenewed) { Reason = e.Message });
                await Task.Delay(TokenRetryInterval, clock, cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task Wait(TimeSpan time, CancellationToken cancel)
    {
        // A source whose tokens have already expired is asked once a second, not in a busy loop.
        for (
            var left = time < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : time;
            left > TimeSpan.Zero;
            left -= MaxTimerWait
        )
            await Task.Delay(left < MaxTimerWait ? left : MaxTimerWait, options.Client.Clock, cancel)
                .ConfigureAwait(false);
    }

    private async Task Close(CancellationTokenSource ended)
    {
        try
        {
            await connection.CloseAsync(1000, "The listener ends", ended.Token).ConfigureAwait(false);
            ended.CancelAfter(CloseTimeout);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    private void ReportRefused(string what) =>
        options.OnEvent?.Invoke(new(ListenerEventKind.MessageRefused) { Reason = $"The relay sent {what}." });
}
