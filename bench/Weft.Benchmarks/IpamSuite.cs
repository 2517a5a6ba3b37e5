using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet;

namespace Weft.Benchmarks;

/// <summary>How fast addresses are leased, what a million of them cost, and how soon somebody is told who holds one.</summary>
internal static class IpamSuite
{
    private const int Agents = 16;
    private const int Live = 1_000_000;

    public static async Task Run(string bin, bool quick)
    {
        var program = Path.Combine(bin, "weftd");
        Console.Error.WriteLine($"bench: leases of {program}, by HTTP on loopback, each durable before it is answered");
        Engine(quick);
        using var folder = new RelayFolder();
        var load = Path.Combine(folder.Root, "load");
        RelayFolder.Run("/usr/bin/gcc", "-O2", "-D_GNU_SOURCE", "-o", load, "bench/ipam/load.c");
        Directory.CreateDirectory(IpamServer.DataOf(folder));
        await IpamSite.Create(IpamServer.StoreOf(folder), Agents);
        var empty = new FileInfo(IpamServer.StoreOf(folder)).Length;
        double idle;
        using (var server = new IpamServer(folder, program, load, Agents))
        {
            idle = server.ResidentBytes;
            await Rates(folder, server, quick);
            await IpamPlugins.Run(folder, server, bin, quick);
            server.Stop();
        }

        var before = new FileInfo(IpamServer.StoreOf(folder)).Length;
        // The full pool has so many of them.
        var pods = (Live - (((1 << 17) - 5) * 99 / 100)) / 2;
        await IpamSite.Fill(IpamServer.StoreOf(folder), pods, Agents);
        new Figure(
            "ipam-disk-per-lease",
            (double)(new FileInfo(IpamServer.StoreOf(folder)).Length - before) / Live,
            "bytes",
            "<=",
            150
        ).Print();
        using (var server = new IpamServer(folder, program, load, Agents))
            await Million(server, idle, quick);
    }

    private static async Task Rates(RelayFolder folder, IpamServer server, bool quick)
    {
        var count = quick ? 60_000 : 200_000;
        // Nobody's first requests are measured.
        _ = await server.Acquire(16, 2_000, IpamSite.Large);
        var sync = IpamPeers.MeasureSync(folder, server.Load, 300);
        var one = await server.Acquire(1, quick ? 1_000 : 3_000, IpamSite.Large);
        sync = Math.Max(sync, IpamPeers.MeasureSync(folder, server.Load, 300));
        new Figure("ipam-1-client-p50", one.Median / 1000, "ms", "<=", (1.5 * sync) + 0.5).Print();
        var large = await server.Acquire(256, count, IpamSite.Large);
        new Figure("ipam-256-clients-1-network", large.Rate, "leases/s", ">=", 20_000).Print();
        new Figure("ipam-256-clients-1-network-p99", large.Slowest / 1000, "ms", "<=", 25).Print();
        var small = await server.Acquire(256, count, IpamSite.Small);
        new Figure("ipam-256-clients-1000-networks", small.Rate, "leases/s", ">=", 15_000).Print();
        new Figure("ipam-256-clients-1000-networks-p99", small.Slowest / 1000, "ms", "<=", 25).Print();
        var batches = await server.AcquireInBatches(64, 2 * count, 16, IpamSite.Large);
        new Figure("ipam-batches-of-16", batches.Rate, "leases/s", ">=", 60_000).Print();
        if (IpamPeers.MeasurePostgres(folder, quick ? 20_000 : 60_000) is { } postgres)
            new Figure(
                "ipam-processor-to-postgresql",
                large.Processor / postgres.Processor,
                "ratio",
                "<=",
                0.3
            ).Print();
        new Figure("ipam-processor-each", large.Processor, "us", "<=", 100).Print();
    }

