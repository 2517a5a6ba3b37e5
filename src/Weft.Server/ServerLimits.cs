using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Weft.Fleet.Quotas;
using Weft.Relay.Transport;
using Weft.Resources;
using Weft.Server.Relays;
using Weft.Server.Storage;

namespace Weft.Server;

/// <summary>All numbers of the file that <c>--limits</c> names (docs/specs/limits.md).</summary>
/// <param name="Fleet">Those of the networks.</param>
/// <param name="Relay">Those of the relay, in the object <c>relay</c>.</param>
/// <param name="Management">Those of the port of people and agents, in the object <c>management</c>.</param>
/// <param name="Leases">Those of what one node and one cluster may lease, in the object <c>leases</c>.</param>
internal sealed record ServerLimits(Limits Fleet, RelayLimits Relay, ManagementLimits Management, LeaseLimits Leases)
{
    /// <summary>The numbers as they are if nobody says otherwise.</summary>
    public static readonly ServerLimits Default = new(
        Limits.Default,
        RelayLimits.Default,
        ManagementLimits.Default,
        LeaseLimits.Default
    );

    /// <summary>
    /// How much of the process's descriptors the connections of people and agents may take, per cent: what the relay and
    /// these leave is for files.
    /// </summary>
    public const int ManagementDescriptorPercent = 25;

    /// <summary>The member that holds <see cref="Leases"/>.</summary>
    public const string LeasesMember = "leases";

    /// <summary>The rows of <see cref="Leases"/>.</summary>
    public static readonly ImmutableArray<LimitRow<LeaseLimits>> LeaseRows =
    [
        new("perNode", 1, 10_000_000, l => l.PerNode, (l, v) => l with { PerNode = (int)v }),
        new("perCluster", 1, 100_000_000, l => l.PerCluster, (l, v) => l with { PerCluster = (int)v }),
        new("ratePerNode", 1, 100_000, l => l.Node.Rate, (l, v) => l with { Node = l.Node with { Rate = (int)v } }),
        new(
            "burstPerNode",
            1,
            1_000_000,
            l => l.Node.Burst,
            (l, v) => l with { Node = l.Node with { Burst = (int)v } }
        ),
        new(
            "ratePerCluster",
            1,
            1_000_000,
            l => l.Cluster.Rate,
            (l, v) => l with { Cluster = l.Cluster with { Rate = (int)v } }
        ),
        new(
            "burstPerCluster",
            1,
            10_000_000,
            l => l.Cluster.Burst,
            (l, v) => l with { Cluster = l.Cluster with { Burst = (int)v } }
        ),
        new("keptPercent", 0, 90, l => l.KeptPercent, (l, v) => l with { KeptPercent = (int)v }),
        new("reclaimSeconds", 0, 86_400, l => l.ReclaimSeconds, (l, v) => l with { ReclaimSeconds = (int)v }),
        new("historyPerAddress", 1, 1_000, l => l.HistoryPerAddress, (l, v) => l with { HistoryPerAddress = (int)v }),
        new("historyDays", 30, 3_650, l => l.HistoryDays, (l, v) => l with { HistoryDays = (int)v }),
        new(
            "historyEntries",
            100_000,
            100_000_000,
            l => l.HistoryEntries,
            (l, v) => l with { HistoryEntries = (int)v }
        ),
    ];

    /// <summary>What a store is told of them when it is opened.</summary>
    public StoreSettings StoreSettings =>
        new()
        {
            CoolDownSeconds = Fleet.CoolDownSeconds,
            HistoryPerAddress = Leases.HistoryPerAddress,
            HistoryDays = Leases.HistoryDays,
            HistoryEntries = Leases.HistoryEntries,
        };

    private static readonly Schema Objects = new([
        LimitRows.SchemaOf(RelayLimits.MemberName, RelayLimits.Rows),
        LimitRows.SchemaOf(ManagementLimits.MemberName, ManagementLimits.Rows),
        LimitRows.SchemaOf(LeasesMember, LeaseRows),
    ]);

    /// <summary>Reads a file.</summary>
    /// <param name="file">Its path; null for the defaults.</param>
    /// <exception cref="IOException">Names the file, the member and what is wrong.</exception>
    public static ServerLimits ReadFile(string? file)
    {
        if (file is null)
            return Default;
        return
            Json.ParseObject(File.ReadAllBytes(file)).TryGet(out var body, out var refusal)
            && Read(body).TryGet(out var limits, out refusal)
            ? limits
            : throw new IOException($"--limits {file}: {refusal.Message}");
    }

    /// <summary>
    /// Bounds the connections of the management's port, in all and by source, before anything is read from them: so many
    /// of anybody's leave places and descriptors to everybody else.
    /// </summary>
    public void BoundManagement(ListenOptions listen, TimeProvider time)
    {
        var services = listen.ApplicationServices;
        var quota = new ConnectionQuota(
            ManagementLimits.MemberName,
            Management.Connections.Within(DescriptorLimit.Read(), ManagementDescriptorPercent),
            time,
            services.GetRequiredService<ILogger<ConnectionQuota>>()
        );
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped.Register(quota.Dispose);
        listen.Use(next =>
            async connection =>
            {
                using var place = connection.RemoteEndPoint is IPEndPoint source
                    ? quota.Enter(source.Address)
                    : quota.Enter();
                if (place is null)
                    connection.Abort();
                else
                    await next(connection);
            }
        );
    }

    /// <summary>Reads the file's object; what it leaves out keeps its default.</summary>
    /// <returns>The numbers, or a refusal with every finding.</returns>
    public static Outcome<ServerLimits> Read(JsonObject body)
    {
        var (fleet, own) = (new JsonObject(), new JsonObject());
        foreach (var (name, value) in body)
            (name is RelayLimits.MemberName or ManagementLimits.MemberName or LeasesMember ? own : fleet)[name] =
                value?.DeepClone();
        var findings = new List<Refusal>();
        var read = Objects.Normalise(own, default, findings);
        if (!Limits.Read(fleet).TryGet(out var networks, out var refusal))
            findings.AddRange(refusal.Findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, "limits");
        return new ServerLimits(
            networks!,
            LimitRows.Apply(RelayLimits.Rows, read[RelayLimits.MemberName], RelayLimits.Default),
            LimitRows.Apply(ManagementLimits.Rows, read[ManagementLimits.MemberName], ManagementLimits.Default),
            LimitRows.Apply(LeaseRows, read[LeasesMember], LeaseLimits.Default)
        );
    }

    /// <summary>The numbers of the two ports and of leases that are in force, as the API serves them.</summary>
    /// <param name="descriptors">How many descriptors the process may have.</param>
    public JsonObject ToJson(int descriptors)
    {
        var relay = Relay.Connections.Within(descriptors, RelayLimits.DescriptorPercent);
        var management = Management.Connections.Within(descriptors, ManagementDescriptorPercent);
        return new JsonObject
        {
            [RelayLimits.MemberName] = LimitRows.ToJson(
                RelayLimits.Rows,
                Relay with
                {
                    Connections = new(relay.Total, relay.PerSource),
                }
            ),
            [ManagementLimits.MemberName] = LimitRows.ToJson(
                ManagementLimits.Rows,
                Management with
                {
                    Connections = new(management.Total, management.PerSource),
                }
            ),
            [LeasesMember] = LimitRows.ToJson(LeaseRows, Leases),
        };
    }
}
