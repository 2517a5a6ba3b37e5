using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Server;

/// <summary>After a restore nobody is given what a running pod holds.</summary>
public sealed class RegistrationTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string Id = "00112233aabbccdd";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Leases_NothingNew_UntilAllAgentsHaveRegistered()
    {
        await using var site = await Site.Create();
        var kept = await site.Acquire(site.W1, "kept");
        var lost = await site.Acquire(site.W1, "lost");
        await site.Restore("lost");

        Assert.Equal(kept, await site.Acquire(site.W1, "kept"));
        var refused = (await site.TryAcquire(site.West, "new")).Expect(503);
        Assert.Equal("RegistrationPending", refused.Code);
        Assert.Equal("1", refused.Header("Retry-After"));
        Assert.Contains("w1 of east, w2 of east, west of west", refused.Text, StringComparison.Ordinal);
        Assert.Equal("RegistrationPending", (await site.PutMachine("probe")).Expect(503).Code);

        (await site.Register(site.W1, 0, true, ("kept", kept), ("lost", lost))).Expect(200);
        (await site.Register(site.W2, 0, true)).Expect(200);
        Assert.Contains(
            "awaited: west of west.",
            (await site.TryAcquire(site.W2, "new")).Expect(503).Text,
            StringComparison.Ordinal
        );
        (await site.Register(site.West, 0, true)).Expect(200);

        Assert.Empty((await site.Acquire(site.West, "new")).Intersect(kept.Concat(lost)));
        await AssertKnown(site, lost[0]);
    }

    private static async Task AssertKnown(Site site, string lost)
    {
        var who = (await site.Server.Get($"/providers/Weft.Ipam/who?address={lost}")).Expect(200).Text;
        Assert.Contains("pod core/lost net1 in east on w1", who, StringComparison.Ordinal);
        var report = await site.Report();
        Assert.All(report["agents"]!.AsArray(), agent => Assert.Equal("Registered", agent!["state"]!.ToString()));
        Assert.Equal("2", report["agents"]![0]!["adopted"]!.ToString());
        Assert.False((bool)report["epoch"]!["awaitsAgents"]!);
    }

    [Fact]
    public async Task Asks_AtOnce_WithEachDesiredState_UntilItIsDone()
    {
        await using var site = await Site.Create();
        var digest = (await site.Server.SendAsAgent(site.W1, "GET", "desired")).Expect(200).Json["digest"];
        await site.Restore();

        var asked = (await site.Server.SendAsAgent(site.W1, "GET", $"desired?after={digest}&wait=60")).Expect(204);
        Assert.Equal(Id, asked.Header(AgentApi.RegistrationHeader));
        Assert.Equal(
            Id,
            (await site.Server.SendAsAgent(site.W1, "GET", "desired")).Expect(200).Header(AgentApi.RegistrationHeader)
        );
        (await site.Register(site.W1, 0, true)).Expect(200);

        Assert.Null(
            (await site.Server.SendAsAgent(site.W1, "GET", "desired")).Expect(200).Header(AgentApi.RegistrationHeader)
        );
    }

    [Fact]
    public async Task Takes_PartsInOrder_AndBeginsAnew()
    {
        await using var site = await Site.Create();
        var one = await site.Acquire(site.W1, "one");
        var two = await site.Acquire(site.W1, "two");
        await site.Restore("one", "two");

        Assert.Equal("Conflict", (await site.Register(site.W1, 1, true, ("two", two))).Expect(409).Code);
        (await site.Register(site.W1, 0, false, ("one", one))).Expect(200);
        (await site.Register(site.W1, 0, false, ("one", one))).Expect(200);
        Assert.Equal("Conflict", (await site.Register(site.W1, 2, true)).Expect(409).Code);
        Assert.Equal("Conflict", (await site.Register(site.W1, 1, true, "other", ("two", two))).Expect(409).Code);
        (await site.Register(site.W1, 1, true, ("two", two))).Expect(200);

        var agent = (await site.Report())["agents"]![0]!;
        Assert.Equal(("Registered", "2"), (agent["state"]!.ToString(), agent["leases"]!.ToString()));
        Assert.Equal(one, await site.Acquire(site.W1, "one"));
        Assert.Equal(two, await site.Acquire(site.W1, "two"));
    }

    /// <summary>The backup has the address for a pod that runs, and another runs with it, too.</summary>
    [Fact]
    public async Task Lists_Conflict_AndGivesItsAddressToNobodyElse()
    {
        await using var site = await Site.Create();
        var taken = await site.Acquire(site.W1, "first");
        await site.Restore();
        (await site.Register(site.W1, 0, true, ("first", taken))).Expect(200);
        var answer = (await site.Register(site.West, 0, true, ("second", taken))).Expect(200).Json;
        (await site.Register(site.W2, 0, true)).Expect(200);

        Assert.Equal(taken.Length, answer["conflicts"]!.AsArray().Count);
        var conflict = (await site.Report())["conflicts"]![0]!;
        Assert.Equal(
            (taken[0], "pod core/second net1 in west", "pod core/first net1 in east on w1"),
            (conflict["address"]!.ToString(), conflict["holder"]!.ToString(), conflict["heldBy"]!.ToString())
        );

        // Also when the one that the store knows gives it back.
        (await site.Release(site.W1, "first")).Expect(204);
        Assert.Equal("AddressHeld", (await site.TryAcquire(site.W2, "third", taken[0])).Expect(409).Code);
        Assert.Contains(
            "pod core/second net1 in west",
            (await site.Server.Get($"/providers/Weft.Ipam/who?address={taken[0]}")).Expect(200).Text,
            StringComparison.Ordinal
        );

        (await site.Release(site.West, "second")).Expect(204);
        (await site.TryAcquire(site.W2, "third", taken[0])).Expect(200);
        Assert.Empty((await site.Report())["conflicts"]!.AsArray());
    }

    /// <summary>The backup has the address for a pod that is long gone: its agent doesn't know it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Gives_WhatNobodyClaims_ToThePodThatRuns(bool claimsFirst)
    {
        await using var site = await Site.Create();
        var taken = await site.Acquire(site.W1, "gone");
        var unclaimed = await site.Acquire(site.W1, "forgotten");
        await site.Restore();
        if (claimsFirst)
            (await site.Register(site.West, 0, true, ("runs", taken))).Expect(200);
        (await site.Register(site.W1, 0, true)).Expect(200);
        if (!claimsFirst)
            (await site.Register(site.West, 0, true, ("runs", taken))).Expect(200);

        Assert.Equal(taken, await site.Acquire(site.West, "runs"));
        var report = await site.Report();
        Assert.Empty(report["conflicts"]!.AsArray());
        Assert.Equal(unclaimed, report["unclaimed"]!.AsArray().Select(lease => lease!["address"]!.ToString()));
    }

    [Fact]
    public async Task Awaits_NoAgentThatIsForgotten_OrThatEnrolledLater()
    {
        await using var site = await Site.Create();
        await site.Restore();
        (await site.Register(site.W1, 0, true)).Expect(200);
        (await site.Register(site.West, 0, true)).Expect(200);
        site.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        var late = await site.Server.Enrol(Documents.East, "w3", "w3");
        Assert.Contains(
            "awaited: w2 of east.",
            (await site.TryAcquire(site.W1, "new")).Expect(503).Text,
            StringComparison.Ordinal
        );

        await site.Server.DeleteAndWait($"{Documents.East}/providers/Weft.Fleet/agents/w2");

        (await site.TryAcquire(site.W1, "new")).Expect(200);
        Assert.Equal(Id, (await site.Server.SendAsAgent(late, "GET", "desired")).Header(AgentApi.RegistrationHeader));
        await site.Server.WaitUntil(
            () => Epoch.Find(site.Server.Store.Current) is { AwaitsAgents: false },
            "nobody is awaited any more"
        );
    }

    [Fact]
    public async Task Leases_AtOnce_WhereTheOperatorAwaitsNobody()
    {
        await using var site = await Site.Create();
        await site.Restore(awaitsAgents: false);

        (await site.TryAcquire(site.W1, "new")).Expect(200);
    }

    [Theory]
    [InlineData("""{"epoch":"00112233aabbccdd","part":-1,"isLast":true,"leases":[]}""", "part")]
    [InlineData("""{"part":0,"isLast":true,"leases":[]}""", "epoch")]
    [InlineData("""{"epoch":"00112233aabbccdd","part":0,"isLast":true}""", "leases")]
    [InlineData(
        """{"epoch":"00112233aabbccdd","part":0,"leases":[{"network":"n6","containerId":"c","interface":"i","addresses":[]}]}""",
        "leases[0].network"
    )]
    [InlineData(
        """{"epoch":"00112233aabbccdd","part":0,"leases":[{"network":"NETWORK","containerId":"c#","interface":"i","addresses":[]}]}""",
        "leases[0].containerId"
    )]
    [InlineData(
        """{"epoch":"00112233aabbccdd","part":0,"leases":[{"network":"NETWORK","containerId":"c","interface":"i","addresses":["x"]}]}""",
        "leases[0].addresses"
    )]
    public async Task Refuses_PartThatCanNotBeRead(string body, string member)
    {
        await using var site = await Site.Create();
        await site.Restore();
        var revision = site.Server.Revision;

        var answer = await site.Server.SendAsAgent(
            site.W1,
            "POST",
            AgentApi.Register,
            JsonNode.Parse(body.Replace("NETWORK", N6, StringComparison.Ordinal))
        );

        Assert.Equal(member, answer.Expect(400).Json["error"]!["target"]!.ToString());
        Assert.Equal(revision, site.Server.Revision);
    }

    [Fact]
    public async Task Reports_WhatIsOfNoNetwork_AndKeepsTheRest()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire(site.W1, "a");
        await site.Restore("a");

        var answer = (await site.Register(site.W1, 0, true, ("a", held), ("elsewhere", ["192.0.2.7"])))
            .Expect(200)
            .Json;

        Assert.Equal("192.0.2.7", Assert.Single(answer["conflicts"]!.AsArray())!["address"]!.ToString());
        Assert.Equal(held.Length.ToString(CultureInfo.InvariantCulture), answer["adopted"]!.ToString());
    }

    /// <summary>A server, and the credentials of its agents.</summary>
    private sealed record Site(InProcessServer Server, string W1, string W2, string West) : IAsyncDisposable
    {
        public static async Task<Site> Create()
        {
            var server = await InProcessServer.WithSite();
            return new Site(
                server,
                await server.Enrol(Documents.East, "w1", "w1"),
                await server.Enrol(Documents.East, "w2", "w2"),
                await server.Enrol(Documents.West, "west")
            );
        }

        public async Task<string[]> Acquire(string agent, string container) =>
            [
                .. (await TryAcquire(agent, container)).Expect(200).Json["addresses"]!
                    .AsArray()
                    .Select(address => address!["address"]!.ToString().Split('/')[0]),
            ];

        public Task<ServerResponse> TryAcquire(string agent, string container, string? ip = null) =>
            Server.SendAsAgent(agent, "POST", AgentApi.Acquire, LeaseOf(container, ip));

        public Task<ServerResponse> Release(string agent, string container) =>
            Server.SendAsAgent(agent, "POST", AgentApi.Release, LeaseOf(container, null));

        public Task<ServerResponse> Register(string agent, int part, bool isLast, params (string, string[])[] leases) =>
            Register(agent, part, isLast, Id, leases);

        public Task<ServerResponse> Register(
            string agent,
            int part,
            bool isLast,
            string epoch,
            params (string Container, string[] Addresses)[] leases
        )
        {
            var network = ResourceId.Parse(N6).Value;
            var body = new LeaseRegistration(
                epoch,
                part,
                isLast,
                [
                    .. leases.Select(lease => new RegisteredLease(
                        new LeaseHolder(network, lease.Container, "net1"),
                        $"core/{lease.Container}",
                        [.. lease.Addresses.Select(text => Weft.Addressing.Address.Parse(text, "").Value)]
                    )),
                ]
            );
            return Server.SendAsAgent(agent, "POST", AgentApi.Register, JsonNode.Parse(body.ToBytes()));
        }

        /// <summary>The store as a restored backup has it: without some pods, and in an epoch.</summary>
        public Task Restore(params string[] without) => Restore(true, without);

        public async Task Restore(bool awaitsAgents, params string[] without)
        {
            var network = ResourceId.Parse(N6).Value;
            var epoch = new Epoch(
                Id,
                Server.Clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture),
                awaitsAgents
            );
            var gone = NetworkPool
                .HoldingsOf(Server.Store.Current, network)
                .Leases.Where(lease => without.Contains(lease.Holder.Id.Split('#')[1]));
            _ = await Server.Store.Commit(
                ReadSet.Empty,
                [Mutation.Put(Epoch.Key, epoch.ToJson()), .. TestLeases.Remove(Server.Store.Current, network, gone)],
                Cancel
            );
        }

        public async Task<JsonNode> Report() =>
            (await Server.Get("/providers/Weft.Ipam/registrations")).Expect(200).Json;

        public Task<ServerResponse> PutMachine(string name) =>
            Server.Put(Documents.Machine(name, Documents.Attached("n6")));

        public ValueTask DisposeAsync() => Server.DisposeAsync();

        private static JsonObject LeaseOf(string container, string? ip)
        {
            var body = new JsonObject
            {
                ["network"] = N6,
                ["containerId"] = container,
                ["interface"] = "net1",
                ["namespace"] = "core",
                ["pod"] = container,
            };
            if (ip is not null)
                body["ips"] = new JsonArray(ip);
            return body;
        }
    }
}
