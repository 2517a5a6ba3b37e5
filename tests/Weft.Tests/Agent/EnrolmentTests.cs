using System.Runtime.Versioning;
using Weft.Agent;

namespace Weft.Tests.Agent;

[SupportedOSPlatform("linux")]
public sealed class EnrolmentTests
{
    private const UnixFileMode OwnerReadsAndWrites = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task Enrols_Once_AcrossRestarts()
    {
        await using var site = await Site.Start();
        await site.StopAgent();
        File.Delete(site.TokenFile);
        var polls = site.Plane.Polls;
        await site.StartAgent();
        await site.Plane.Until(() => site.Plane.Polls > polls, "the agent asks with the credential it kept");
        var enrolment = Assert.Single(site.Plane.Enrolments);
        Assert.Equal("w1", (string?)enrolment["name"]);
        Assert.Equal("w1", (string?)enrolment["node"]);
        Assert.Equal(AgentOptions.Version, (string?)enrolment["version"]);
    }

    [Fact]
    public async Task Keeps_CredentialPrivate_InItsDirectory()
    {
        await using var site = await Site.Start();
        var path = Path.Join(site.Options.State, "credential");
        Assert.Equal(OwnerReadsAndWrites, File.GetUnixFileMode(path));
        Assert.Equal(OwnerReadsAndWrites | UnixFileMode.UserExecute, File.GetUnixFileMode(site.Options.State));
        Assert.Contains(site.Plane.Credential!, await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_NoSecret_InItsLog()
    {
        await using var site = await Site.Start();
        site.Plane.Before = (_, _, context) => Refused(context);
        await site.Ask("acquire", "a");
        await site.StopAgent();
        Assert.Contains("enrolled", site.Log, StringComparison.Ordinal);
        Assert.Contains("acquire-failed", site.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(FakeControlPlane.Token, site.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("weft_agt_", site.Log, StringComparison.Ordinal);

        static async Task<bool> Refused(Microsoft.AspNetCore.Http.HttpContext context)
        {
            await FakeControlPlane.Refuse(context, 403, "AuthorizationFailed", "not attached");
            return true;
        }
    }

    [Fact]
    public async Task Refuses_ToStart_WithARefusedToken()
    {
        await using var site = await Site.Make();
        await File.WriteAllTextAsync(site.TokenFile, "weft_enr_stale", TestContext.Current.CancellationToken);
        var refusal = await Assert.ThrowsAsync<CannotStartException>(site.RunAgent);
        Assert.Contains("refused the enrolment token", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(site.Options.State, "credential")));
        Assert.False(File.Exists(site.Options.Socket));
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    public async Task Refuses_ToStart_WithoutAToken(string content)
    {
        await using var site = await Site.Make();
        await File.WriteAllTextAsync(site.TokenFile, content, TestContext.Current.CancellationToken);
        Assert.Contains("holds no enrolment token", (await Assert.ThrowsAsync<CannotStartException>(site.RunAgent)).Message, StringComparison.Ordinal);
        site.Options = site.Options with { TokenFile = null };
        Assert.Contains("--enrollment-token-file", (await Assert.ThrowsAsync<CannotStartException>(site.RunAgent)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enrols_Later_WhenTheServerComesBack()
    {
        await using var site = await Site.Make();
        await site.Plane.GoAway();
        await site.StartAgent();
        await Site.Eventually(() => site.Log.Contains("control-plane-failed", StringComparison.Ordinal), "the agent has tried");
        Assert.Equal("ServiceUnavailable", Site.CodeOf(await site.Ask("acquire", "a")));
        await site.Plane.ComeBack();
        await site.Plane.Until(() => site.Plane.Polls > 0, "the agent is enrolled");
        Assert.Single(site.Plane.Enrolments);
    }

    [Fact]
    public async Task Refuses_AStateDirectory_OfAnotherAgent()
    {
        await using var site = await Site.Start();
        await site.StopAgent();
        site.Options = site.Options with { Name = "w2" };
        Assert.Contains("belongs to the agent 'w1'", (await Assert.ThrowsAsync<CannotStartException>(site.RunAgent)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_AStateDirectory_InUse()
    {
        await using var site = await Site.Start();
        await using var other = await Site.Make();
        other.Options = other.Options with { State = site.Options.State };
        Assert.Contains("another weft-agent works in", (await Assert.ThrowsAsync<CannotStartException>(other.RunAgent)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_ADamagedCredential()
    {
        await using var site = await Site.Start();
        await site.StopAgent();
        await File.WriteAllTextAsync(Path.Join(site.Options.State, "credential"), "{\"name\":\"w1\"", TestContext.Current.CancellationToken);
        Assert.Contains("is damaged", (await Assert.ThrowsAsync<CannotStartException>(site.RunAgent)).Message, StringComparison.Ordinal);
    }
}
