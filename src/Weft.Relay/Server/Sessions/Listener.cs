using System.Collections.Concurrent;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Sessions;

/// <summary>A connected listener: its control channel, and the requests that were delivered to it there.</summary>
internal sealed class Listener : IDisposable
{
    private static readonly TimeSpan FaultLogInterval = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _disconnected = new();
    private ConcurrentDictionary<string, PendingExchange>? _exchanges;
    private readonly TaskCompletionSource<WebSocketChannel> _channel = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private long _lastPing;
    private long _lastFault;
    private int _unloggedFaults;

    public Listener(string id, Grant grant, RelayRequest request, DateTimeOffset since, long now)
    {
        (Id, Grant, Target, Since, StartTimestamp, _lastPing) = (id, grant, request.Target, since, now, now);
        Disconnected = _disconnected.Token;
        var headers = request.Context.Request.Headers;
        var agent = headers["Relay-User-Agent"];
        UserAgent = ReasonPhrase.Sanitize((agent.Count > 0 ? agent : headers.UserAgent).ToString());
    }

    /// <summary>Its id: what it called itself, and a number of this relay's behind <c>_G</c>.</summary>
    public string Id { get; }

    /// <summary>What it called itself.</summary>
    public string Name => Id[..Id.LastIndexOf('_')];

    public Grant Grant { get; }

    /// <summary>By which name of the relay it came, and is told of others.</summary>
    public RelayTarget Target { get; }

    public DateTimeOffset Since { get; }

    /// <summary>The same, for measuring how long.</summary>
    public long StartTimestamp { get; }

    public string UserAgent { get; }

    /// <summary>Cancelled when the control channel ends.</summary>
    public CancellationToken Disconnected { get; }

    /// <summary>
    /// Its control channel; null until it was answered. The listener is registered before that, because a sender may
    /// come as soon as the listener has read its 101.
    /// </summary>
    public WebSocketChannel? Channel => _channel.Task.IsCompletedSuccessfully ? _channel.Task.Result : null;

    /// <summary>Made for the first request: most listeners never see one.</summary>
    private ConcurrentDictionary<string, PendingExchange> Exchanges =>
        LazyInitializer.EnsureInitialized(ref _exchanges);

    /// <summary>Sets its control channel, once it was answered.</summary>
    public void SetChannel(WebSocketChannel channel) => _channel.SetResult(channel);

    /// <summary>Delivers a message to it.</summary>
    /// <param name="body">The body that follows it; null for none.</param>
    public async Task<bool> Deliver(byte[] message, ReadOnlyMemory<byte>? body, CancellationToken cancel)
    {
        try
        {
            var channel = await _channel.Task.WaitAsync(cancel);
            return !Disconnected.IsCancellationRequested && await channel.WriteMessage(message, body, cancel);
        }
        catch (Exception e)
            when (e is IOException or ObjectDisposedException
                || (e is OperationCanceledException && !cancel.IsCancellationRequested)
            )
        {
            return false;
        }
    }

    /// <summary>
    /// Whether a message of it that can't be read is to be logged: one a minute, however many it sends.
    /// </summary>
    /// <param name="count">How many there were since the last that was logged, this one included.</param>
    public bool ShouldLogFault(TimeProvider clock, out int count)
    {
        count = ++_unloggedFaults;
        if (_lastFault != 0 && clock.GetElapsedTime(_lastFault) < FaultLogInterval)
            return false;
        (_lastFault, _unloggedFaults) = (clock.GetTimestamp(), 0);
        return true;
    }

    /// <summary>Adds a request whose response is awaited.</summary>
    public void AddExchange(PendingExchange exchange) => Exchanges[exchange.Id] = exchange;

    /// <summary>Removes it: it is awaited no longer.</summary>
    public void RemoveExchange(PendingExchange exchange) => Exchanges.TryRemove(exchange.Id, out _);

    /// <summary>
    /// Completes a request with its response. A response that nobody waits for is dropped.
    /// </summary>
    public void CompleteExchange(ResponseMessage response, byte[] body)
    {
        if (Exchanges.TryRemove(response.RequestId, out var exchange))
            exchange.Completion.TrySetResult(new(response, body));
    }

    /// <summary>
    /// Pings when it is time, and aborts a listener that was silent for two intervals or doesn't read what it is sent.
    /// </summary>
    public void KeepAlive(TimeProvider clock, RelayServerOptions options)
    {
        if (Channel is not { } channel)
            return;
        if (channel.IdleTime >= 2 * options.PingInterval || channel.WriteStallTime >= options.PingInterval)
        {
            channel.Abort();
            return;
        }

        if (clock.GetElapsedTime(_lastPing) < options.PingInterval)
            return;
        _lastPing = clock.GetTimestamp();
        if (channel.IdleTime >= options.PingInterval / 2)
            _ = channel
                .Ping()
                .ContinueWith(
                    static (ping, _) => ping.Exception,
                    null,
                    CancellationToken.None,
                    TaskContinuationOptions.ExecuteSynchronously,
                    TaskScheduler.Default
                );
    }

    /// <summary>Notifies everybody who waits for it that it has gone.</summary>
    public void Disconnect()
    {
        _channel.TrySetCanceled(CancellationToken.None);
        _disconnected.Cancel();
    }

    public void Dispose() => _disconnected.Dispose();
}
