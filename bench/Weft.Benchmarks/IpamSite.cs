using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Storage;

namespace Weft.Benchmarks;

/// <summary>
/// A site for leases alone: one cluster, agents of its nodes, one large network, two for a pool that is full and one that is
/// empty, and a thousand small ones. Its rows are written to the store as they are: what decides about them isn't measured.
/// </summary>
internal static class IpamSite
{
    public const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site";
    public const string Large = "large";
    public const string Full = "full";
    public const string Free = "free";
    public const int SmallNetworks = 1000;
    private const string Cloud = $"{Group}/providers/Microsoft.NetworkCloud";
    private const string Fabric = $"{Group}/providers/Microsoft.ManagedNetworkFabric";
    public const string Place = $"{Group}/providers/Microsoft.ExtendedLocation/customLocations/place";
    private const string OfSite = $"{Fabric}/networkFabrics/fab1";
    public const string Domain = $"{Fabric}/l3IsolationDomains/user";
    private const string Now = "2026-01-02T03:04:05.0000000Z";
    private const int RecordsPerCommit = 10_000;

    public static ResourceId Cluster { get; } = ResourceId.Parse($"{Cloud}/kubernetesClusters/c1").Value;

    public static IEnumerable<string> Small => Enumerable.Range(0, SmallNetworks).Select(i => $"small{i:d4}");

    public static ResourceId Network(string name) => ResourceId.Parse($"{Cloud}/l3Networks/{name}").Value;

    public static string Credential(int agent) =>
        BearerToken.Create(BearerToken.AgentKind, [.. BitConverter.GetBytes(agent), .. new byte[28]]);

    public static string NodeOf(int agent) => string.Create(CultureInfo.InvariantCulture, $"w{agent}");

    /// <summary>Writes the site's rows.</summary>
    public static async Task Create(string store, int agents)
    {
        await using var opened = SqliteStore.Open(store);
        List<Mutation> rows =
        [
            Row(ResourceId.Parse(Group).Value, []),
            Row(ResourceId.Parse(OfSite).Value, []),
            Row(
                ResourceId.Parse(Domain).Value,
                new() { ["networkFabricId"] = OfSite, ["administrativeState"] = "Enabled" }
            ),
            .. NetworkRows(Large, 100, "10.0.0.0/11", "fd20::/64"),
            .. NetworkRows(Full, 101, "10.32.0.0/15", null),
            .. NetworkRows(Free, 102, "10.34.0.0/15", null),
            .. Small.SelectMany(
                (name, i) =>
                    NetworkRows(name, 103 + i, $"10.{64 + (i >> 6)}.{(i & 63) << 2}.0/22", $"fd21:0:0:{i:x}::/64")
            ),
            ClusterRow(),
        ];
        for (var i = 0; i < agents; i++)
            rows.Add(AgentRow(i));
        _ = await opened.Commit(ReadSet.Empty, rows, CancellationToken.None);
    }

    /// <summary>Leases dual-stack addresses of the large network to so many pods, and all but one in a hundred of the full one.</summary>
    public static async Task Fill(string store, int pods, int agents)
    {
        await using var opened = SqliteStore.Open(store);
        var number = 1_000_000_000;
        await Fill(
            opened,
            Large,
            Enumerable
                .Range(0, pods)
                .Select(i =>
                    Pod(
                        number++,
                        i % agents,
                        [
                            new Address(AddressFamily.IPv4, 0x0A10_0000u + (uint)i),
                            new Address(AddressFamily.IPv6, ((UInt128)0xFD20 << 112) + 0x100_0000u + (uint)i),
                        ]
                    )
                )
        );
        await Fill(
            opened,
            Full,
            // From the fourth usable address to the last: three are reserved, and 0.0 and 255.255 are nobody's.
            Enumerable
                .Range(4, (1 << 17) - 5)
                .Where(i => (uint)(i * 2_654_435_761L) % 100 != 0)
                .Select(i => Pod(number++, i % agents, [new Address(AddressFamily.IPv4, 0x0A20_0000u + (uint)i)]))
        );
    }

    private static async Task Fill(SqliteStore store, string network, IEnumerable<Holding> pods)
    {
        foreach (var chunk in pods.Chunk(RecordsPerCommit))
            _ = await store.Commit(
                ReadSet.Empty,
                [new LeaseChanges(Network(network).Key, [.. chunk.Select(pod => new HoldingChange(null, pod))])],
                CancellationToken.None
            );
    }

    private static Holding Pod(int number, int agent, Address[] addresses)
    {
        var holder = AddressClaims.PodHolderOf(
            Cluster,
            Convert.ToHexStringLower([
                .. BitConverter.GetBytes((ulong)number * 0x9E3779B97F4A7C15),
                .. new byte[20],
                .. BitConverter.GetBytes(number),
            ]),
            "net1",
            $"core/upf-{number}",
            NodeOf(agent)
        );
        return Holding.Create(
            holder,
            [.. addresses.Select(address => new Lease(address, holder, LeaseMethod.Dynamic, Now))]
        );
    }

    private static Mutation[] NetworkRows(string name, int vlan, string ipv4, string? ipv6)
    {
        var own = new JsonObject
        {
            ["vlanId"] = vlan,
            ["mtu"] = 9000,
            ["connectedIPv4Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv4 }),
        };
        var properties = new JsonObject
        {
            ["l3IsolationDomainId"] = Domain,
            ["vlan"] = vlan,
            ["ipAllocationType"] = ipv6 is null ? "IPV4" : "DualStack",
            ["ipv4ConnectedPrefix"] = ipv4,
        };
        if (ipv6 is not null)
        {
            own["connectedIPv6Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv6 });
            properties["ipv6ConnectedPrefix"] = ipv6;
        }

        return [Row(ResourceId.Parse($"{Domain}/internalNetworks/{name}").Value, own), Row(Network(name), properties)];
    }

    private static Mutation ClusterRow() =>
        Row(
            Cluster,
            new JsonObject
            {
                ["kubernetesVersion"] = "1.33.1",
                ["networkConfiguration"] = new JsonObject
                {
                    ["cniNetworkId"] = Network(Free).ToString(),
                    ["attachedNetworkConfiguration"] = new JsonObject
                    {
                        ["l3Networks"] = new JsonArray([
                            .. Small
                                .Prepend(Full)
                                .Prepend(Free)
                                .Prepend(Large)
                                .Select(name =>
                                    (JsonNode)
                                        new JsonObject
                                        {
                                            ["networkId"] = Network(name).ToString(),
                                            ["pluginType"] = "MACVLAN",
                                            ["ipamEnabled"] = "True",
                                        }
                                ),
                        ]),
                    },
                },
            }
        );

    private static Mutation AgentRow(int agent) =>
        Row(
            ResourceId.Parse($"{Cluster}/providers/Weft.Fleet/agents/{NodeOf(agent)}").Value,
            new JsonObject
            {
                ["node"] = NodeOf(agent),
                ["enrolledAt"] = Now,
                [AgentCredential.SinceMember] = Now,
                [AgentCredential.HashMember] = BearerToken.HashOf(Credential(agent)),
            }
        );

    private static Mutation Row(ResourceId id, JsonObject properties) =>
        Mutation.Put(
            id,
            new JsonObject
            {
                ["id"] = id.ToString(),
                ["location"] = "east",
                ["properties"] = properties,
                [Provisioning.MemberName] = new JsonObject { ["state"] = Provisioning.Succeeded },
            }
        );
}
