using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>A listener that is here: its control channel, and the requests it was handed there.</summary>
internal sealed class Listener : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private readonly ConcurrentDictionary<string, Exchange> _exchanges = new();
    private readonly WebSocketChannel _channel;
    private long _pingedAt;

    public Listener(string id, Pass pass, HttpContext context, WebSocketChannel channel, DateTimeOffset since, long now)
    {
        (Id, Pass, _channel, Since, _pingedAt) = (id, pass, channel, since, now);
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

    public string Agent { get; }

    /// <summary>Cancelled when the control channel ends.</summary>
    public CancellationToken Gone { get; }

    public WebSocketChannel Channel => _channel;

    /// <summary>Hands it a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="body">The body that follows it; null for none.</param>
    /// <param name="cancel">Gives up waiting for one's turn.</param>
    /// <returns>Whether it was written.</returns>
    public async Task<bool> Hand(byte[] message, ReadOnlyMemory<byte>? body, CancellationToken cancel)
    {
        try
        {
            return !Gone.IsCancellationRequested && await _channel.WriteTogether(message, body, cancel);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Waits for a response to a request.</summary>
    /// <param name="exchange">The request.</param>
    public void Expect(Exchange exchange) => _exchanges[exchange.Id] = exchange;

    /// <summary>Doesn't wait for it any more.</summary>
    /// <param name="exchange">The request.</param>
    public void Forget(Exchange exchange) => _exchanges.TryRemove(exchange.Id, out _);

    /// <summary>Takes a response. One that nobody waits for, any more or at all, is dropped: it came too late.</summary>
    /// <param name="response">The response.</param>
    /// <param name="body">Its body.</param>
    public void Answer(ResponseMessage response, byte[] body)
    {
        if (_exchanges.TryRemove(response.RequestId, out var exchange))
            exchange.Answered.TrySetResult(new(response, body));
    }

    /// <summary>Pings when it is time, and drops who was silent for two intervals or doesn't read what it is sent.</summary>
    /// <param name="clock">The clock.</param>
    /// <param name="options">The interval.</param>
    public void KeepAlive(TimeProvider clock, RelayOptions options)
    {
        if (_channel.Silence >= 2 * options.PingInterval || _channel.Stalled >= options.PingInterval)
        {
            Abort();
            return;
        }

        if (clock.GetElapsedTime(_pingedAt) < options.PingInterval)
            return;
        _pingedAt = clock.GetTimestamp();
        if (_channel.Silence >= options.PingInterval / 2)
            _ = _channel.Ping().ContinueWith(static (ping, _) => ping.Exception, null, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Ends its connection without a word.</summary>
    public void Abort() => _channel.Abort();

    /// <summary>Says to everybody who waits for it that it has gone.</summary>
    public void Leave() => _gone.Cancel();

    public void Dispose() => _gone.Dispose();
}
