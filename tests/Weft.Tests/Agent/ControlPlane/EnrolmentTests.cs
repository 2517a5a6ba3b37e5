using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Agent;
using Weft.Agent.ControlPlane;

namespace Weft.Tests.Agent.ControlPlane;

[SupportedOSPlatform("linux")]
public sealed class EnrolmentTests
{
    private const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task Enrols_Once_AcrossRestarts()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var enrolled = await AgentOf(server);
        await harness.StopAgent();
        File.Delete(harness.TokenFile);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        await harness.StartAgent();

        // Only an agent that still has its credential ends this operation.
        await server.WaitForSuccess((await server.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200));
        var agent = await AgentOf(server);
        Assert.Equal("w1", (string?)agent["node"]);
        Assert.Equal(AgentOptions.Version, (string?)agent["version"]);
        Assert.Equal((string?)enrolled["enrolledAt"], (string?)agent["enrolledAt"]);
    }

    [Fact]
    public async Task Keeps_CredentialPrivate_InItsDirectory()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var path = Path.Join(harness.Options.State, "credential");
        Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(path));
        Assert.Equal(OwnerReadsAndWrites | UnixFileMode.UserExecute, File.GetUnixFileMode(harness.Options.State));
        _ = (await server.SendAsAgent(CredentialIn(path), "GET", "desired")).Expect(200);
    }

    [Theory]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.None)]
    public void Says_ThatOthersCouldReadTheCredential_AndClosesIt(UnixFileMode open)
    {
        var directory = Directory.CreateTempSubdirectory("weft-identity-");
        try
        {
            var path = Path.Join(directory.FullName, "credential");
            var identity = new Identity("w1", "agent", "cluster", "weft_agt_x", Since: DateTimeOffset.UnixEpoch);
            identity.Save(path);
            File.SetUnixFileMode(path, OwnerReadsAndWrites | open);
            var said = new List<UnixFileMode>();
            Assert.Equal(identity, Identity.Read(path, "w1", said.Add));
            Assert.Equal(open == UnixFileMode.None ? [] : [OwnerReadsAndWrites | open], said);
            Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(path));
        }
        finally
        {
            directory.Delete(true);
        }
    }

    [Fact]
    public async Task Asks_WithTheSameCredential_WhenAnAnswerWasLost()
    {
        await using var harness = await AgentHarness.Create();
        var lost = 0;
        harness.Plane.BeforeEnrolment = context =>
        {
            if (Interlocked.Increment(ref lost) > 2)
                return false;
            context.Abort();
            return true;
        };
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent is enrolled");
        Assert.True(lost > 2);
        Assert.Single(harness.Plane.Enrolments.Select(request => request.CredentialHash).Distinct());
        Assert.False(File.Exists(Path.Join(harness.Options.State, "credential.pending")));
    }

    [Fact]
    public async Task Joins_ByTheTokenOfItsServiceAccount_OnceItsClusterVouchesForIt()
    {
        await using var server = await InProcessServer.WithSite();
        await using var kube = await FakeKube.Start();
        await using var node = await AgentHarness.Join(server);
        await File.WriteAllTextAsync(
            node.TokenFile,
            kube.Signer.TokenFor("w2", server.Clock.GetUtcNow()),
            TestContext.Current.CancellationToken
        );
        node.Options = node.Options with
        {
            Name = "w2",
            Node = "w2",
            TokenFile = null,
            ServiceAccountTokenFile = node.TokenFile,
            Cluster = Documents.East,
        };
        await node.StartAgent();
        await AgentHarness.Eventually(
            () => node.Log.Contains("its agent has not reported yet", StringComparison.Ordinal),
            "nobody vouches for the node yet"
        );

        await using var cluster = await AgentHarness.Join(server);
        await File.WriteAllTextAsync(
            cluster.TokenFile,
            await server.EnrolmentToken(Documents.East, "east"),
            TestContext.Current.CancellationToken
        );
        cluster.Options = cluster.Options with
        {
            Name = "east",
            Node = null,
            Kubernetes = new Weft.Agent.Kubernetes.KubeOptions { KubeConfig = kube.Config(cluster.Root) },
        };
        await cluster.StartAgent();
        await AgentHarness.Eventually(
            () => node.Log.Contains("reported state=", StringComparison.Ordinal),
            "the node has joined and reported"
        );
        Assert.Contains("issuer-reported", cluster.Log, StringComparison.Ordinal);
        var agent = (await server.Get($"{Documents.East}/providers/Weft.Fleet/agents/w2")).Expect(200).Json;
        Assert.Equal("w2", agent["properties"]!["node"]!.ToString());
    }

    [Fact]
    public async Task Logs_NoSecret()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var credential = CredentialIn(Path.Join(harness.Options.State, "credential"));
        var token = (await File.ReadAllTextAsync(harness.TokenFile, TestContext.Current.CancellationToken)).Trim();
        // A network that isn't attached to the cluster.
        var unattached = AgentHarness.Request("acquire", "a", network: $"{Documents.Cloud}/l3Networks/oam");
        Assert.NotNull(AgentHarness.CodeOf(await harness.Send(unattached)));
        await harness.StopAgent();
        Assert.Contains("enrolled", harness.Log, StringComparison.Ordinal);
        Assert.Contains("acquire-failed", harness.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(token, harness.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(credential, harness.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_ToStart_WithARefusedToken()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.Join(server);
        await File.WriteAllTextAsync(harness.TokenFile, "weft_enr_stale", TestContext.Current.CancellationToken);
        var refusal = await Assert.ThrowsAsync<StartupException>(harness.RunAgent);
        Assert.Contains("refused the enrolment token", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(harness.Options.State, "credential")));
        Assert.False(File.Exists(harness.Options.Socket));
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    public async Task Refuses_ToStart_WithoutAToken(string content)
    {
        await using var harness = await AgentHarness.Create();
        await File.WriteAllTextAsync(harness.TokenFile, content, TestContext.Current.CancellationToken);
        Assert.Contains(
            "holds no token to enrol with",
            (await Assert.ThrowsAsync<StartupException>(harness.RunAgent)).Message,
            StringComparison.Ordinal
        );
        harness.Options = harness.Options with { TokenFile = null };
        Assert.Contains(
            "--enrollment-token-file",
            (await Assert.ThrowsAsync<StartupException>(harness.RunAgent)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Enrols_Later_WhenTheServerComesBack()
    {
        await using var harness = await AgentHarness.Create();
        await harness.Plane.GoAway();
        await harness.StartAgent();
        await AgentHarness.Eventually(
            () => harness.Log.Contains("control-plane-failed", StringComparison.Ordinal),
            "the agent has tried"
        );
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(await harness.Send("acquire", "a")));
        await harness.Plane.ComeBack();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent is enrolled");
        Assert.Single(harness.Plane.Enrolments);
    }

    [Fact]
    public async Task Refuses_AStateDirectory_OfAnotherAgent()
    {
        await using var harness = await AgentHarness.Start();
        await harness.StopAgent();
        harness.Options = harness.Options with { Name = "w2" };
        Assert.Contains(
            "belongs to the agent 'w1'",
            (await Assert.ThrowsAsync<StartupException>(harness.RunAgent)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_AStateDirectory_InUse()
    {
        await using var harness = await AgentHarness.Start();
        await using var other = await AgentHarness.Create();
        other.Options = other.Options with { State = harness.Options.State };
        Assert.Contains(
            "another weft-agent works in",
            (await Assert.ThrowsAsync<StartupException>(other.RunAgent)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_ADamagedCredential()
    {
        await using var harness = await AgentHarness.Start();
        await harness.StopAgent();
        await File.WriteAllTextAsync(
            Path.Join(harness.Options.State, "credential"),
            "{\"name\":\"w1\"",
            TestContext.Current.CancellationToken
        );
        Assert.Contains(
            "is damaged",
            (await Assert.ThrowsAsync<StartupException>(harness.RunAgent)).Message,
            StringComparison.Ordinal
        );
    }

    private static async Task<JsonNode> AgentOf(InProcessServer server)
    {
        var agents = (await server.Get($"{Documents.East}/providers/Weft.Fleet/agents")).Expect(200).Json["value"];
        return Assert.Single(agents!.AsArray())!["properties"]!;
    }

    private static string CredentialIn(string path) =>
        JsonNode.Parse(File.ReadAllText(path))!["credential"]!.ToString();
}
