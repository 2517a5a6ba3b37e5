using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Tests.Agent;

namespace Weft.Tests.Server.Blocks;

/// <summary>Blocks between the real weftd and real agents, in this process.</summary>
[SupportedOSPlatform("linux")]
public sealed class BlockTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string Big = $"{Documents.Cloud}/l3Networks/big";
    private const string Pool = $"{N6}/providers/Weft.Ipam/pools/default";
    private const string Blocks = $"{N6}/providers/Weft.Ipam/blocks";

    private static readonly Weft.Agent.AgentTimings Timings = AgentHarness.FastTimings with
    {
        BlockReportInterval = TimeSpan.FromMilliseconds(200),
        BlockReportPause = TimeSpan.FromMilliseconds(5),
    };

    [Fact]
    public async Task Owns_ABlock_AndShowsIt()
    {
        await using var server = await InProcessServer.WithSite();
        await using var node = await AgentHarness.StartWith(server, Timings);
        await Acquire(node, "p0");
        var block = await WaitForBlock(server, "Active");
        await AgentHarness.Eventually(
            () => node.Log.Contains("block-granted", StringComparison.Ordinal),
            "the agent has it"
        );
        Assert.Equal(("w1", 8), ((string)block["node"]!, int.Parse((string)block["size"]!)));

        // What is given of it is weftd's own record a moment later.
        var address = await Acquire(node, "p1");
        Assert.Contains(AddressesOf(block), text => RangeHas(text, address));
        await Eventually.Holds(
            async () =>
                (await Who(server, address))["holder"]!.ToString().StartsWith("pod core/p1 ", StringComparison.Ordinal),
            "weftd knows p1"
        );
        var free = AddressesOf(block)[0].Split('-')[^1];
        var who = await Who(server, free);
        Assert.Equal(("InBlock", "w1"), ((string)who["state"]!, (string)who["node"]!));
        await Eventually.Holds(
            async () =>
                (string?)(await server.Get(Pool)).Expect(200).Json["properties"]!["families"]![0]!["inBlocks"] == "3",
            "three are free in blocks"
        );
    }

    /// <summary>Two nodes and a machine share 12 addresses, most of which are in blocks: each is given to somebody.</summary>
    [Fact]
    public async Task Gives_TheLastAddress_WhoeverOwnsIt()
    {
        await using var server = await SmallPool();
        await using var w1 = await JoinAndListen(server, "w1");
        await using var w2 = await JoinAndListen(server, "w2");
        HashSet<string> given = [];
        for (var i = 0; i < 11; i++)
        {
            Assert.True(given.Add(await Acquire(i % 2 == 0 ? w1 : w2, $"p{i}", Big)));
            // What a node's fair share is of so few addresses rests on what weftd knows of the other's.
            await Eventually.Holds(() => HeldOf(server).SetEquals(given), $"weftd knows p{i}");
            if (i == 0)
                await WaitForBlock(server, "Active", Big);
        }

        var machine = Documents.Machine("last", Documents.Attached("big"));
        Assert.True((await server.Put(machine)).Status is 201 or 202);
        Assert.Equal(12, HeldOf(server).Count);
        Assert.Subset(HeldOf(server), given);
        var refused = await w1.Send(Request("acquire", "none", Big));
        Assert.Equal("AddressPoolExhausted", AgentHarness.CodeOf(refused));
    }

    [Fact]
    public async Task Loses_BlocksOfALostJournal_AndGivesNothingOfThem()
    {
        await using var server = await InProcessServer.WithSite();
        await using var node = await AgentHarness.StartWith(server, Timings);
        await Acquire(node, "p0");
        var block = await WaitForBlock(server, "Active");
        await Acquire(node, "p1");
        await node.StopAgent();
        File.Delete(Path.Join(node.Options.State, "journal"));
        await node.StartAgent();

        await Acquire(node, "p2");
        var lost = await WaitForBlock(server, "Lost");
        Assert.Equal(AddressesOf(block), AddressesOf(lost));
        var given = await Acquire(node, "p3");
        Assert.DoesNotContain(AddressesOf(lost), text => RangeHas(text, given));
        var audit = (await server.Post("/providers/Weft.Ipam/audit", "{}")).Expect(200).Json["findings"]!.AsArray();
        var finding = Assert.Single(audit, item => (string)item!["state"]! == "Unproven")!;
        Assert.Contains("start the node anew", (string)finding["reason"]!, StringComparison.Ordinal);
        var id = (string)
            (await server.Get(Blocks)).Json["value"]!
                .AsArray()
                .First(item => (string)item!["properties"]!["state"]! == "Lost")!["id"]!;
        (await server.Delete(id)).Expect(409);
        (await server.Delete($"{id}?force=true")).Expect(204);
    }

    [Fact]
    public async Task Returns_WhatAMachineAsksFor()
    {
        await using var server = await InProcessServer.WithSite();
        await using var node = await AgentHarness.StartWith(
            server,
            Timings with
            {
                BlockReportInterval = TimeSpan.FromMinutes(5),
            }
        );
        await Acquire(node, "p0");
        var free = AddressesOf(await WaitForBlock(server, "Active"))[0].Split('-')[^1];

        // A machine asks for an address of the block: its owner gives it back.
        var machine = Documents.Machine("m1", Documents.Attached("n6", free));
        var put = await server.Put(machine);
        Assert.True(put.Status is 201 or 202, put.Text);
        Assert.Empty((await server.Get(Blocks)).Json["value"]!.AsArray());
        Assert.StartsWith("virtual machine m1", (string)(await Who(server, free))["holder"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drains_WhereThePoolSaysOff()
    {
        await using var server = await InProcessServer.WithSite();
        await using var node = await AgentHarness.StartWith(server, Timings);
        await Acquire(node, "p0");
        await WaitForBlock(server, "Active");
        var held = await Acquire(node, "p1");
        await server.Create(new Document(Pool, Parse("""{"properties":{"blocks":{"mode":"Off"}}}""")));
        await Eventually.Holds(
            async () => (await server.Get(Blocks)).Json["value"]!.AsArray().Count == 0,
            "the blocks are back"
        );
        // What a pod holds stays its own.
        Assert.StartsWith("pod core/p1 ", (string)(await Who(server, held))["holder"]!, StringComparison.Ordinal);
        await Acquire(node, "p2");
        Assert.Empty((await server.Get(Blocks)).Json["value"]!.AsArray());
    }

    [Fact]
    public async Task Leaves_ToWeftd_WhatThePoolKeeps_AndWhatIsAskedFor()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(
            new Document(
                Pool,
                Parse(
                    $$$"""
                    {"properties":{"reservations":[
                      {"name":"amf","addresses":["10.20.6.40"],"for":"{{{Documents.East}}}","pod":"core/kept"}]}}
                    """
                )
            )
        );
        await using var node = await AgentHarness.StartWith(server, Timings);
        await Acquire(node, "p0");
        await WaitForBlock(server, "Active");
        Assert.Equal("10.20.6.40", await Acquire(node, "kept"));
        var asked = Request("acquire", "asks");
        asked["ips"] = new JsonArray("10.20.6.41");
        Assert.Equal("10.20.6.41/24", AgentHarness.AddressOf(await node.Send(asked)));
    }

    /// <summary>What one of them had rests at weftd, and no block knows of it.</summary>
    [Fact]
    public async Task Leaves_ToWeftd_PodsThatFindTheirAddressesAgain()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(
            new Document(Pool, Parse("""{"properties":{"stickyPods":["core/upf-*"],"claims":["core/vm-*-?????"]}}"""))
        );
        await using var node = await AgentHarness.StartWith(server, Timings);
        await Acquire(node, "p0");
        var block = await WaitForBlock(server, "Active");
        await AgentHarness.Eventually(
            () => node.Log.Contains("block-granted", StringComparison.Ordinal),
            "the agent has it"
        );
        var claims = Request("acquire", "claims");
        claims["claim"] = "db";
        string[] central =
        [
            await Acquire(node, "upf-0"),
            await Acquire(node, "vm-a-x7k2p"),
            AgentHarness.AddressOf(await node.Send(claims)).Split('/')[0],
        ];
        Assert.All(central, address => Assert.DoesNotContain(AddressesOf(block), text => RangeHas(text, address)));
        var ordinary = await Acquire(node, "p1");
        Assert.Contains(AddressesOf(block), text => RangeHas(text, ordinary));
    }

    private static async Task<InProcessServer> SmallPool()
    {
        var server = await InProcessServer.WithSite();
        await server.Create(
            new Document(
                $"{Big}/providers/Weft.Ipam/pools/default",
                Parse(
                    """{"properties":{"ranges":["10.30.0.10-10.30.0.21"],"blocks":{"leastFree":0,"percent":100,"maxSize":8}}}"""
                )
            )
        );
        return server;
    }

    /// <summary>An agent that runs, and that weftd can ask for what it has.</summary>
    private static async Task<AgentHarness> JoinAndListen(InProcessServer server, string node)
    {
        var agent = await AgentHarness.Join(server, Timings, node, node);
        await agent.StartAgentAndReport();
        var id = ResourceId.Parse($"{Documents.East}/providers/Weft.Fleet/agents/{node}").Value;
        await Eventually.Holds(
            () => server.Service<Weft.Server.Inquiries.AgentInquiries>().IsListening(id),
            $"{node} waits for questions"
        );
        return agent;
    }

    private static HashSet<string> HeldOf(InProcessServer server) =>
        [
            .. Weft
                .Networks.NetworkPool.HoldingsOf(server.Store.Current, ResourceId.Parse(Big).Value)
                .Leases.Where(lease => lease.Address.Family == Weft.Addressing.AddressFamily.IPv4)
                .Select(lease => lease.Address.ToString()),
        ];

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();

    private static JsonObject Request(string verb, string pod, string network = N6)
    {
        var request = AgentHarness.Request(verb, $"sandbox-of-{pod}", network: network);
        request["pod"] = pod;
        return request;
    }

    private static async Task<string> Acquire(AgentHarness agent, string pod, string network = N6)
    {
        var answer = await agent.Send(Request("acquire", pod, network));
        return AgentHarness.AddressOf(answer).Split('/')[0];
    }

    private static async Task<JsonObject> WaitForBlock(InProcessServer server, string state, string network = N6)
    {
        JsonObject? found = null;
        await Eventually.Holds(
            async () =>
            {
                var blocks = (await server.Get($"{network}/providers/Weft.Ipam/blocks")).Expect(200).Json[
                    "value"
                ]!.AsArray();
                found = blocks
                    .Select(block => block!["properties"]!.AsObject())
                    .FirstOrDefault(block => (string)block["state"]! == state);
                return found is not null;
            },
            $"there is a block that is {state}"
        );
        return found!;
    }

    private static string[] AddressesOf(JsonObject block) =>
        [.. block["addresses"]!.AsArray().Select(range => range!.ToString())];

    private static bool RangeHas(string range, string address) =>
        Weft.Addressing.AddressRange.Parse(range).Value.Contains(Weft.Addressing.Address.Parse(address).Value);

    private static async Task<JsonNode> Who(InProcessServer server, string address) =>
        (await server.Get($"/providers/Weft.Ipam/who?address={address}")).Expect(200).Json["answers"]!.AsArray()[0]!;
}
