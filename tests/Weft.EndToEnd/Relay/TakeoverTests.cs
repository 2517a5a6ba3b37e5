using Weft.Contracts;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// Somebody who has all that a node's pod has, and wants people's kubectl: the real agent, told to be the cluster's, with an
/// API server of the thief's behind it. People go on reaching the cluster's own.
/// </summary>
public sealed class TakeoverTests(RelayedCluster cluster) : IClassFixture<RelayedCluster>
{
    private const string ClusterAgent = "east";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Leads_Nobody_WithAPodsServiceAccountToken()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        await using var thief = await ApiServer.Start(0);
        var token = await JoinToken("w1");
        string[] join = ["--service-account-token-file", token, "--cluster", RelayLab.Cluster, "--node", "w1"];
        var agent = Spawn(thief, ClusterAgent, join);
        await agent.WaitUntil(() => agent.HasSaid("is called 'w1'"), "it is refused");
        await Reaches_TheClusterAlone(thief);
        Assert.Equal(0, agent.Reports);
        await agent.Kill();
    }

    [Fact]
    public async Task Leads_Nobody_WithTheTokenThatTheClustersAgentHasUsed()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        await using var thief = await ApiServer.Start(0);
        var used = Path.Join(cluster.Lab.Home, $"{ClusterAgent}.enroll");
        string[] enrol = ["--enrollment-token-file", used, "--cluster-ca", thief.CaFile];
        var agent = Spawn(thief, ClusterAgent, enrol);
        await agent.WaitUntil(() => agent.HasSaid("refused"), "it is refused");
        await Reaches_TheClusterAlone(thief);
        Assert.Equal(0, agent.Reports);
        await agent.Kill();
    }

    /// <summary>The node joins as itself, and says that it leads to the API server.</summary>
    [Fact]
    public async Task Leads_Nobody_AsTheNodeThatItIs()
    {
        Assert.SkipWhen(cluster.Lacks is not null, cluster.Lacks ?? "");
        await using var thief = await ApiServer.Start(0);
        var token = await JoinToken("w1");
        string[] join = ["--service-account-token-file", token, "--cluster", RelayLab.Cluster, "--node", "w1"];
        var agent = Spawn(thief, "w1", join);
        await agent.WaitUntil(() => agent.Reports > 0, "it has joined and reported");
        await Reaches_TheClusterAlone(thief);
        await agent.Kill();
    }

    private AgentProcess Spawn(ApiServer thief, string name, params string[] identity) =>
        cluster.Lab.SpawnAgent(
            Path.Join(cluster.Lab.Home, $"thief-{Guid.NewGuid():N}"),
            [],
            ["--name", name, .. identity, "--relay-target", $"kubernetes=127.0.0.1:{thief.Port}"]
        );

    /// <summary>What the kubelet gives to the pod of a node's agent, once the cluster's agent has said who signs.</summary>
    private async Task<string> JoinToken(string node)
    {
        var lab = cluster.Lab;
        using var signer = new ServiceAccountSigner();
        var reporter = await lab.Weftd.Enrol(lab.Client, RelayLab.Cluster, $"reporter-{Guid.NewGuid():N}"[..20]);
        var told = await lab.Weftd.SendRequest(
            lab.Client,
            "PUT",
            $"{AgentApi.Root}{AgentApi.Issuer}",
            signer.Issuer.ToJson(),
            reporter
        );
        Assert.Equal(204, told.Status);
        var file = Path.Join(lab.Home, $"{Guid.NewGuid():N}.jwt");
        await RelayLab.WriteSecret(file, signer.TokenFor(node, DateTimeOffset.UtcNow));
        return file;
    }

    private async Task Reaches_TheClusterAlone(ApiServer thief)
    {
        var before = cluster.Api.Requests;
        for (var i = 0; i < 5; i++)
        {
            var got = await RelayLab.End(cluster.Start("--", "kubectl", "get", "pods", "-o", "name"));
            Assert.Equal((0, "pod/upf-0\n", ""), (got.Code, got.Output, got.Error));
        }

        Assert.True(cluster.Api.Requests > before);
        Assert.Equal(0, thief.Requests);
        var agent = await cluster.Lab.Weftd.SendRequest(
            cluster.Lab.Client,
            "GET",
            $"{RelayLab.Cluster}/providers/Weft.Fleet/agents/{ClusterAgent}"
        );
        Assert.Equal(200, agent.Status);
    }
}
