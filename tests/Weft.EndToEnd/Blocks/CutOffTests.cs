using System.Diagnostics;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;
using Weft.EndToEnd.Storage;

namespace Weft.EndToEnd.Blocks;

/// <summary>A node whose weftd is gone, with the programs as they are: weftd, weft-agent, weft-ipam and weft.</summary>
public sealed class CutOffTests
{
    private const string East = $"{SmallSite.Cloud}/kubernetesClusters/east";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Starts_Pods_WhileWeftdIsAway_AndTellsItAfterwards()
    {
        using var port = new HeldPort();
        await using var weftd = await Weftd.Start("--listen", $"127.0.0.1:{port.Number}");
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        await using var w1 = await NodeAgent.Start(weftd, client, East, "w1");
        var given = new Dictionary<string, string> { ["p0"] = await Add(w1, "p0") };
        await w1.WaitForLog("block-granted");

        await weftd.Kill();
        for (var i = 1; i <= 4; i++)
            given[$"p{i}"] = await Add(w1, $"p{i}");
        var refused = await Run(w1, "ADD", "p5");
        Assert.Equal((1, 11), (refused.Code, (int)JsonNode.Parse(refused.Output)!["code"]!));
        Assert.Equal(0, (await Run(w1, "DEL", "p1")).Code);
        given.Remove("p1");
        given["p6"] = await Add(w1, "p6");
        Assert.Equal(given.Count, given.Values.Distinct(StringComparer.Ordinal).Count());

        await weftd.Start();
        await AssertKnown(weftd, given, w1);
        // What weftd gives from now on is nobody's.
        given["p7"] = await Add(w1, "p7");
        Assert.Equal(given.Count, given.Values.Distinct(StringComparer.Ordinal).Count());
        var blocks = await Weft(weftd, "ipam", "blocks", "n6");
        Assert.True(blocks.Code == 0, blocks.Errors);
        Assert.Contains("Active", blocks.Output, StringComparison.Ordinal);
    }

    /// <summary>The state directory is copied to another place: the copy owns nothing, and both go on without a double.</summary>
    [Fact]
    public async Task Gives_NothingOfACopiedJournal()
    {
        using var port = new HeldPort();
        await using var weftd = await Weftd.Start("--listen", $"127.0.0.1:{port.Number}");
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        await using var w1 = await NodeAgent.Start(weftd, client, East, "w1");
        List<string> given = [await Add(w1, "p0")];
        await w1.WaitForLog("block-granted");
        await weftd.Kill();
        await using var copy = await w1.StartCopy(weftd, "w1");
        await copy.WaitForLog("blocks-of-another-place");

        Assert.Equal(1, (await Run(copy, "ADD", "c1")).Code);
        given.Add(await Add(w1, "p1"));
        Assert.Equal(1, (await Run(copy, "ADD", "c2")).Code);

        await weftd.Start();
        foreach (var (agent, pod) in new[] { (copy, "c3"), (w1, "p2"), (copy, "c4"), (w1, "p3"), (copy, "c5") })
        {
            var answer = "";
            await Eventually.Holds(
                async () =>
                {
                    var run = await Run(agent, "ADD", pod);
                    answer = run.Output;
                    return run.Code == 0;
                },
                $"{pod} is given an address",
                () => Task.FromResult($"{answer}\n{agent.Log}")
            );
            given.Add(AddressOf(answer));
        }

        Assert.Equal(given.Count, given.Distinct(StringComparer.Ordinal).Count());
    }

    private static async Task AssertKnown(Weftd weftd, Dictionary<string, string> given, NodeAgent agent)
    {
        foreach (var (pod, address) in given)
            await Eventually.Holds(
                async () =>
                    (await Weft(weftd, "who", address)).Output.Contains($"core/{pod} ", StringComparison.Ordinal),
                $"weft who {address} knows {pod}",
                async () => $"{(await Weft(weftd, "who", address)).Output}\n{agent.Log}"
            );
    }

    private static async Task<string> Add(NodeAgent agent, string pod)
    {
        var run = await Run(agent, "ADD", pod);
        Assert.True(run.Code == 0, $"{run.Output}{run.Errors}\n{agent.Log}");
        return AddressOf(run.Output);
    }

    private static string AddressOf(string result) =>
        JsonNode.Parse(result)!["ips"]!.AsArray()[0]!["address"]!.ToString().Split('/')[0];

    private static Task<(int Code, string Output, string Errors)> Run(NodeAgent agent, string command, string pod)
    {
        var start = new ProcessStartInfo(Programs.PathOf("Weft.Cni", "weft-ipam")) { RedirectStandardInput = true };
        foreach (
            var (name, value) in new[]
            {
                ("CNI_COMMAND", command),
                ("CNI_CONTAINERID", pod),
                ("CNI_NETNS", "/var/run/netns/blue"),
                ("CNI_IFNAME", "net1"),
                ("CNI_PATH", "/opt/cni/bin"),
                ("CNI_ARGS", $"K8S_POD_NAMESPACE=core;K8S_POD_NAME={pod};K8S_POD_UID=uid-of-{pod}"),
            }
        )
            start.Environment[name] = value;
        return Run(
            start,
            $$$"""
            {"cniVersion":"1.0.0","name":"n6","type":"macvlan","master":"n6",
             "ipam":{"type":"weft-ipam","network":"{{{SmallSite.Network}}}","socket":"{{{agent.Socket}}}"}}
            """
        );
    }

    private static Task<(int Code, string Output, string Errors)> Weft(Weftd weftd, params string[] arguments) =>
        Run(
            new ProcessStartInfo(
                Programs.PathOf("Weft.Cli", "weft"),
                [
                    .. arguments,
                    "--server",
                    weftd.Url.ToString(),
                    "--token-file",
                    Path.Join(weftd.Data, "admin.token"),
                    "-s",
                    SmallSite.Subscription.Split('/')[^1],
                    "-g",
                    "rg1",
                ]
            )
            {
                RedirectStandardInput = true,
            },
            ""
        );

    private static async Task<(int Code, string Output, string Errors)> Run(ProcessStartInfo start, string input)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, errors) = (
            process.StandardOutput.ReadToEndAsync(Cancel),
            process.StandardError.ReadToEndAsync(Cancel)
        );
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }
}
