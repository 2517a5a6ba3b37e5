using System.Diagnostics;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Benchmarks;

/// <summary>How much of a pool the agent of one node gets by pods that there aren't, and whether others get theirs.</summary>
internal static class AttackLeases
{
    private const string Subscription = "5be00000-0000-4000-8000-0000000005a0";
    private const string Cloud =
        $"/subscriptions/{Subscription}/resourceGroups/edge-east/providers/Microsoft.NetworkCloud";

    /// <summary>Of 251 addresses a quarter is kept for other clusters, and a quarter of the rest for other nodes.</summary>
    private const int Most = 141;

    private const int OthersAskFor = 20;

    public static async Task Run(string bin)
    {
        var program = Path.Combine(bin, "weftd");
        Console.Error.WriteLine($"bench: the agent of one node leases what it can of a /24 of two clusters; {program}");
        using var server = new AttackedServer(program);
        Apply(server, Path.Combine(bin, "weft"));
        var greedy = await Enrol(server, "core-east", "core-east-w1");
        var others = new[]
        {
            await Enrol(server, "core-east", "core-east-w2"),
            await Enrol(server, "core-west", "core-west-w1"),
        };
        var watch = Stopwatch.StartNew();
        var taken = await Take(server, greedy, "made-up", int.MaxValue);
        Console.Error.WriteLine($"bench: {taken} leases in {watch.Elapsed.TotalSeconds:0.0} s until it was refused");
        var left = 0;
        foreach (var other in others)
            left += await Take(server, other, "pod", OthersAskFor);
        new Figure("attack-leases-of-one-node", taken, "addresses", "<=", Most).Print();
        new Figure("attack-leases-left-to-others", left, "addresses", ">=", others.Length * OthersAskFor).Print();
    }

    private static void Apply(AttackedServer server, string program)
    {
        using var process = Process.Start(
            new ProcessStartInfo(
                program,
                [
                    .. (string[])["apply", "-f", "examples/5g-site", "-o", "name", "--server", $"{server.Url}"],
                    .. (string[])["--token-file", server.TokenFile, "-s", Subscription, "-g", "edge-east"],
                ]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment = { ["XDG_CONFIG_HOME"] = server.Root },
            }
        )!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"weft apply: {errors.Result}");
    }

    /// <returns>The credential of the node's agent.</returns>
    private static async Task<string> Enrol(AttackedServer server, string cluster, string node)
    {
        var wanted = new EnrolmentTokenRequest(node, node, Replace: false, EnrolmentTokenRequest.DefaultMinutes);
        var made = await server.Do(
            HttpMethod.Post,
            $"{Cloud}/kubernetesClusters/{cluster}/{EnrolmentTokenRequest.ActionName}?api-version=2026-10-01",
            wanted.ToJson()
        );
        var credential = BearerToken.Create(BearerToken.AgentKind, Guid.NewGuid().ToByteArray());
        var request = new EnrolmentRequest(node, BearerToken.HashOf(credential), node, null);
        await server.Do(
            HttpMethod.Post,
            AgentApi.Root + AgentApi.Enrol,
            JsonNode.Parse(request.ToBytes()),
            made!["token"]!.ToString()
        );
        return credential;
    }

    /// <returns>How many it got before it was refused.</returns>
    private static async Task<int> Take(AttackedServer server, string credential, string name, int most)
    {
        for (var i = 0; i < most; i++)
        {
            var body = new JsonObject
            {
                ["network"] = $"{Cloud}/l3Networks/n6",
                ["containerId"] = $"{name}-{i}",
                ["interface"] = "net1",
            };
            var (status, _) = await server.Send(HttpMethod.Post, AgentApi.Root + AgentApi.Acquire, body, credential);
            if (status != 200)
                return i;
        }

        return most;
    }
}
