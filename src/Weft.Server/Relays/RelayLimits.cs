using System.Collections.Immutable;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Transport;

namespace Weft.Server.Relays;

/// <summary>The bounds and times of the relay that <c>--limits</c> may change, in its object <c>relay</c>.</summary>
internal sealed record RelayLimits
{
    /// <summary>The member of the limits that holds these.</summary>
    public const string MemberName = "relay";

    /// <summary>How much of the process's descriptors the relay's connections may take, per cent.</summary>
    public const int DescriptorPercent = 60;

    /// <summary>The numbers as they are if nobody says otherwise.</summary>
    public static readonly RelayLimits Default = new();

    /// <summary>Those of the relay itself; its address and names are set where it starts.</summary>
    public RelayServerOptions Server { get; init; } = new(new Uri("wss://localhost"));

    /// <summary>The bounds on its connections.</summary>
    public PortLimits Connections { get; init; } = new(200_000, 16_384);

    /// <summary>
    /// How long a caller may take for PROXY header and TLS handshake. Default 10 s: that of
    /// <see cref="RelayTransportOptions"/>.
    /// </summary>
    public TimeSpan Handshake { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long sessions may take to end by themselves when weftd stops. Default 0.2 s, as weftd is expected back at once.
    /// </summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Each with its range. What it is and where its default comes from is in docs/specs/limits.md.</summary>
    public static readonly ImmutableArray<LimitRow<RelayLimits>> Rows =
    [
        .. LimitRows.ForConnections<RelayLimits>(l => l.Connections, (l, v) => l with { Connections = v }),
        Number(
            "listenersPerConnection",
            1,
            1_000,
            s => s.ListenersPerConnection,
            (s, v) => s with { ListenersPerConnection = v }
        ),
        Number("sessions", 1, 1_000_000, s => s.Sessions, (s, v) => s with { Sessions = v }),
        Number(
            "sessionsPerConnection",
            1,
            1_000_000,
            s => s.SessionsPerConnection,
            (s, v) => s with { SessionsPerConnection = v }
        ),
        Number("sessionsPerSource", 1, 1_000_000, s => s.SessionsPerSource, (s, v) => s with { SessionsPerSource = v }),
        Number(
            "pendingPerConnection",
            1,
            1_000_000,
            s => s.PendingPerConnection,
            (s, v) => s with { PendingPerConnection = v }
        ),
        Number("pendingPerSource", 1, 1_000_000, s => s.PendingPerSource, (s, v) => s with { PendingPerSource = v }),
        // Kestrel reads no more than 32 KiB of headers.
        Number("headerBytes", 1_024, 32_768, s => s.HeaderBytes, (s, v) => s with { HeaderBytes = v }),
        Number("controlBodyBytes", 0, 65_536, s => s.ControlBodyBytes, (s, v) => s with { ControlBodyBytes = v }),
        Number("freeRefusals", 0, 10_000, s => s.FreeRefusals, (s, v) => s with { FreeRefusals = v }),
        Number(
            "freeRefusalsPerSource",
            0,
            100_000,
            s => s.FreeRefusalsPerSource,
            (s, v) => s with { FreeRefusalsPerSource = v }
        ),
        Number("delayedRefusals", 1, 100_000, s => s.DelayedRefusals, (s, v) => s with { DelayedRefusals = v }),
        Number(
            "delayedRefusalsPerSource",
            1,
            100_000,
            s => s.DelayedRefusalsPerSource,
            (s, v) => s with { DelayedRefusalsPerSource = v }
        ),
        Seconds("acceptSeconds", 1, 300, s => s.AcceptTimeout, (s, t) => s with { AcceptTimeout = t }),
        Seconds("responseSeconds", 1, 3_600, s => s.ResponseTimeout, (s, t) => s with { ResponseTimeout = t }),
        Seconds("halfClosedSeconds", 1, 86_400, s => s.HalfClosedTimeout, (s, t) => s with { HalfClosedTimeout = t }),
        Seconds("closeSeconds", 1, 60, s => s.CloseTimeout, (s, t) => s with { CloseTimeout = t }),
        Seconds("pingSeconds", 5, 300, s => s.PingInterval, (s, t) => s with { PingInterval = t }),
        Seconds("senderTokenSkewSeconds", 0, 300, s => s.SenderTokenSkew, (s, t) => s with { SenderTokenSkew = t }),
        Seconds(
            "listenerTokenSkewSeconds",
            0,
            3_600,
            s => s.ListenerTokenSkew,
            (s, t) => s with { ListenerTokenSkew = t }
        ),
        Seconds("listenerTokenGraceSeconds", 60, 3_600, s => s.TokenGrace, (s, t) => s with { TokenGrace = t }),
        new(
            "handshakeSeconds",
            1,
            120,
            l => (long)l.Handshake.TotalSeconds,
            (l, v) => l with { Handshake = TimeSpan.FromSeconds(v) }
        ),
        new(
            "drainMilliseconds",
            0,
            600_000,
            l => (long)l.Drain.TotalMilliseconds,
            (l, v) => l with { Drain = TimeSpan.FromMilliseconds(v) }
        ),
    ];

    private static LimitRow<RelayLimits> Number(
        string name,
        long least,
        long most,
        Func<RelayServerOptions, int> read,
        Func<RelayServerOptions, int, RelayServerOptions> write
    ) => new(name, least, most, l => read(l.Server), (l, v) => l with { Server = write(l.Server, (int)v) });

    private static LimitRow<RelayLimits> Seconds(
        string name,
        long least,
        long most,
        Func<RelayServerOptions, TimeSpan> read,
        Func<RelayServerOptions, TimeSpan, RelayServerOptions> write
    ) =>
        new(
            name,
            least,
            most,
            l => (long)read(l.Server).TotalSeconds,
            (l, v) => l with { Server = write(l.Server, TimeSpan.FromSeconds(v)) }
        );
}
