using System.Collections.Immutable;
using Weft.Server.Relays;

namespace Weft.Server;

/// <summary>
/// The bounds and times of the port of people and agents that <c>--limits</c> may change, in its object
/// <c>management</c> (docs/specs/limits.md).
/// </summary>
internal sealed record ManagementLimits
{
    /// <summary>The member of the limits that holds these.</summary>
    public const string MemberName = "management";

    private const int Mebibyte = 1024 * 1024;

    /// <summary>The numbers as they are if nobody says otherwise.</summary>
    public static readonly ManagementLimits Default = new();

    /// <summary>The bounds on its connections.</summary>
    public PortLimits Connections { get; init; } = new(100_000, 4_096);

    /// <summary>The most bytes of bodies that have come and are not answered yet. Default 128 MiB.</summary>
    public long BodyBytes { get; init; } = 128 * Mebibyte;

    /// <summary>The most of one credential. Default 8 MiB: two of the largest bodies.</summary>
    public long BodyBytesPerCredential { get; init; } = 8 * Mebibyte;

    /// <summary>How long a body may take. Default 120 s: an inventory of 1 MiB over 70 kbit/s.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>How fast a body must come, in bytes a second. Default 1,024; Kestrel's own is 240.</summary>
    public int BodyRate { get; init; } = 1_024;

    /// <summary>The most requests of one credential that wait for something to happen. Default 256.</summary>
    public int WaitsPerCredential { get; init; } = 256;

    /// <summary>How many plans are made at a time, and wait for that.</summary>
    public PlanLimits Plans { get; init; } = new();

    /// <summary>Each with its range. What it is and where its default comes from is in docs/specs/limits.md.</summary>
    public static readonly ImmutableArray<LimitRow<ManagementLimits>> Rows =
    [
        .. LimitRows.ForConnections<ManagementLimits>(l => l.Connections, (l, v) => l with { Connections = v }),
        // Less than ARM's bound for one body would refuse some for ever.
        new("bodyBytes", 4 * Mebibyte, 64L * 1024 * Mebibyte, l => l.BodyBytes, (l, v) => l with { BodyBytes = v }),
        new(
            "bodyBytesPerCredential",
            4 * Mebibyte,
            64L * 1024 * Mebibyte,
            l => l.BodyBytesPerCredential,
            (l, v) => l with { BodyBytesPerCredential = v }
        ),
        new(
            "bodySeconds",
            1,
            3_600,
            l => (long)l.BodyTimeout.TotalSeconds,
            (l, v) => l with { BodyTimeout = TimeSpan.FromSeconds(v) }
        ),
        new("bodyBytesPerSecond", 1, 1_000_000_000, l => l.BodyRate, (l, v) => l with { BodyRate = (int)v }),
        new(
            "waitsPerCredential",
            2,
            1_000_000,
            l => l.WaitsPerCredential,
            (l, v) => l with { WaitsPerCredential = (int)v }
        ),
        Plan("plans", 1, p => p.Running, (p, v) => p with { Running = v }),
        Plan("plansPerPrincipal", 1, p => p.RunningPerPrincipal, (p, v) => p with { RunningPerPrincipal = v }),
        Plan("plansWaiting", 0, p => p.Waiting, (p, v) => p with { Waiting = v }),
        Plan("plansWaitingPerPrincipal", 0, p => p.WaitingPerPrincipal, (p, v) => p with { WaitingPerPrincipal = v }),
        new(
            "planWaitSeconds",
            1,
            90,
            l => (long)l.Plans.Patience.TotalSeconds,
            (l, v) => l with { Plans = l.Plans with { Patience = TimeSpan.FromSeconds(v) } }
        ),
    ];

    private static LimitRow<ManagementLimits> Plan(
        string name,
        long least,
        Func<PlanLimits, int> read,
        Func<PlanLimits, int, PlanLimits> write
    ) => new(name, least, 10_000, l => read(l.Plans), (l, v) => l with { Plans = write(l.Plans, (int)v) });
}

/// <summary>How many plans there may be at a time.</summary>
internal sealed record PlanLimits
{
    /// <summary>Of all. Default 2: a plan takes a whole core for as long as it is made.</summary>
    public int Running { get; init; } = 2;

    /// <summary>Of one principal. Default 1, so that nobody takes the places of all.</summary>
    public int RunningPerPrincipal { get; init; } = 1;

    /// <summary>How many wait for their turn. Default 16.</summary>
    public int Waiting { get; init; } = 16;

    /// <summary>Of one principal. Default 4.</summary>
    public int WaitingPerPrincipal { get; init; } = 4;

    /// <summary>How long one waits. Default 30 s: <c>weft</c> takes 100 s of silence for a fault.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}
