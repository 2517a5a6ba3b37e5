using System.Runtime.Versioning;
using Weft.Agent;

namespace Weft.Tests.Agent.ControlPlane;

[SupportedOSPlatform("linux")]
public sealed class EnrolmentTests
{
    private const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task Enrols_Once_AcrossRestarts()
    {
        await using var harness = await AgentHarness.Start();
        await harness.StopAgent();
        File.Delete(harness.TokenFile);
        var polls = harness.Plane.Polls;
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > polls, "the agent asks with the credential it kept");
        var enrolment = Assert.Single(harness.Plane.Enrolments);
        Assert.Equal("w1", enrolment.Name);
        Assert.Equal("w1", enrolment.Node);
        Assert.Equal(AgentOptions.Version, enrolment.Version);
    }

    [Fact]
    public async Task Keeps_CredentialPrivate_InItsDirectory()
    {
        await using var harness = await AgentHarness.Start();
        var path = Path.Join(harness.Options.State, "credential");
        Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(path));
        Assert.Equal(OwnerReadsAndWrites | UnixFileMode.UserExecute, File.GetUnixFileMode(harness.Options.State));
        Assert.Contains(
            harness.Plane.Credential!,
            await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Logs_NoSecret()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.Before = (_, _, context) => Refused(context);
        await harness.Send("acquire", "a");
        await harness.StopAgent();
        Assert.Contains("enrolled", harness.Log, StringComparison.Ordinal);
        Assert.Contains("acquire-failed", harness.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(FakeControlPlane.Token, harness.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("weft_agt_", harness.Log, StringComparison.Ordinal);

        static async Task<bool> Refused(Microsoft.AspNetCore.Http.HttpContext context)
        {
            await FakeControlPlane.Refuse(context, 403, "AuthorizationFailed", "not attached");
            return true;
        }
    }

    [Fact]
    public async Task Refuses_ToStart_WithARefusedToken()
    {
        await using var harness = await AgentHarness.Create();
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
            "holds no enrolment token",
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
}
