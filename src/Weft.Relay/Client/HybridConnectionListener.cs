using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>
/// Waits on a hybrid connection for senders. It dials out only, reconnects whenever it is cut off, and never gives up.
/// To serve on several relays, run one for each.
/// </summary>
internal sealed class HybridConnectionListener : IAsyncDisposable
{
    private readonly HybridConnectionAddress _address;
    private readonly Func<CancellationToken, ValueTask<RelayToken>>? _tokenProvider;
    private readonly ListenerOptions _options;
    private readonly RelayDialer _dialer;
    private readonly IncomingDispatcher _dispatcher;
    private readonly ReconnectBackoff _backoff = new(Random.Shared.NextDouble);
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _stopping = new();
    private volatile ControlChannel? _channel;
    private Task? _run;

    /// <summary>Makes one; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="tokens">Gives a token with the right to listen: for each attempt to connect, and before one
    /// expires. Null where none is wanted.</param>
    public HybridConnectionListener(
        HybridConnectionAddress address,
        Func<CancellationToken, ValueTask<RelayToken>>? tokens,
        ListenerOptions options
    )
    {
        (_address, _tokenProvider, _options) = (address, tokens, options);
        _dialer = new(address, options.Client);
        _dispatcher = new(address, _dialer, options, _stopping.Token);
    }

    /// <summary>Its id: senders of HTTP requests can ask for it.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>Whether the control channel is open: <c>IsOnline</c> of Azure Relay's client, for a host's own status.</summary>
    public bool IsConnected => _channel is not null;

    /// <summary>How many senders and requests are being served.</summary>
    public int ActiveCount => _dispatcher.Count;

    /// <summary>Listens until it is drained or cancelled. Once only.</summary>
    /// <param name="cancel">Ends it at once, streams and all.</param>
    public Task RunAsync(CancellationToken cancel = default)
    {
        if (_run is not null)
            throw new InvalidOperationException("A listener runs once.");
        return _run = Run(cancel);
    }

    /// <summary>
    /// Takes no new senders, which go to the other listeners from here on, and waits for those that are there.
    /// </summary>
    /// <param name="grace">How long it waits; then what is left is aborted.</param>
    public async Task DrainAsync(TimeSpan grace)
    {
        await _draining.CancelAsync().ConfigureAwait(false);
        if (_run is { } run)
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _dispatcher.WhenIdle(grace).ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _dispatcher.WhenIdle(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
    }

    /// <summary>Ends it at once, streams and all.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await DrainAsync(TimeSpan.Zero).ConfigureAwait(false);
        _dialer.Dispose();
    }

    private async Task Run(CancellationToken cancel)
    {
        using var cut = cancel.UnsafeRegister(_ => _stopping.Cancel(), null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_draining.Token, _stopping.Token);
        while (!either.IsCancellationRequested)
        {
            var start = _options.Client.Clock.GetTimestamp();
            Exception? why = null;
            var reason = "The relay closed the control channel.";
            try
            {
                reason = await ConnectOnce(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                reason = "It was told to end.";
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Any error at all, even one of the source of tokens: if a listener stops, nobody can reach its machine
                // any more.
                (why, reason) = (e, e.Message);
            }

            _backoff.OnConnectionEnded(WasConnected(why) ? _options.Client.Clock.GetElapsedTime(start) : TimeSpan.Zero);
            await WaitBeforeReconnect(why, reason, either.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Whether there was a connection: an attempt that took long to fail doesn't count as one that lasted.</summary>
    private static bool WasConnected(Exception? why) =>
        why is not (RelayRefusedException or RelayUnreachableException or OperationCanceledException);

    private async Task WaitBeforeReconnect(Exception? why, string reason, CancellationToken cancel)
    {
        TimeSpan? wait = cancel.IsCancellationRequested ? null : _backoff.NextDelay(why);
        _options.OnEvent?.Invoke(
            new(ListenerEventKind.Disconnected)
            {
                Reason = reason,
                Status = (int)((why as RelayRefusedException)?.Status ?? 0),
                NextAttempt = wait,
            }
        );
        if (wait is not { } time)
            return;
        await Task.Delay(time, _options.Client.Clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<string> ConnectOnce(CancellationToken cancel)
    {
        RelayToken? token = _tokenProvider is null ? null : await _tokenProvider(cancel).ConfigureAwait(false);
        var (connection, _) = await _dialer
            .OpenWebSocket(_address.ListenAddress(Id.ToString()), token?.Text, [], ControlChannel.BufferSize, cancel)
            .ConfigureAwait(false);
        await using var channel = new ControlChannel(connection, _dispatcher, _options, _tokenProvider);
        _channel = channel;
        try
        {
            _options.OnEvent?.Invoke(new(ListenerEventKind.Connected));
            return await channel.Run(token, _draining.Token, _stopping.Token).ConfigureAwait(false);
        }
        finally
        {
            _channel = null;
        }
    }
}
