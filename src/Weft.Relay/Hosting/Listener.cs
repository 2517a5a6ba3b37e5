using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>A listener that is here: its control channel, and the requests it was handed there.</summary>
internal sealed class Listener : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private ConcurrentDictionary<string, Exchange>? _exchanges;
    private readonly TaskCompletionSource<WebSocketChannel> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _pingedAt;

    public Listener(string id, Pass pass, HttpContext context, DateTimeOffset since, long now)
    {
        (Id, Pass, Since, Began, _pingedAt) = (id, pass, since, now, now);
        Gone = _gone.Token;
        var agent = context.Request.Headers["Relay-User-Agent"];
        Agent = ReasonPhrase.Clean((agent.Count > 0 ? agent : context.Request.Headers.UserAgent).ToString());
    }

    /// <summary>Its id: what it called itself, and a number of this relay's behind <c>_G</c>.</summary>
    public string Id { get; }

    /// <summary>What it called itself.</summary>
    public string Name => Id[..Id.LastIndexOf('_')];

    public Pass Pass { get; }

    public DateTimeOffset Since { get; }

    /// <summary>The same, for measuring how long.</summary>
    public long Began { get; }

    public string Agent { get; }

    /// <summary>Cancelled when the control channel ends.</summary>
    public CancellationToken Gone { get; }

    /// <summary>Its control channel; null until it was answered. It is in the roster before: whoever reads its 101 may send to it at once.</summary>
    public WebSocketChannel? Channel => _answered.Task.IsCompletedSuccessfully ? _answered.Task.Result : null;

    /// <summary>Made for the first request: most listeners never see one.</summary>
    private ConcurrentDictionary<string, Exchange> Exchanges => LazyInitializer.EnsureInitialized(ref _exchanges);

    /// <summary>Says that it was answered.</summary>
    public void Answer(WebSocketChannel channel) => _answered.SetResult(channel);

    /// <summary>Hands it a message.</summary>
    /// <param name="body">The body that follows it; null for none.</param>
    public async Task<bool> Hand(byte[] message, ReadOnlyMemory<byte>? body, CancellationToken cancel)
    {
        try
        {
            var channel = await _answered.Task.WaitAsync(cancel);
            return !Gone.IsCancellationRequested && await channel.WriteTogether(message, body, cancel);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>Waits for a response to a request.</summary>
    public void Expect(Exchange exchange) => Exchanges[exchange.Id] = exchange;

    /// <summary>Doesn't wait for it any more.</summary>
    public void Forget(Exchange exchange) => Exchanges.TryRemove(exchange.Id, out _);

    /// <summary>Takes a response. One that nobody waits for, any more or at all, is dropped: it came too late.</summary>
    public void Answer(ResponseMessage response, byte[] body)
    {
        if (Exchanges.TryRemove(response.RequestId, out var exchange))
            exchange.Answered.TrySetResult(new(response, body));
    }

    /// <summary>Pings when it is time, and drops who was silent for two intervals or doesn't read what it is sent.</summary>
    public void KeepAlive(TimeProvider clock, RelayOptions options)
    {
        if (Channel is not { } channel)
            return;
        if (channel.Silence >= 2 * options.PingInterval || channel.Stalled >= options.PingInterval)
        {
            channel.Abort();
            return;
        }

        if (clock.GetElapsedTime(_pingedAt) < options.PingInterval)
            return;
        _pingedAt = clock.GetTimestamp();
        if (channel.Silence >= options.PingInterval / 2)
            _ = channel.Ping().ContinueWith(static (ping, _) => ping.Exception, null, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Says to everybody who waits for it that it has gone.</summary>
    public void Leave()
    {
        _answered.TrySetCanceled(CancellationToken.None);
        _gone.Cancel();
    }

    public void Dispose() => _gone.Dispose();
}
