using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Verify;

/// <summary>
/// The three programs, and a node that is a network namespace: what <c>weft verify</c> says when all is well, and when
/// it isn't.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class VerifyTests : IDisposable
{
    private const string East = $"{SmallSite.Cloud}/kubernetesClusters/east";

    /// <summary>
    /// Links of a run that was killed stay, and a route that two have leads to the first: each run has addresses of its own, out
    /// of 198.18.0.0/15, which is for trials (RFC 2544).
    /// </summary>
    private static readonly int Cable = Environment.ProcessId % 16384 * 4;

    private static readonly string ControlPlaneAddress = AddressOf(1);

    private readonly string _name = $"lintv{Environment.ProcessId % 100000}";
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-verify-");
    private Process? _agent;

    private static string AddressOf(int end) => $"198.18.{Cable >> 8}.{(Cable & 255) + end}";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Proves_ANode_AndNamesTheHopThatFails()
    {
        Assert.SkipUnless(
            Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip"),
            "only root with iproute2 may make network namespaces"
        );
        await Namespaces();
        await using var weftd = await Weftd.Start("--listen", $"{ControlPlaneAddress}:0", "--plain-http");
        await StartNode(weftd);

        await Eventually.Holds(
            async () =>
                (await Weft(weftd, "get", "agents", "--cluster", "east", "-o", "json")).Output.Contains(
                    "\"Applied\"",
                    StringComparison.Ordinal
                ),
            "the agent has applied the picture"
        );
        var good = await Weft(weftd, "verify", "--cluster", "east", "--detailed");
        Assert.True(good.Code == 0, good.Output + good.Errors);
        Assert.Matches(@"n6 +n6 +Gateway +IPv4 +passed +10\.30\.0\.1 is at", good.Output);
        Assert.Matches(@"oam +\S+ +PathMtu +IPv6 +passed", good.Output);

        // The gateway of n6 goes: the next question names that hop, of that network alone.
        await Ip($"-n {_name}gw link set g-n6 down");
        var bad = await Weft(weftd, "verify", "--cluster", "east");
        Assert.Equal(1, bad.Code);
        Assert.Matches(@"n6 +n6 +\d+/\d+ +fails at ", bad.Output);
        Assert.Single(bad.Output.Split('\n'), line => line.Contains("fails at", StringComparison.Ordinal));

        var local = await VerifyOnTheNode("oam");
        Assert.True(local.Code == 0, local.Output + local.Errors);
        Assert.Contains("(oam): passed", local.Output, StringComparison.Ordinal);
        Assert.Equal(1, (await VerifyOnTheNode("n6")).Code);
    }

    /// <summary>The site with one node, which has what it is asked for, and the node's agent.</summary>
    private async Task StartNode(Weftd weftd)
    {
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        await weftd.Create(
            client,
            $"{East}/providers/Weft.Fleet/nodes/w1",
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["agentPool"] = "workers",
                    ["uplinks"] = new JsonArray(new JsonObject { ["name"] = "bond0" }),
                },
            }
        );
        var picture = await weftd.SendRequest(client, "GET", $"{East}/providers/Weft.Fleet/desiredStates/current");
        await Configure(picture.Body!["properties"]!);
        await Agent(weftd, await weftd.EnrolmentToken(client, East, "w1", "w1"));
    }

    /// <summary>What the agent's own verb says of a network.</summary>
    private Task<(int Code, string Output, string Errors)> VerifyOnTheNode(string network) =>
        Run(
            "ip",
            $"netns exec {_name}node {Programs.PathOf("Weft.Agent", "weft-agent")} verify "
                + $"--configuration {_directory.FullName}/state/desired.json --network {network}"
        );

    public void Dispose()
    {
        if (_agent is { HasExited: false })
        {
            _agent.Kill(entireProcessTree: true);
            _agent.WaitForExit();
        }

        _agent?.Dispose();
        foreach (var name in (string[])["node", "gw"])
            Run("ip", $"netns del {_name}{name}").GetAwaiter().GetResult();
        _directory.Delete(true);
    }

    /// <summary>A node that reaches the control plane by a cable of its own, and a gateway.</summary>
    private async Task Namespaces()
    {
        foreach (var name in (string[])["node", "gw"])
        {
            await Ip($"netns add {_name}{name}");
            await Ip($"netns exec {_name}{name} sh -c \"echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad\"");
            await Ip($"-n {_name}{name} link set lo up");
        }

        await Ip($"link add {_name} type veth peer name plane netns {_name}node");
        await Ip($"addr add {ControlPlaneAddress}/30 dev {_name}");
        await Ip($"link set {_name} up");
        await Ip($"-n {_name}node addr add {AddressOf(2)}/30 dev plane");
        await Ip($"-n {_name}node link set plane up");
    }

    /// <summary>
    /// Gives the node what the desired state asks for, each interface with its gateway at the other end.
    /// </summary>
    private async Task Configure(JsonNode picture)
    {
        foreach (var link in picture["nodes"]![0]!["configuration"]!["links"]!.AsArray())
        {
            var (name, mtu) = (link!["name"]!.ToString(), link["mtu"]!.ToString());
            await Ip(
                $"-n {_name}node link add {name} mtu {mtu} type veth peer name g-{name} mtu {mtu} netns {_name}gw"
            );
            foreach (var address in link["addresses"]!.AsArray())
                await Ip($"-n {_name}node addr add {address} dev {name}");
            foreach (
                var subnet in picture["networks"]!
                    .AsArray()
                    .Where(n => n!["interface"]!.ToString() == name)
                    .SelectMany(n => n!["subnets"]!.AsArray())
            )
                await Ip(
                    $"-n {_name}gw addr add {subnet!["gateway"]}/{subnet["prefix"]!.ToString().Split('/')[1]} dev g-{name}"
                );
            await Ip($"-n {_name}gw link set g-{name} up");
            await Ip($"-n {_name}node link set {name} up");
        }
    }

    private async Task Agent(Weftd weftd, string token)
    {
        var file = Path.Join(_directory.FullName, "token");
        await File.WriteAllTextAsync(file, token, Cancel);
        _agent = Process.Start(
            new ProcessStartInfo(
                "ip",
                [
                    "netns",
                    "exec",
                    $"{_name}node",
                    Programs.PathOf("Weft.Agent", "weft-agent"),
                    "--server",
                    weftd.Url.ToString(),
                    "--state",
                    $"{_directory.FullName}/state",
                    "--name",
                    "w1",
                    "--node",
                    "w1",
                    "--enrollment-token-file",
                    file,
                    "--socket",
                    $"{_directory.FullName}/s",
                ]
            )
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            }
        )!;
        _agent.ErrorDataReceived += (_, _) => { };
        _agent.BeginErrorReadLine();
        _agent.BeginOutputReadLine();
    }

    private static Task<(int Code, string Output, string Errors)> Weft(Weftd weftd, params string[] args) =>
        Run(
            Programs.PathOf("Weft.Cli", "weft"),
            $"{string.Join(' ', args)} --server {weftd.Url} --token-file {weftd.Data}/admin.token "
                + $"-s {SmallSite.Subscription.Split('/')[2]} -g rg1"
        );

    private static async Task Ip(string arguments)
    {
        var (code, output, errors) = await Run("ip", arguments);
        Assert.True(code == 0, $"ip {arguments}: {output}{errors}");
    }

    private static async Task<(int Code, string Output, string Errors)> Run(string program, string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
