using Weft.Relay.Frames;
using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// What a relay allows, and how long it waits. Numbers without another source are this project's own.
/// </summary>
/// <param name="PublicAddress">
/// Where the world reaches this relay: scheme <c>wss</c> (or <c>ws</c> on loopback), host and port. Listeners are sent
/// there to meet senders; it is never taken from a sender's Host header, which could send them anywhere.
/// </param>
internal sealed record RelayServerOptions(Uri PublicAddress)
{
    /// <summary>
    /// The names by which the relay is reached: what tokens may be for, and which hosts stand for a namespace. Default:
    /// that of <see cref="PublicAddress"/> alone.
    /// </summary>
    public RelayHosts Hosts
    {
        get => field ??= new(PublicAddress);
        init;
    }

    /// <summary>The most listeners on one hybrid connection. Default 25: the quota of Azure Relay.</summary>
    public int ListenersPerConnection { get; init; } = 25;

    /// <summary>
    /// The most senders and requests that wait for a listener of one hybrid connection. Default 2,048.
    /// </summary>
    public int PendingPerConnection { get; init; } = 2048;

    /// <summary>
    /// The most senders and requests that wait from one source: an IPv4 address, or an IPv6 network of 64 bits. Default
    /// 512.
    /// </summary>
    public int PendingPerSource { get; init; } = 512;

    /// <summary>
    /// The most sessions that are open at a time, over all hybrid connections, with those whose senders wait. Default
    /// 100,000.
    /// </summary>
    public int Sessions { get; init; } = 100_000;

    /// <summary>The most of these at one hybrid connection: a cluster, node, machine or other. Default 10,000.</summary>
    public int SessionsPerConnection { get; init; } = 10_000;

    /// <summary>
    /// The most of these from one source: an IPv4 address, or an IPv6 network of 64 bits. Default 10,000: all of an
    /// organisation may come from one address.
    /// </summary>
    public int SessionsPerSource { get; init; } = 10_000;

    /// <summary>
    /// The most bytes of a sender's headers, names and values. Default 32 KiB: the bound of Azure Relay.
    /// </summary>
    public int HeaderBytes { get; init; } = 32 * 1024;

    /// <summary>
    /// The most bytes of a control message to a listener. Default and largest 60 KiB: the .NET client goes deaf on 64
    /// KiB.
    /// </summary>
    public int ControlMessageBytes { get; init; } = ControlMessage.MaxSentSize;

    /// <summary>
    /// The largest request body on a control channel, in bytes. Default and largest 64 KiB: the protocol's bound; what
    /// is larger goes by rendezvous.
    /// </summary>
    public int ControlBodyBytes { get; init; } = ControlMessage.MaxBodySize;

    /// <summary>
    /// How long a sender waits for its listener, and how long an accept address is good. Default 30 s: the protocol's
    /// bound.
    /// </summary>
    public TimeSpan AcceptTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a listener may take to begin its response, and how long a body may rest. Default 60 s: that of Azure
    /// Relay, where it can't be changed.
    /// </summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the other side may take to answer a Close. Default 5 s.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a session may rest when one side has closed and the other hasn't. Default 10 minutes: a command over
    /// SSH may compute that long after its input ended.
    /// </summary>
    public TimeSpan HalfClosedTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How often a listener, or either side of a session, is pinged. One that was silent for two intervals is dropped.
    /// Default 30 s, below the minutes after which middleboxes forget a connection.
    /// </summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a listener is kept after its token expired. Default 5 minutes, at least 60 s: the real clients renew at
    /// or just after expiry.
    /// </summary>
    public TimeSpan TokenGrace { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long after its expiry a listener's token is still taken, when it comes and when it renews. Default 5 minutes:
    /// the real clients renew at or just after expiry, and one that lost its connection just then comes back with the
    /// token that it has.
    /// </summary>
    public TimeSpan ListenerTokenSkew { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long after its expiry a sender's token is still taken: how far clocks may be apart. Default 30 s. Senders ask
    /// for a token when they come, and a short one is to end when it says.
    /// </summary>
    public TimeSpan SenderTokenSkew { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many refusals a source gets on one path before they are delayed. Default 5.</summary>
    public int FreeRefusals { get; init; } = 5;

    /// <summary>How many refusals a source gets on all paths together before they are delayed. Default 30.</summary>
    public int FreeRefusalsPerSource { get; init; } = 30;

    /// <summary>
    /// The first delay; each further one is twice as long. Default 0.25 s: there are clients that try again at once,
    /// 150 times a second.
    /// </summary>
    public TimeSpan FirstRefusalDelay { get; init; } = TimeSpan.FromSeconds(0.25);

    /// <summary>The longest delay. Default 5 s.</summary>
    public TimeSpan LongestRefusalDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many refusals may be under delay at a time; beyond, they are answered at once with 429 and the connection is
    /// closed. Default 1,024.
    /// </summary>
    public int DelayedRefusals { get; init; } = 1024;

    /// <summary>How many of these may be of one source. Default 256: the others are for everybody else.</summary>
    public int DelayedRefusalsPerSource { get; init; } = 256;

    /// <summary>The same six, for who applies them.</summary>
    internal RefusalThrottleOptions Throttle =>
        new(FreeRefusals, FirstRefusalDelay, LongestRefusalDelay, DelayedRefusals)
        {
            FreePerSource = FreeRefusalsPerSource,
            MaxDelayedPerSource = DelayedRefusalsPerSource,
        };

    /// <summary>The least <see cref="TokenGrace"/>. Only tests can't wait a minute.</summary>
    internal TimeSpan LeastTokenGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The timeouts of sessions. Who has to go is gone within the second that a change of rules may take, whether it
    /// listens to its Close or not.
    /// </summary>
    internal FrameRelayOptions FrameOptions =>
        new()
        {
            PingInterval = PingInterval,
            HalfClosedTimeout = HalfClosedTimeout,
            CloseTimeout = CloseTimeout,
            TerminateTimeout = TimeSpan.FromSeconds(0.4),
        };

    /// <summary>Validates the options.</summary>
    /// <exception cref="ArgumentException">Names the option and the bound.</exception>
    internal void Validate()
    {
        if (!PublicAddress.IsAbsoluteUri || PublicAddress.Scheme is not ("wss" or "ws"))
            throw new ArgumentException(
                $"{nameof(PublicAddress)} is '{PublicAddress}'; it must be like wss://relay.example:443"
            );
        if (TokenGrace < LeastTokenGrace)
            throw new ArgumentException($"{nameof(TokenGrace)} is {TokenGrace}; it must be at least {LeastTokenGrace}");
        if (ControlMessageBytes is < 1024 or > ControlMessage.MaxSentSize)
            throw new ArgumentException(
                $"{nameof(ControlMessageBytes)} is {ControlMessageBytes}; it must be from 1024 to {ControlMessage.MaxSentSize}"
            );
        if (ControlBodyBytes is < 0 or > ControlMessage.MaxBodySize)
            throw new ArgumentException(
                $"{nameof(ControlBodyBytes)} is {ControlBodyBytes}; it must be from 0 to {ControlMessage.MaxBodySize}"
            );
    }
}
