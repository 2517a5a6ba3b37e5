namespace Weft.Relay.Hosting;

/// <summary>A sender and a listener that are joined.</summary>
internal sealed class Session(string id, Pass sender, Pass listener, string listenerId, DateTimeOffset since)
{
    private long _up;
    private long _down;

    public string Id { get; } = id;

    public Pass Sender { get; } = sender;

    public Pass Listener { get; } = listener;

    public string ListenerId { get; } = listenerId;

    public DateTimeOffset Since { get; } = since;

    /// <summary>Payload bytes from the sender to the listener.</summary>
    public long Up => Volatile.Read(ref _up);

    /// <summary>Payload bytes from the listener to the sender.</summary>
    public long Down => Volatile.Read(ref _down);

    public void CountUp(long bytes) => Interlocked.Add(ref _up, bytes);

    public void CountDown(long bytes) => Interlocked.Add(ref _down, bytes);
}
