using System.Text.Json.Nodes;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

/// <summary>Collections, providers and questions.</summary>
public sealed class ListEndpointsTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Theory]
    [InlineData($"{Documents.Cloud}/l3Networks")]
    [InlineData($"{Documents.Subscription}/providers/Microsoft.NetworkCloud/l3Networks")]
    [InlineData($"{Documents.Subscription}/providers/microsoft.networkcloud/L3NETWORKS?api-version=2026-10-01")]
    public async Task Lists_Type(string path)
    {
        await using var server = await InProcessServer.WithSite();

        var listed = (await server.Get(path)).Expect(200);

        Assert.Equal(["big", "n6", "oam", "tiny"], Names(listed));
        Assert.Null(listed.Json["nextLink"]);
    }

    [Fact]
    public async Task Lists_UnderParents_AndInGroups()
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(
            new Document($"{Documents.Subscription}/resourceGroups/rg2", new JsonObject { ["location"] = "eastus" })
        );

        Assert.Equal(
            ["big-subnets", "n6-subnets", "oam-subnets", "tiny-subnets"],
            Names(await server.Get($"{Documents.Vrf}/internalNetworks"))
        );
        Assert.Equal(["workers"], Names(await server.Get($"{Documents.East}/agentPools")));
        Assert.Equal(["rg1", "rg2"], Names(await server.Get($"{Documents.Subscription}/resourceGroups")));
        Assert.Empty(
            Names(
                await server.Get(
                    $"{Documents.Subscription}/resourceGroups/rg2/providers/Microsoft.NetworkCloud/l3Networks"
                )
            )
        );
        Assert.Equal(
            "11111111-2222-3333-4444-555555555555",
            Assert.Single((await server.Get("/subscriptions")).Json["value"]!.AsArray())!["subscriptionId"]!.ToString()
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Lists_EveryResourceOnce_PageByPage(int top)
    {
        await using var server = await InProcessServer.WithSite();
        await server.Create(Documents.Node("east", "n1"));
        var all = server
            .Store.Current.Range("microsoft.")
            .Concat(server.Store.Current.Range("weft."))
            .Select(row => row.Key[(row.Key.IndexOf('|', StringComparison.Ordinal) + 1)..])
            .Where(id => id.Contains("/providers/", StringComparison.Ordinal))
            .Order()
            .ToList();

        var listed = await Pages(server, $"{Documents.Group}/resources?$top={top}");

        Assert.Equal(all, listed.Select(id => id.ToLowerInvariant()).Order());
    }

    [Fact]
    public async Task Loses_NoItem_WhileOthersAreAdded()
    {
        await using var server = await InProcessServer.WithSite();
        foreach (var i in Enumerable.Range(0, 20))
            await server.Create(Documents.Domain($"vrf-{i:d2}"));
        var path = $"{Documents.Fabric}/l3IsolationDomains?$top=4";

        var listed = await Pages(server, path, page => server.Create(Documents.Domain($"vrf-{page * 3:d2}x")));

        Assert.Equal(listed.Count, listed.Distinct().Count());
        Assert.Equal(20, listed.Count(id => id.Contains("/vrf-", StringComparison.Ordinal) && !id.EndsWith('x')));
    }

    [Theory]
    [InlineData("$top=0")]
    [InlineData("$top=1001")]
    [InlineData("$top=-1")]
    [InlineData("$top=many")]
    [InlineData("$skipToken=!!")]
    [InlineData("$filter=name eq 'x'")]
    public async Task Refuses_InvalidPage(string query)
    {
        await using var server = await InProcessServer.WithSite();

        Assert.Equal("InvalidMember", (await server.Get($"{Documents.Group}/resources?{query}")).Expect(400).Code);
    }

    [Fact]
    public async Task Filters_Resources_ByType()
    {
        await using var server = await InProcessServer.WithSite();

        var listed = await server.Get(
            $"{Documents.Subscription}/resources?$filter=resourceType eq 'microsoft.networkcloud/L2Networks'"
        );

        Assert.Equal(["ha"], Names(listed));
    }

    [Fact]
    public async Task Lists_Providers_WithTheirVersions()
    {
        await using var server = await InProcessServer.Empty();

        var all = (await server.Get($"{Documents.Subscription}/providers")).Expect(200);
        var one = (
            await server.Get($"{Documents.Subscription}/providers/microsoft.networkcloud?api-version=2021-04-01")
        ).Expect(200);

        Assert.Contains("Weft.Fleet", all.Json["value"]!.AsArray().Select(p => p!["namespace"]!.ToString()));
        var type = one.Json["resourceTypes"]!
            .AsArray()
            .Single(t => t!["resourceType"]!.ToString() == "kubernetesClusters/agentPools")!;
        Assert.Equal("2026-10-01", type["apiVersions"]![0]!.ToString());
        Assert.Equal("Registered", one.Json["registrationState"]!.ToString());
        Assert.Equal(
            "MissingSubscriptionRegistration",
            (await server.Get($"{Documents.Subscription}/providers/Microsoft.Compute")).Expect(409).Code
        );
    }

    [Fact]
    public async Task Answers_WhoHasAnAddress()
    {
        await using var server = await WithHolders();

        var machine = await Who(server, "address=10.20.6.40");
        var pod = await Who(server, "address=10.20.6.4");

        Assert.Equal(
            ("Leased", "Static", N6),
            (machine["state"]!.ToString(), machine["method"]!.ToString(), machine["network"]!.ToString())
        );
        Assert.Equal("pod core/upf-0 net1 in east on w1", pod["holder"]!.ToString());
        Assert.Equal(Documents.East, pod["cluster"]!.ToString());
        Assert.Equal("Reserved", (await Who(server, "address=10.20.6.1"))["state"]!.ToString());
        Assert.Equal("Free", (await Who(server, "address=10.20.6.200"))["state"]!.ToString());
    }

    [Fact]
    public async Task Answers_WhoHasANameAMacAddressOrAVlan()
    {
        await using var server = await WithHolders();

        var word = (await server.Get("/providers/Weft.Ipam/who?name=UPF-0")).Expect(200).Json["answers"]!.AsArray();
        var mac = (await server.Get($"{Documents.Cloud}/virtualMachines/probe1")).Json["properties"]![
            "networkAttachments"
        ]![0]!["macAddress"]!.ToString();
        var vlan = (await server.Get("/providers/Weft.Ipam/who?vlan=606")).Expect(200).Json["vlans"]![0]!;

        Assert.Equal(2, word.Count);
        Assert.Equal(
            "10.20.6.40",
            (await Who(server, $"mac={mac.ToUpperInvariant().Replace(':', '-')}"))["address"]!.ToString()
        );
        Assert.Equal((4, 1500), ((int)vlan["leases"]!, (int)vlan["mtu"]!));
        Assert.Contains(N6, vlan["networks"]!.AsArray().Select(n => n!.ToString()));
    }

    [Fact]
    public async Task Answers_WhoHadAnAddress_AndWhoHadItThen()
    {
        using var folder = new StoreFolder();
        await using var server = await InProcessServer.WithSite(open: time =>
            SqliteStore.Open(folder.Store, new StoreSettings { Time = time })
        );
        await HoldOneAfterTheOther(server);

        var history = (await server.Get($"{WhoHas}&history=true")).Expect(200).Json["answers"]!.AsArray();
        Assert.Equal(
            [("Leased", null), ("Ended", "2026-11-22T10:01:00.0000000Z")],
            history.Select(a => (a!["state"]!.ToString(), a["ended"]?.ToString()))
        );
        foreach (var (time, holder) in new[] { ("10:00:30", "#a#net1"), ("10:06:30", "#b#net1") })
        {
            var then = (await server.Get($"{WhoHas}&at=2026-11-22T{time}Z")).Expect(200).Json["answers"]!.AsArray();
            Assert.EndsWith(holder, then.Single()!["holderId"]!.ToString(), StringComparison.Ordinal);
        }

        var between = (await server.Get($"{WhoHas}&at=2026-11-22T10:03:00Z")).Expect(200);
        Assert.Empty(between.Json["answers"]!.AsArray());
        _ = (await server.Get($"{WhoHas}&at=noon")).Expect(400);
        await server.Store.DisposeAsync();
    }

    private const string WhoHas = "/providers/Weft.Ipam/who?address=10.20.6.4";

    /// <summary>From 10:00 to 10:01, and from 10:06 on.</summary>
    private static async Task HoldOneAfterTheOther(InProcessServer server)
    {
        var agent = await server.Enrol(Documents.East, "w1");
        async Task Ask(string verb, string container, params string[] ips) =>
            Assert.InRange(
                (
                    await server.SendAsAgent(
                        agent,
                        "POST",
                        $"leases/{verb}",
                        LeaseAllocatorTests.LeaseRequest("n6", container, ips)
                    )
                ).Status,
                200,
                204
            );
        await Ask("acquire", "a");
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        await Ask("release", "a");
        var resting = (await server.Get(WhoHas)).Expect(200).Json["answers"]![0]!;
        Assert.Equal(("Cooling", "2026-11-22T10:02:00Z"), ($"{resting["state"]}", $"{resting["until"]}"));
        server.Clock.Advance(TimeSpan.FromMinutes(5));
        await Ask("acquire", "b", "10.20.6.4");
    }

    [Theory]
    [InlineData("address=10.20.6")]
    [InlineData("vlan=0")]
    [InlineData("vlan=4095")]
    [InlineData("vlan=x")]
    [InlineData("name=")]
    [InlineData("colour=red")]
    public async Task Refuses_QuestionsThatNobodyCanAnswer(string query)
    {
        await using var server = await WithHolders();

        _ = (await server.Get($"/providers/Weft.Ipam/who?{query}")).Expect(400);
    }

    [Fact]
    public async Task Shows_PoolAndLeases_OfNetwork()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        foreach (var i in Enumerable.Range(0, 5))
            _ = (
                await server.SendAsAgent(
                    agent,
                    "POST",
                    "leases/acquire",
                    LeaseAllocatorTests.LeaseRequest("n6", $"c{i}")
                )
            ).Expect(200);

        var pool = (await server.Get($"{N6}/providers/Weft.Ipam/pools/default")).Expect(200).Json["properties"]![
            "families"
        ]![0]!;
        var leases = await Pages(
            server,
            $"{N6}/providers/Weft.Ipam/leases?$top=3&api-version={Documents.FleetVersion}"
        );
        var one = (await server.Get($"{N6}/providers/Weft.Ipam/leases/10.20.6.5")).Expect(200);

        Assert.Equal(
            """{"family":"IPv4","prefix":"10.20.6.0/24","gateway":"10.20.6.1","size":"251","reserved":3"""
                + ""","excluded":"0","used":5,"cooling":0,"sticky":0,"free":"246"}""",
            pool.ToJsonString()
        );
        Assert.Equal(10, leases.Distinct().Count());
        Assert.Equal("Dynamic", one.Json["properties"]!["method"]!.ToString());
        Assert.Equal(
            "ResourceNotFound",
            (await server.Get($"{N6}/providers/Weft.Ipam/leases/10.20.6.99")).Expect(404).Code
        );
    }

    [Fact]
    public async Task Serves_Limits()
    {
        await using var server = await InProcessServer.Empty();

        Assert.Equal(
            """{"reservedAddresses":3,"vlanLowest":100,"vlanHighest":4094,"mtuLowest":64,"mtuHighest":9200,"coolDownSeconds":60}""",
            (await server.Get("/providers/Weft.Fleet/limits")).Expect(200).Text
        );
    }

    [Fact]
    public async Task Plans_WhatAnApplyThenDoes_AndWritesNothing()
    {
        await using var server = await InProcessServer.WithSite();
        var before = server.Revision;
        var machine = Identified(Documents.Machine("vm1", Documents.Attached("n6")));
        var bad = Identified(Documents.Layer3("other", 606));
        var same = Identified(Documents.Layer3("n6", 606));

        var plan = (
            await server.Post(
                "/providers/Weft.Fleet/plan",
                new JsonObject { ["resources"] = new JsonArray(machine.Body, bad.Body, same.Body) }.ToJsonString()
            )
        )
            .Expect(200)
            .Json;

        Assert.Equal(before, server.Revision);
        Assert.Equal(before, (long)plan["revision"]!);
        Assert.Equal(
            ["Create vm1", "Refused other", "Unchanged n6"],
            plan["changes"]!.AsArray().Select(c => $"{c!["action"]} {c["id"]!.ToString().Split('/')[^1]}").Order()
        );
        Assert.Equal(
            "Overlap",
            plan["changes"]!.AsArray().Single(c => c!["action"]!.ToString() == "Refused")!["error"]!["code"]!.ToString()
        );
        var address = plan["addresses"]!
            .AsArray()
            .First(a => a!["address"]!.ToString().Contains('.', StringComparison.Ordinal))!["address"]!.ToString();
        var made = await server.Create(machine);
        Assert.Equal(address, made.Json["properties"]!["networkAttachments"]![0]!["ipv4Address"]!.ToString());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"resources":{}}""")]
    [InlineData("""{"resources":[1]}""")]
    public async Task Refuses_PlansWithoutResources(string body)
    {
        await using var server = await InProcessServer.WithSite();

        Assert.Equal("MissingMember", (await server.Post("/providers/Weft.Fleet/plan", body)).Expect(400).Code);
    }

    /// <summary>A machine with an address of its own choice, and a pod with one of the pool.</summary>
    private static async Task<InProcessServer> WithHolders()
    {
        var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        await server.Create(Documents.Machine("probe1", Documents.Attached("n6", "10.20.6.40")));
        _ = (
            await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseAllocatorTests.LeaseRequest("n6", "c1"))
        ).Expect(200);
        return server;
    }

    /// <summary>A document with its id inside, as a plan takes it.</summary>
    private static Document Identified(Document document) => document.With(body => body["id"] = document.Id);

    private static async Task<JsonNode> Who(InProcessServer server, string query) =>
        Assert.Single((await server.Get($"/providers/Weft.Ipam/who?{query}")).Expect(200).Json["answers"]!.AsArray())!;

    private static List<string> Names(ServerResponse list) =>
        [
            .. list.Expect(200).Json["value"]!
                .AsArray()
                .Select(item => item!["name"]!.ToString())
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>Follows nextLink to the end.</summary>
    private static async Task<List<string>> Pages(InProcessServer server, string path, Func<int, Task>? between = null)
    {
        var ids = new List<string>();
        for (var page = 0; path.Length > 0; page++)
        {
            Assert.InRange(page, 0, 200);
            var answer = (await server.Get(path)).Expect(200);
            ids.AddRange(answer.Json["value"]!.AsArray().Select(item => item!["id"]!.ToString()));
            path = answer.Json["nextLink"] is { } next ? new Uri(next.ToString()).PathAndQuery : "";
            if (between is not null)
                await between(page);
        }

        return ids;
    }
}
