using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Inventory;

/// <summary>
/// The three programs together: the agent looks at a node, weftd holds writes against what it has found, and the
/// command line shows it.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class InventoryTests
{
    private const string East = $"{SmallSite.Cloud}/kubernetesClusters/east";
    private const string Node = $"{East}/providers/Weft.Fleet/nodes/w1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Refuses_WhatTheNodeHasNot_AndAcceptsItOnceTheAgentHasReportedIt()
    {
        using var tree = new KernelTree();
        var place = Directory.CreateTempSubdirectory("weft-inventory-");
        await using var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        tree.Port("ens2f0", "0000:5e:00.0", "8086", "1592", "ice", 16, 0, ("1889", "iavf"));
        using var agent = await Agent(weftd, client, place.FullName, tree);
        try
        {
            await ReadOutput(agent, "inventory-reported").WaitAsync(TimeSpan.FromSeconds(60), Cancel);
            var first = await Put(weftd, client, "ens1f0", "0-3");
            Assert.Equal(400, first.Status);
            Assert.Contains(
                "has no port 'ens1f0'; its inventory has ens2f0 (0000:5e:00.0)",
                first.Text,
                StringComparison.Ordinal
            );

            // Another card is put in; the agent sees it by itself.
            tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 0, ("1889", "iavf"));
            await Eventually.Holds(
                async () => (await Put(weftd, client, "ens1f0", "0-3")).Status is 200 or 201,
                "the second card is known"
            );

            var table = await Weft(weftd, "inventory", "--cluster", "east");
            Assert.Equal(0, table.Code);
            Assert.Matches("(?m)^east/w1 +ens1f0 +0000:3b:00.0 +ice +0 +up +1500 +4/64 +oam,n6$", table.Output);
            Assert.Matches("(?m)^east/w1 +ens2f0 +0000:5e:00.0 +ice +0 +up +1500 +0/16 +-$", table.Output);
            var refused = await Put(weftd, client, "ens1f0", "0-99");
            Assert.Equal(400, refused.Status);
            Assert.Contains("can have 64", refused.Text, StringComparison.Ordinal);
        }
        finally
        {
            _ = Signal(agent.Id, 15);
            await agent.WaitForExitAsync(Cancel);
            Assert.Equal(0, agent.ExitCode);
            place.Delete(true);
        }
    }

    /// <summary>
    /// Attaches n6 by SRIOV where the node has functions for it, so that its pool is tried; answers what the node's
    /// declaration met.
    /// </summary>
    private static async Task<(int Status, string Text)> Put(
        Weftd weftd,
        HttpClient client,
        string port,
        string functions
    )
    {
        var cluster = SmallSite.All.Single(d => d.Id == East).Body;
        cluster["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"] = new JsonObject
        {
            ["l3Networks"] = new JsonArray(
                new JsonObject { ["networkId"] = $"{SmallSite.Cloud}/l3Networks/n6", ["pluginType"] = "SRIOV" }
            ),
        };
        _ = await weftd.SendRequest(client, "PUT", East, cluster);
        var pool = cluster["properties"]!["initialAgentPoolConfigurations"]![0]!["name"]!.ToString();
        var uplink = new JsonObject
        {
            ["name"] = port,
            ["virtualFunctions"] = new JsonArray(
                new JsonObject { ["functions"] = functions, ["networkId"] = $"{SmallSite.Cloud}/l3Networks/n6" }
            ),
        };
        var answer = await weftd.SendRequest(
            client,
            "PUT",
            Node,
            new JsonObject
            {
                ["properties"] = new JsonObject { ["agentPool"] = pool, ["uplinks"] = new JsonArray(uplink) },
            }
        );
        return (answer.Status, answer.Body?["error"]?["message"]?.ToString() ?? "");
    }

    private static async Task<Process> Agent(Weftd weftd, HttpClient client, string place, KernelTree tree)
    {
        var token = Path.Join(place, "token");
        await File.WriteAllTextAsync(token, await weftd.EnrolmentToken(client, East, "w1", "w1"), Cancel);
        return Process.Start(
            new ProcessStartInfo(
                Programs.PathOf("Weft.Agent", "weft-agent"),
                [
                    "--server",
                    weftd.Url.ToString(),
                    "--state",
                    Path.Join(place, "state"),
                    "--name",
                    "w1",
                    "--node",
                    "w1",
                    "--enrollment-token-file",
                    token,
                    "--socket",
                    Path.Join(place, "agent.sock"),
                    "--sys",
                    tree.Sys,
                    "--proc",
                    tree.ProcRoot,
                    "--cni-bin",
                    Path.Join(place, "none"),
                ]
            )
            {
                RedirectStandardError = true,
            }
        )!;
    }

    /// <summary>
    /// Waits for an event in the agent's log, and reads on behind it so that the agent is never held up.
    /// </summary>
    private static async Task ReadOutput(Process agent, string happened)
    {
        while (await agent.StandardError.ReadLineAsync(Cancel) is { } line)
        {
            if (!line.Contains(happened, StringComparison.Ordinal))
                continue;
            _ = agent.StandardError.ReadToEndAsync(CancellationToken.None);
            return;
        }

        Assert.Fail($"the agent ended without {happened}");
    }

    private static async Task<(int Code, string Output)> Weft(Weftd weftd, params string[] arguments)
    {
        using var process = Process.Start(
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
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        var output = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode is 0 or 1, await errors);
        return (process.ExitCode, output);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
