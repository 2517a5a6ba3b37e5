using Weft.Relay.Wire;

namespace Weft.Relay.Clients;

/// <summary>
/// Waits on a hybrid connection for senders. It dials out only, comes back whenever it is cut off, and never gives up: whoever serves on
/// several relays runs one for each.
/// </summary>
public sealed class HybridConnectionListener : IAsyncDisposable
{
    private readonly HybridConnectionAddress _address;
    private readonly Func<CancellationToken, ValueTask<RelayToken>>? _tokens;
    private readonly ListenerOptions _options;
    private readonly RelayDialer _dialer;
    private readonly Sessions _sessions;
    private readonly ReconnectPace _pace = new(Random.Shared.NextDouble);
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _ending = new();
    private volatile ControlChannel? _channel;
    private Task? _run;

    /// <summary>Makes one; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="tokens">Gives a token with the right to listen: for each attempt to connect, and before one expires. Null where none is wanted.</param>
    public HybridConnectionListener(HybridConnectionAddress address, Func<CancellationToken, ValueTask<RelayToken>>? tokens, ListenerOptions options)
    {
        (_address, _tokens, _options) = (address, tokens, options);
        _dialer = new(address, options.Client);
        _sessions = new(address, _dialer, options, _ending.Token);
    }

    /// <summary>Its id: senders of HTTP requests can ask for it.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>Whether the control channel is open.</summary>
    public bool IsConnected => _channel is not null;

    /// <summary>How many senders and requests are being served.</summary>
    public int Serving => _sessions.Count;

    /// <summary>Listens until it is drained or cancelled. Once only.</summary>
    /// <param name="cancel">Ends it at once, streams and all.</param>
    public Task RunAsync(CancellationToken cancel = default)
    {
        if (_run is not null)
            throw new InvalidOperationException("A listener runs once.");
        return _run = Run(cancel);
    }

    /// <summary>Takes no new senders, and waits for those that are there. New ones are the other listeners' from here on.</summary>
    /// <param name="grace">How long it waits; then what is left is aborted.</param>
    public async Task DrainAsync(TimeSpan grace)
    {
        await _draining.CancelAsync().ConfigureAwait(false);
        if (_run is { } run)
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _sessions.Idle(grace).ConfigureAwait(false);
        await _ending.CancelAsync().ConfigureAwait(false);
        await _sessions.Idle(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
    }

    /// <summary>Ends it at once, streams and all.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await DrainAsync(TimeSpan.Zero).ConfigureAwait(false);
        _dialer.Dispose();
    }

    private async Task Run(CancellationToken cancel)
    {
        using var cut = cancel.UnsafeRegister(_ => _ending.Cancel(), null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_draining.Token, _ending.Token);
        while (!either.IsCancellationRequested)
        {
            var start = _options.Client.Clock.GetTimestamp();
            Exception? why = null;
            var reason = "The relay closed the control channel.";
            try
            {
                reason = await Once(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                reason = "It was told to end.";
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Whatever it was, and be it the source of tokens: a listener that stops is a machine that nobody reaches any more.
                (why, reason) = (e, e.Message);
            }

            _pace.Ended(IsGood(why) ? _options.Client.Clock.GetElapsedTime(start) : TimeSpan.Zero);
            await Pause(why, reason, either.Token).ConfigureAwait(false);
        }
    }

    /// <summary>An attempt that took long to fail was no connection that lasted.</summary>
    private static bool IsGood(Exception? why) => why is not (RelayRefusedException or RelayUnreachableException or OperationCanceledException);

    private async Task Pause(Exception? why, string reason, CancellationToken cancel)
    {
        TimeSpan? wait = cancel.IsCancellationRequested ? null : _pace.Next(why);
        _options.OnEvent?.Invoke(new(ListenerEventKind.Disconnected) { Reason = reason, Status = (int)((why as RelayRefusedException)?.Status ?? 0), NextAttempt = wait });
        if (wait is not { } time)
            return;
        await Task.Delay(time, _options.Client.Clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<string> Once(CancellationToken cancel)
    {
        RelayToken? token = _tokens is null ? null : await _tokens(cancel).ConfigureAwait(false);
        var (connection, _) = await _dialer.Open(_address.Listen(Id.ToString()), token?.Text, [], ControlChannel.BufferSize, cancel).ConfigureAwait(false);
        await using var channel = new ControlChannel(connection, _sessions, _options, _tokens);
        _channel = channel;
        try
        {
            _options.OnEvent?.Invoke(new(ListenerEventKind.Connected));
            return await channel.Run(token, _draining.Token, _ending.Token).ConfigureAwait(false);
        }
        finally
        {
            _channel = null;
        }
    }
}
