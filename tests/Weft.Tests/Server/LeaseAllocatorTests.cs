using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Server;

/// <summary>Leases of pods over HTTP.</summary>
public sealed class LeaseAllocatorTests
{
    public static JsonObject LeaseRequest(string network, string container, params string[] ips)
    {
        var body = new JsonObject
        {
            ["network"] = $"{Documents.Cloud}/l3Networks/{network}",
            ["containerId"] = container,
            ["interface"] = "net1",
            ["namespace"] = "core",
            ["pod"] = "upf-0",
            ["uid"] = "u",
            ["node"] = "w1",
        };
        if (ips.Length > 0)
            body["ips"] = new JsonArray([.. ips.Select(ip => JsonValue.Create(ip))]);
        return body;
    }

    [Fact]
    public async Task Returns_SameLease_ForSameHolder()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");

        var first = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);
        var revision = server.Revision;
        var again = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);

        Assert.Equal(
            """{"addresses":[{"address":"10.20.6.4/24","gateway":"10.20.6.1"},"""
                + """{"address":"fd20:0:0:606::4/64","gateway":"fd20:0:0:606::1"}],"routes":[]}""",
            first.Text
        );
        Assert.Equal(first.Text, again.Text);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Releases_Once_AndForTheHolderAlone()
    {
        await using var server = await InProcessServer.WithSite();
        var (east, west) = (await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.West, "w1"));
        _ = (await server.SendAsAgent(east, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);
        var theirs = (await server.SendAsAgent(west, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);

        _ = (await server.SendAsAgent(east, "POST", "leases/release", LeaseRequest("n6", "c1"))).Expect(204);
        var revision = server.Revision;
        _ = (await server.SendAsAgent(east, "POST", "leases/release", LeaseRequest("n6", "c1"))).Expect(204);
        _ = (await server.SendAsAgent(east, "POST", "leases/release", LeaseRequest("never", "c1"))).Expect(204);

        Assert.Equal(revision, server.Revision);
        Assert.Equal(2, Held(server, "n6").Leases.Count());
        Assert.Equal(
            theirs.Text,
            (await server.SendAsAgent(west, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Text
        );
    }

    [Fact]
    public async Task Rests_AFreedAddress_UntilThePoolHasComeRound()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var given = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            given.Add(FirstAddress(await Acquire($"c{i}")));
            _ = (await server.SendAsAgent(agent, "POST", "leases/release", LeaseRequest("n6", $"c{i}"))).Expect(204);
        }

        // Whoever still sends to a pod that is gone must not reach the next one: twenty pods in a row, twenty addresses.
        Assert.Equal(20, given.Distinct().Count());

        // Within one batch as well: what is released in it is not given to who comes behind in it.
        var held = FirstAddress(await Acquire("last"));
        var batch = await Task.WhenAll(
            server.SendAsAgent(agent, "POST", "leases/release", LeaseRequest("n6", "last")),
            Acquire("next1"),
            Acquire("next2")
        );
        Assert.DoesNotContain(held, batch[1..].Select(FirstAddress));

        Task<ServerResponse> Acquire(string container)
        {
            // A pod of the same name would have its own address again.
            var request = LeaseRequest("n6", container);
            request["pod"] = container;
            return server.SendAsAgent(agent, "POST", "leases/acquire", request);
        }

        static string FirstAddress(ServerResponse answer) =>
            answer.Expect(200).Json["addresses"]![0]!["address"]!.ToString();
    }

    [Fact]
    public async Task Leases_DistinctPairs_ToFiveHundredPodsAtOnce()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");

        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 500)
                .Select(i => server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("big", $"c{i}")))
        );

        var addresses = answers
            .SelectMany(a => a.Expect(200).Json["addresses"]!.AsArray().Select(x => x!["address"]!.ToString()))
            .ToList();
        Assert.Equal(1000, addresses.Count);
        Assert.Equal(1000, addresses.Distinct().Count());
        Assert.Equal(500, Held(server, "big").Count(AddressFamily.IPv4));
        Assert.Equal(500, Held(server, "big").Count(AddressFamily.IPv6));
    }

    [Theory]
    [InlineData("oam")]
    [InlineData("none")]
    public async Task Refuses_NetworkThatIsNotAttachedWithIpam(string network)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.West, "w1");
        var before = server.Revision;

        Assert.Equal(
            "AuthorizationFailed",
            (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest(network, "c1"))).Expect(403).Code
        );
        Assert.Equal(
            "AuthorizationFailed",
            (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("big", "c1"))).Expect(403).Code
        );
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Releases_AfterNetworkWasDetached_AndLeasesNothingMore()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.West, "w1");
        _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);
        _ = (await server.Put(Documents.Kubernetes("west", []))).Expect(200);

        _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(403);
        _ = (await server.SendAsAgent(agent, "POST", "leases/release", LeaseRequest("n6", "c1"))).Expect(204);

        Assert.Empty(Held(server, "n6").Leases);
    }

    [Fact]
    public async Task Leases_RequestedAddresses_AndPicksTheOtherFamily()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");

        var granted = (
            await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1", "10.20.6.77"))
        ).Expect(200);

        Assert.Equal("10.20.6.77/24", granted.Json["addresses"]![0]!["address"]!.ToString());
        Assert.Equal("fd20:0:0:606::4/64", granted.Json["addresses"]![1]!["address"]!.ToString());
    }

    [Theory]
    [InlineData(400, "AddressNotUsable", "10.20.6.1")]
    [InlineData(400, "AddressNotUsable", "10.20.6.255")]
    [InlineData(400, "AddressNotUsable", "10.99.0.1")]
    [InlineData(409, "AddressHeld", "10.20.6.77")]
    [InlineData(400, "InvalidMember", "010.20.6.78")]
    [InlineData(400, "InvalidMember", "10.20.6.78", "10.20.6.79")]
    public async Task Refuses_RequestedAddress(int status, string code, params string[] ips)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        _ = (
            await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "other", "10.20.6.77"))
        ).Expect(200);
        var before = server.Revision;

        var refused = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1", ips))).Expect(
            status
        );

        Assert.Equal(code, refused.Code);
        Assert.Contains(ips[^1], refused.Text, StringComparison.Ordinal);
        Assert.Equal(before, server.Revision);
    }

    [Theory]
    [InlineData("network", "MissingOrBad")]
    [InlineData("containerId", null)]
    [InlineData("containerId", "a#b")]
    [InlineData("interface", "")]
    [InlineData("ips", "10.20.6.78")]
    public async Task Refuses_InvalidRequest(string member, string? value)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var request = LeaseRequest("n6", "c1");
        request[member] = value;
        var before = server.Revision;

        var refused = (await server.SendAsAgent(agent, "POST", "leases/acquire", request)).Expect(400);

        Assert.Equal(member, refused.Json["error"]!["target"]!.ToString());
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Refuses_Lease_WhenPoolIsExhausted_AndGrantsItAfterARelease()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        for (var i = 0; i < 3; i++)
            _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("tiny", $"c{i}"))).Expect(200);
        var before = server.Revision;

        var refused = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("tiny", "c3"))).Expect(
            409
        );

        Assert.Equal("AddressPoolExhausted", refused.Code);
        Assert.Equal("10.40.0.0/29", refused.Json["error"]!["target"]!.ToString());
        Assert.Equal(before, server.Revision);
        _ = (await server.SendAsAgent(agent, "POST", "leases/release", LeaseRequest("tiny", "c1"))).Expect(204);
        Assert.Equal(
            "10.40.0.5/29",
            (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("tiny", "c3"))).Expect(200).Json[
                "addresses"
            ]![0]!["address"]!.ToString()
        );
    }

    [Fact]
    public async Task Creates_Machines_WhilePodsLeaseWithoutPause()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        using var over = new CancellationTokenSource();
        var leased = 0;
        var pods = Enumerable
            .Range(0, 8)
            .Select(worker =>
                Task.Run(async () =>
                {
                    for (var i = 0; !over.IsCancellationRequested; i++)
                    {
                        var container = $"c{worker}-{i}";
                        _ = (
                            await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", container))
                        ).Expect(200);
                        _ = (
                            await server.SendAsAgent(agent, "POST", "leases/release", LeaseRequest("n6", container))
                        ).Expect(204);
                        _ = Interlocked.Increment(ref leased);
                    }
                })
            )
            .ToArray();
        await server.WaitUntil(() => Volatile.Read(ref leased) > 16, "the pods lease");

        for (var i = 0; i < 20; i++)
            _ = (await server.Put(Documents.Machine($"vm{i}", Documents.Attached("n6")))).Expect(201);

        await over.CancelAsync();
        await Task.WhenAll(pods);
        Assert.Equal(20, Held(server, "n6").Count(AddressFamily.IPv4));
    }

    [Fact]
    public async Task Releases_Leases_OfAClusterThatIsRemoved()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.West, "w1");
        _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c1"))).Expect(200);
        var deleted = (await server.Delete($"{Documents.West}?force=true")).Expect(202);
        _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", LeaseRequest("n6", "c2"))).Expect(403);
        await server.DeleteAndWait($"{Documents.West}/providers/Weft.Fleet/agents/w1");

        await server.WaitForSuccess(deleted);

        Assert.Empty(Held(server, "n6").Leases);
    }

    [Fact]
    public async Task Refuses_ToRemoveACluster_WhosePodsHoldAddresses()
    {
        await using var server = await InProcessServer.WithSite();
        var (east, west) = (await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.West, "w1"));
        foreach (var container in new[] { "c1", "c2" })
            _ = (await server.SendAsAgent(west, "POST", "leases/acquire", LeaseRequest("n6", container))).Expect(200);
        _ = (await server.SendAsAgent(east, "POST", "leases/acquire", LeaseRequest("n6", "c3"))).Expect(200);
        var revision = server.Revision;

        var refused = (await server.Delete(Documents.West)).Expect(409);

        Assert.Equal("InUse", refused.Code);
        Assert.Contains("its pods hold 4 addresses: 10.20.6.4 (pod core/upf-0", refused.Text, StringComparison.Ordinal);
        Assert.Contains("weft delete --force", refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
        foreach (var container in new[] { "c1", "c2" })
            _ = (await server.SendAsAgent(west, "POST", "leases/release", LeaseRequest("n6", container))).Expect(204);
        _ = (await server.Delete(Documents.West)).Expect(202);
    }

    private static Holdings Held(InProcessServer server, string network) =>
        NetworkPool.HoldingsOf(server.Store.Current, ResourceId.Parse($"{Documents.Cloud}/l3Networks/{network}").Value);
}