    private static async Task Million(IpamServer server, double idle, bool quick)
    {
        new Figure("ipam-million-start", server.Start.TotalSeconds, "s", "<=", 2).Print();
        new Figure("ipam-million-resident", server.ResidentBytes / 1e6, "MB", "<=", 400).Print();
        new Figure("ipam-memory-per-lease", (server.ResidentBytes - idle) / Live, "bytes", "<=", 200).Print();
        const string Version = "api-version=2026-11-01";
        var runs = quick ? 20 : 100;
        new Figure(
            "ipam-million-who-name",
            await IpamServer.Median(
                runs,
                i => server.Get($"/providers/Weft.Ipam/who?name=upf-{1_000_000_000 + (i * 3001)}&{Version}")
            ),
            "ms",
            "<=",
            20
        ).Print();
        new Figure(
            "ipam-million-who-part",
            await IpamServer.Median(
                runs,
                i => server.Get($"/providers/Weft.Ipam/who?name=pf-{1_000_000_000 + (i * 3001)}&{Version}")
            ),
            "ms",
            "<=",
            500
        ).Print();
        new Figure(
            "ipam-million-who-address",
            await IpamServer.Median(runs, i => server.Get($"/providers/Weft.Ipam/who?address=10.16.{i}.7&{Version}")),
            "ms",
            "<=",
            20
        ).Print();
        var count = quick ? 800 : 1200;
        _ = await server.Acquire(16, 200, IpamSite.Free);
        var free = await server.Acquire(16, count, IpamSite.Free);
        var full = await server.Acquire(16, count, IpamSite.Full);
        new Figure("ipam-99-percent-full-to-empty", full.Rate / free.Rate, "ratio", ">=", 0.5).Print();
        new Figure("ipam-million-add-subnet", await AddSubnets(server, quick ? 3 : 9), "ms", "<=", 500).Print();
    }

    /// <summary>What somebody waits for who adds a subnet of the fabric: a write that has nothing to do with leases.</summary>
    private static Task<double> AddSubnets(IpamServer server, int runs) =>
        IpamServer.Median(
            runs,
            i =>
                server.Put(
                    $"{IpamSite.Domain}/internalNetworks/added{i}",
                    new JsonObject
                    {
                        ["properties"] = new JsonObject
                        {
                            ["vlanId"] = 3000 + i,
                            ["mtu"] = 9000,
                            ["connectedIPv4Subnets"] = new JsonArray(
                                new JsonObject { ["prefix"] = $"10.200.{i}.0/24" }
                            ),
                        },
                    },
                    "2023-06-15"
                )
        );

    /// <summary>What decides and keeps, without disk and HTTP, on one core.</summary>
    private static void Engine(bool quick)
    {
        var cluster = IpamSite.Cluster;
        var pods = Enumerable.Range(0, 20_000).Select(i => PodOf(cluster, i)).ToArray();
        var held = Holdings.Empty.Open();
        foreach (var pod in pods)
            held.Replace(null, pod);
        // What comes and goes: every other one, so that pages stay.
        var moving = pods.Where((_, i) => i % 2 == 0).ToArray();
        var rounds = quick ? 200 : 1000;
        foreach (var pod in moving)
            held.Replace(pod, null);
        Turn(held, moving, 5);
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        Turn(held, moving, rounds);
        var rate = (double)rounds * moving.Length / watch.Elapsed.TotalSeconds;
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        new Figure("ipam-engine-acquire-release", rate, "a second", ">=", 3_000_000).Print();
        new Figure("ipam-engine-allocated", (double)bytes / rounds / moving.Length, "bytes", "<=", 0).Print();
    }

    private static void Turn(Holdings held, Holding[] pods, int rounds)
    {
        var from = new Address(AddressFamily.IPv4, 0x0A00_0000u);
        var last = new Address(AddressFamily.IPv4, 0x0A1F_FFFFu);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var pod in pods)
            {
                // As a decision and a commit do it: what is looked up is changed in the same step.
                if (held.FirstFree(from, last) is null || !held.TryReplace(null, pod) || !held.TryReplace(pod, null))
                    throw new InvalidOperationException("nothing is free");
            }
        }
    }

    private static Holding PodOf(Weft.Resources.ResourceId cluster, int number)
    {
        var id = number.ToString("x64", CultureInfo.InvariantCulture);
        var holder = AddressClaims.PodHolderOf(cluster, id, "net1", $"core/upf-{number}", $"w{number / 2 % 500}");
        const string Since = "2026-01-02T03:04:05.0000000Z";
        return Holding.Create(
            holder,
            [
                new Lease(
                    new Address(AddressFamily.IPv4, 0x0A00_0004u + (uint)number),
                    holder,
                    LeaseMethod.Dynamic,
                    Since
                ),
                new Lease(
                    new Address(AddressFamily.IPv6, ((UInt128)0xFD20 << 112) + 4 + (uint)number),
                    holder,
                    LeaseMethod.Dynamic,
                    Since
                ),
            ]
        );
    }
}
