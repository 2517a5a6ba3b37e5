using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Fleet.Reclaim;

namespace Weft.Tests.Server.Reclaim;

/// <summary>Addresses of pods that are gone come back by themselves, and never too early.</summary>
public sealed class LeaseReclaimerTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";
    private const string AuditPath = "/providers/Weft.Ipam/audit";

    /// <summary>Longer than between two looks.</summary>
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(301);

    [Fact]
    public async Task Frees_ADeletedPodsAddresses_AfterTwoLooks()
    {
        await using var site = await Site.Create();
        var lost = await site.Acquire("upf-0");
        var kept = await site.Acquire("upf-1");
        await using var cluster = await site.ListenAsCluster(name =>
            name == "upf-0" ? new PodObservation(PodState.Absent, NodeState: KubeNodeState.Ready) : Present(name)
        );
        await using var node = await site.ListenAsNode();

        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        var finding = Assert.Single((await site.Audit())["findings"]!.AsArray());
        Assert.Equal(
            ("Gone", "its pod isn't there any more, and its node is well", string.Join(',', lost)),
            (
                finding!["state"]!.ToString(),
                finding["reason"]!.ToString(),
                string.Join(',', finding["addresses"]!.AsArray().Select(address => $"{address}"))
            )
        );
        Assert.Equal(lost.Concat(kept), await site.Held());
        Assert.DoesNotContain(node.Asked, inquiry => inquiry.Release != InquiryRelease.No);

        site.Server.Clock.Advance(Later);
        await site.Until(kept);
        // By its agent, which forgets it too.
        Assert.Contains(node.Asked, inquiry => inquiry.Release == InquiryRelease.IfGone);
        var record = site.Server.Audited().Last(record => record.Verb == "Reclaim");
        Assert.Equal(
            (string.Join(',', lost), "its pod isn't there any more, and its node is well"),
            (record.Detail!["addresses"], record.Detail["reason"])
        );
    }

    [Fact]
    public async Task Keeps_WhatIsSeenAliveInBetween()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire("upf-0");
        var isThere = false;
        await using var cluster = await site.ListenAsCluster(name =>
            isThere ? Present(name) : new PodObservation(PodState.Absent, NodeState: KubeNodeState.Ready)
        );
        await using var node = await site.ListenAsNode();
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        Assert.NotEmpty((await site.Audit())["findings"]!.AsArray());
        isThere = true;
        Assert.Empty((await site.Audit())["findings"]!.AsArray());
        isThere = false;
        site.Server.Clock.Advance(Later);
        // Seen gone for the first time again.
        Assert.Equal("Gone", (await site.Audit())["findings"]![0]!["state"]!.ToString());
        Assert.Equal(held, await site.Held());
    }

    /// <summary>Its agent is gone with it: nobody else could give back what it had.</summary>
    [Fact]
    public async Task Frees_WhatADeadNodeHeld_OnceTheClusterHasNoSuchNode()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire("upf-0");
        var state = KubeNodeState.NotReady;
        await using var cluster = await site.ListenAsCluster(_ => new PodObservation(
            PodState.Absent,
            NodeState: state
        ));
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        var finding = (await site.Audit())["findings"]![0]!;
        Assert.Equal("Unproven", finding["state"]!.ToString());
        Assert.Contains("may still run it", finding["reason"]!.ToString(), StringComparison.Ordinal);
        site.Server.Clock.Advance(Later);
        Assert.Equal("Unproven", (await site.Audit())["findings"]![0]!["state"]!.ToString());
        Assert.Equal(held, await site.Held());

        state = KubeNodeState.Absent;
        Assert.Equal("Gone", (await site.Audit())["findings"]![0]!["state"]!.ToString());
        site.Server.Clock.Advance(Later);
        await site.Until([]);
    }

    /// <summary>A node's agent isn't believed whose pods they are: what the cluster has elsewhere is shown.</summary>
    [Fact]
    public async Task Shows_APodThatTheClusterHasOnAnotherNode()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire("upf-0");
        await using var cluster = await site.ListenAsCluster(name => Present(name) with { Node = "w2" });
        await using var node = await site.ListenAsNode();
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        var finding = Assert.Single((await site.Audit(repair: true))["findings"]!.AsArray());
        Assert.Equal(
            ("Unproven", "the cluster has its pod on another node than the agent that leased for it"),
            (finding!["state"]!.ToString(), finding["reason"]!.ToString())
        );
        Assert.Equal(held, await site.Held());
    }

    [Fact]
    public async Task Keeps_Everything_WhereNobodyAnswers()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire("upf-0");
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        Assert.Empty((await site.Audit())["findings"]!.AsArray());
        site.Server.Clock.Advance(Later);
        Assert.Empty((await site.Audit(repair: true))["findings"]!.AsArray());
        Assert.Equal(held, await site.Held());
    }

    /// <summary>A sandbox was made anew, and the DEL of the first was lost.</summary>
    [Fact]
    public async Task Frees_WhatAnEarlierSandboxOfThePodHeld()
    {
        await using var site = await Site.Create();
        var first = await site.Acquire("upf-0", "sandbox1");
        site.Server.Clock.Advance(TimeSpan.FromSeconds(10));
        var second = await site.Acquire("upf-0", "sandbox2");
        await using var cluster = await site.ListenAsCluster(Present);
        await using var node = await site.ListenAsNode();
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        Assert.Equal("Freed", (await site.Audit(repair: true))["findings"]![0]!["state"]!.ToString());
        await site.Until(second);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task Repairs_AtOnce_WhatIsGone_AndNothingElse()
    {
        await using var site = await Site.Create();
        await site.Acquire("upf-0");
        var kept = await site.Acquire("upf-1");
        await using var cluster = await site.ListenAsCluster(name =>
            name == "upf-0" ? new PodObservation(PodState.Absent, NodeState: KubeNodeState.Ready) : Present(name)
        );
        await using var node = await site.ListenAsNode();
        // Too young: it may be of a pod that is starting.
        Assert.Empty((await site.Audit(repair: true))["findings"]!.AsArray());
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        Assert.Equal("Freed", (await site.Audit(repair: true))["findings"]![0]!["state"]!.ToString());
        await site.Until(kept);
    }

    [Fact]
    public async Task Releases_ByAnOperatorsWord_AndNotWhileThePodIsThere()
    {
        await using var site = await Site.Create();
        var held = await site.Acquire("upf-0");
        await using var cluster = await site.ListenAsCluster(Present);
        site.Server.Clock.Advance(LeaseVerdict.MinAge);
        var path = $"{N6}/providers/Weft.Ipam/leases/{held[0]}";
        var refused = (await site.Server.Delete(path)).Expect(409);
        Assert.Equal("InUse", refused.Code);
        Assert.Contains("its pod is there", refused.Text, StringComparison.Ordinal);
        Assert.Contains("--force", refused.Text, StringComparison.Ordinal);
        Assert.Equal(held, await site.Held());

        (await site.Server.Delete($"{path}?force=true")).Expect(200);
        Assert.Empty(await site.Held());
        (await site.Server.Delete($"{path}?force=true")).Expect(204);
        var record = site.Server.Audited().Last(record => record.Verb == "DELETE" && record.Status == 200);
        Assert.Equal(("True", "admin"), (record.Detail!["force"], record.Who));
        Assert.Contains("pod core/upf-0", record.Detail["holder"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Releases_NothingThatIsDeclared()
    {
        await using var site = await Site.Create();
        await site.Server.Create(Documents.Machine("probe", Documents.Attached("n6", "10.20.6.40")));
        var refused = (await site.Server.Delete($"{N6}/providers/Weft.Ipam/leases/10.20.6.40?force=true")).Expect(409);
        Assert.Contains("as it is declared", refused.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"network":"n6"}""", "network")]
    [InlineData("""{"repair":"yes"}""", "repair")]
    [InlineData("""{"netwrok":"x"}""", "netwrok")]
    public async Task Refuses_AQuestionThatIsNone(string body, string target)
    {
        await using var server = await InProcessServer.WithSite();
        var refused = (await server.Post(AuditPath, body)).Expect(400);
        Assert.Contains(target, refused.Text, StringComparison.Ordinal);
    }

    private static PodObservation Present(string name) =>
        new(PodState.Present, Uid(name), "w1", "default", KubeNodeState.Ready);

    private static string Uid(string pod) => $"uid-of-{pod}";

    private sealed class Site(InProcessServer server, string cluster, string node) : IAsyncDisposable
    {
        public InProcessServer Server => server;

        public static async Task<Site> Create()
        {
            var server = await InProcessServer.WithSite();
            return new Site(
                server,
                await server.Enrol(Documents.East, "east"),
                await server.Enrol(Documents.East, "w1", "w1")
            );
        }

        public ValueTask DisposeAsync() => server.DisposeAsync();

        public Task<InquiredAgent> ListenAsCluster(Func<string, PodObservation> pod) =>
            Listen(cluster, "east", agent => agent.Pod = asked => pod(asked.Name));

        /// <summary>A node's agent that holds all that it is asked about, and releases what it is told to.</summary>
        public Task<InquiredAgent> ListenAsNode() =>
            Listen(
                node,
                "w1",
                agent =>
                    agent.Holder = (asked, release) =>
                    {
                        if (release == InquiryRelease.No)
                            return new HolderObservation(HolderState.Held);
                        var body = new JsonObject
                        {
                            ["network"] = asked.Network,
                            ["containerId"] = asked.ContainerId,
                            ["interface"] = asked.Interface,
                        };
                        _ = server.SendAsAgent(node, "POST", AgentApi.Release, body);
                        return new HolderObservation(HolderState.Releasing);
                    }
            );

        private async Task<InquiredAgent> Listen(string credential, string name, Action<InquiredAgent> set)
        {
            var agent = await InquiredAgent.Listen(
                server,
                credential,
                $"{Documents.East}/providers/Weft.Fleet/agents/{name}"
            );
            set(agent);
            return agent;
        }

        public async Task<string[]> Acquire(string pod, string? container = null)
        {
            var body = new JsonObject
            {
                ["network"] = N6,
                ["containerId"] = container ?? pod,
                ["interface"] = "net1",
                ["namespace"] = "core",
                ["pod"] = pod,
                ["uid"] = Uid(pod),
            };
            var lease = (await server.SendAsAgent(node, "POST", AgentApi.Acquire, body)).Expect(200).Json;
            return [.. lease["addresses"]!.AsArray().Select(address => address!["address"]!.ToString().Split('/')[0])];
        }

        public async Task<JsonNode> Audit(bool repair = false) =>
            (await server.Post(AuditPath, repair ? """{"repair":true}""" : "{}")).Expect(200).Json;

        /// <summary>What is held of the network, IPv4 before IPv6 for each holder.</summary>
        public async Task<string[]> Held() =>
            [
                .. (await server.Get($"{N6}/providers/Weft.Ipam/leases")).Expect(200).Json["value"]!
                    .AsArray()
                    .Where(lease =>
                        lease!["properties"]!["holder"]!.ToString().StartsWith("pod ", StringComparison.Ordinal)
                    )
                    .OrderBy(lease => lease!["properties"]!["since"]!.ToString(), StringComparer.Ordinal)
                    .ThenBy(lease => lease!["properties"]!["holder"]!.ToString(), StringComparer.Ordinal)
                    .Select(lease => lease!["name"]!.ToString()),
            ];

        /// <summary>Waits until just this is held.</summary>
        public Task Until(string[] addresses) =>
            server.WaitUntil(() => Held().GetAwaiter().GetResult().SequenceEqual(addresses), "it is freed");
    }
}
