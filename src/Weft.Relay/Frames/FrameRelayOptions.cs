namespace Weft.Relay.Frames;

/// <summary>The timeouts of a session.</summary>
internal sealed record FrameRelayOptions
{
    public static readonly FrameRelayOptions Default = new();

    /// <summary>
    /// How long a peer may be silent until it is pinged; one that lets two pings go unanswered is gone. Front ends of
    /// the field drop what is idle for four minutes, home routers sooner.
    /// </summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// How long the open half of a session may be idle once the other has been closed: long, since a remote command may
    /// compute after its input has ended.
    /// </summary>
    public TimeSpan HalfClosedTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a peer may take to end its TCP connection after it was closed.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a session that is cut goes on to the end of the frames it is in, to be told why; after that it is
    /// aborted.
    /// </summary>
    public TimeSpan TerminateTimeout { get; init; } = TimeSpan.FromSeconds(1);
}
