using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Benchmarks;

/// <summary>
/// An ADD as a runtime sees it: the process <c>weft-ipam</c>, the agent of its node and weftd, beside the process
/// <c>host-local</c> and its folder, which nothing syncs. One network of both families each.
/// </summary>
/// <param name="path">The folder of the plugins.</param>
internal sealed class IpamPlugins(string runner, string path, IpamPlugins.Plugin ours, IpamPlugins.Plugin theirs)
{
    private const string HostLocal = "/usr/lib/cni/host-local";
    private const string Node = "w9000";
    private const int Held = 1_000;
    private const int Clients = 16;

    public static async Task Run(RelayFolder folder, IpamServer server, string bin, bool quick)
    {
        if (!File.Exists(HostLocal))
        {
            Console.Error.WriteLine($"bench: {HostLocal} isn't here (apt-get install containernetworking-plugins)");
            return;
        }

        var runner = Path.Combine(folder.Root, "plugins");
        RelayFolder.Run("/usr/bin/gcc", "-O2", "-o", runner, "bench/ipam/plugins.c");
        var socket = await StartAgent(folder, server, bin);
        var plugins = new IpamPlugins(
            runner,
            bin,
            new Plugin(Path.Combine(bin, "weft-ipam"), Write(folder, "ours.json", Ours(socket))),
            new Plugin(HostLocal, Write(folder, "theirs.json", Theirs(folder)))
        );
        var runs = quick ? 60 : 200;
        // Nobody's first ones are measured.
        _ = plugins.MeasurePairs(10, 1);
        var (ours, theirs) = plugins.MeasurePairs(runs, 1_000);
        new Figure("ipam-add-0-held-to-host-local", ours.Median / theirs.Median, "ratio", "<=", 0.9).Print();
        new Figure("ipam-add-0-held", ours.Median / 1000, "ms", "<=", theirs.Median * 0.9 / 1000).Print();
        await Hold(folder, socket);
        (ours, theirs) = plugins.MeasurePairs(runs, 5_000);
        new Figure("ipam-add-1000-held-to-host-local", ours.Median / theirs.Median, "ratio", "<=", 0.3).Print();
        (ours, theirs) = plugins.MeasureManyAtOnce(quick ? 160 : 480, quick ? 64 : 160);
        new Figure("ipam-add-16-at-once", ours.Rate, "a second", ">=", 10 * theirs.Rate).Print();
        new Figure("ipam-add-16-at-once-to-host-local", ours.Rate / theirs.Rate, "ratio", ">=", 10).Print();
        new Figure("ipam-add-16-at-once-worst-to-host-local", ours.Worst / theirs.Worst, "ratio", "<=", 0.15).Print();
    }

    /// <summary>Single ADDs, in turns.</summary>
    private (Taken Ours, Taken Theirs) MeasurePairs(int count, int first)
    {
        var taken = Measure([
            "pairs",
            Text(count),
            Text(first),
            path,
            ours.Program,
            ours.Configuration,
            theirs.Program,
            theirs.Configuration,
        ]);
        return (taken[0], taken[1]);
    }

    /// <summary>So many ADDs of each, some at a time.</summary>
    private (Taken Ours, Taken Theirs) MeasureManyAtOnce(int ofOurs, int ofTheirs)
    {
        Taken One(Plugin plugin, int count) =>
            Measure(["parallel", Text(count), "10000", path, plugin.Program, plugin.Configuration, Text(Clients)])[0];
        return (One(ours, ofOurs), One(theirs, ofTheirs));
    }

    private static async Task<string> StartAgent(RelayFolder folder, IpamServer server, string bin)
    {
        var socket = Path.Combine(folder.Root, "agent.sock");
        folder.Start(
            Path.Combine(bin, "weft-agent"),
            "--server",
            server.Address.ToString(),
            "--state",
            Path.Combine(folder.Root, "agent"),
            "--name",
            Node,
            "--node",
            Node,
            "--socket",
            socket,
            "--enrollment-token-file",
            await server.WriteEnrolmentToken(Node),
            "--cni-bin",
            folder.Root,
            "--log-level",
            "error"
        );
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(50))
        {
            if (File.Exists(socket) && (await Ask(socket, new JsonObject { ["verb"] = "status" }))["error"] is null)
                return socket;
        }

        throw new InvalidOperationException("the agent isn't ready");
    }

    /// <summary>Has both hold as many pods as a large node has, and more.</summary>
    private static async Task Hold(RelayFolder folder, string socket)
    {
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Held),
            async (i, _) =>
            {
                var answer = await Ask(
                    socket,
                    new JsonObject
                    {
                        ["verb"] = "acquire",
                        ["network"] = IpamSite.Network(IpamSite.Large).ToString(),
                        ["containerId"] = $"held{i}",
                        ["interface"] = "net1",
                    }
                );
                if (answer["lease"] is null)
                    throw new InvalidOperationException(answer.ToJsonString());
            }
        );
        // As it writes them itself (plugins/ipam/host-local/backend/disk): a file for each address, and who has it.
        var kept = Path.Combine(folder.Root, "host-local", "large");
        for (var i = 0; i < Held; i++)
        {
            var last = $"held{i}\r\nnet1";
            await File.WriteAllTextAsync(Path.Combine(kept, $"10.1.{100 + (i >> 8)}.{i & 255}"), last);
            await File.WriteAllTextAsync(Path.Combine(kept, $"fd21::{0xf000 + i:x}"), last);
        }
    }

    private static async Task<JsonNode> Ask(string socket, JsonObject request)
    {
        using var asking = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await asking.ConnectAsync(new UnixDomainSocketEndPoint(socket));
        await asking.SendAsync(Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"));
        using var reader = new StreamReader(new NetworkStream(asking));
        return JsonNode.Parse(await reader.ReadToEndAsync())!;
    }

    private static string Ours(string socket) =>
        $$$"""
            {"cniVersion":"1.0.0","name":"large","type":"macvlan","master":"n6","mode":"bridge","mtu":9000,
             "ipam":{"type":"weft-ipam","network":"{{{IpamSite.Network(IpamSite.Large)}}}","socket":"{{{socket}}}"}}
            """;

    private static string Theirs(RelayFolder folder) =>
        $$$"""
            {"cniVersion":"1.0.0","name":"large","type":"macvlan","master":"n6","mode":"bridge","mtu":9000,
             "ipam":{"type":"host-local","dataDir":"{{{Path.Combine(folder.Root, "host-local")}}}",
                     "ranges":[[{"subnet":"10.1.0.0/16"}],[{"subnet":"fd21::/64"}]]}}
            """;

    private static string Write(RelayFolder folder, string name, string text)
    {
        var path = Path.Combine(folder.Root, name);
        File.WriteAllText(path, text);
        return path;
    }

    private List<Taken> Measure(string[] words)
    {
        var lines = RelayFolder.Run(runner, words).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in lines)
        {
            Console.Error.WriteLine($"bench: {words[0]}: {line}");
            if (RelayLoad.Number(line, "errors") > 0)
                throw new InvalidOperationException("a plugin failed");
        }

        return
        [
            .. lines.Select(line => new Taken(
                RelayLoad.Number(line, "p50"),
                RelayLoad.Number(line, "worst"),
                RelayLoad.Number(line, "rate")
            )),
        ];
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A plugin, and the file of its network configuration.</summary>
    internal sealed record Plugin(string Program, string Configuration);

    /// <param name="Median">Microseconds.</param>
    /// <param name="Worst">Microseconds.</param>
    /// <param name="Rate">ADDs a second.</param>
    private sealed record Taken(double Median, double Worst, double Rate);
}
