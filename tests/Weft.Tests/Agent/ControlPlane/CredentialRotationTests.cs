using System.Runtime.Versioning;
using System.Text.Json;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Tests.Agent.ControlPlane;

/// <summary>An agent that changes its credential by itself, wherever that is cut short.</summary>
[SupportedOSPlatform("linux")]
public sealed class CredentialRotationTests
{
    /// <summary>What a request comes to: the first announces a credential, the second uses it.</summary>
    public enum Fault
    {
        AnnouncementLost,
        AnswerToAnnouncementLost,
        FirstUseLost,
        AnswerToFirstUseLost,
    }

    [Fact]
    public async Task Rotates_AgainstTheRealServer_AndTheOldOneIsGoodForNothing()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await Start(await AgentHarness.Join(server, Timings));
        var path = CredentialPath(harness);
        await AgentHarness.Eventually(() => File.Exists(path), "the agent is enrolled");
        var first = IdentityIn(path);
        await AgentHarness.Eventually(
            () => Count(harness, "credential-rotated") >= 2,
            "two credentials have been replaced"
        );
        await harness.StopAgent();

        var now = IdentityIn(path);
        Assert.NotEqual(first.Credential, now.Credential);
        Assert.NotEqual(first.Credential, now.Previous);
        _ = (await server.SendAsAgent(now.Credential, "GET", "relay")).Expect(200);
        _ = (await server.SendAsAgent(first.Credential, "GET", "relay")).Expect(401);
        _ = (await server.SendAsAgent(now.Previous!, "GET", "relay")).Expect(401);
        Assert.DoesNotContain("credential-refused", harness.Log, StringComparison.Ordinal);
        foreach (var secret in (string[])[first.Credential, now.Credential, now.Previous!])
            Assert.DoesNotContain(secret, harness.Log, StringComparison.Ordinal);
        Assert.Equal(DurableFile.Private, File.GetUnixFileMode(path));
    }

    [Theory]
    [InlineData(Fault.AnnouncementLost)]
    [InlineData(Fault.AnswerToAnnouncementLost)]
    [InlineData(Fault.FirstUseLost)]
    [InlineData(Fault.AnswerToFirstUseLost)]
    public async Task Goes_On_WhicheverRequestIsLost(Fault fault)
    {
        await using var harness = await AgentHarness.Create(Timings);
        var lost = Lose(harness.Plane, fault);
        await Start(harness);
        await harness.Plane.Until(() => lost(), "it is lost");
        await AgentHarness.Eventually(() => Count(harness, "credential-rotated") > 0, "another try succeeds");
        await AssertGoesOn(harness);
    }

    [Theory]
    [InlineData(Fault.AnnouncementLost)]
    [InlineData(Fault.AnswerToAnnouncementLost)]
    [InlineData(Fault.FirstUseLost)]
    [InlineData(Fault.AnswerToFirstUseLost)]
    public async Task Goes_On_WhenItIsStoppedThere_AndStartedAnew(Fault fault)
    {
        await using var harness = await AgentHarness.Create(Timings);
        var lost = Lose(harness.Plane, fault, always: true);
        await Start(harness);
        await harness.Plane.Until(lost, "it is lost");
        await harness.StopAgent();
        (harness.Plane.BeforeCredential, harness.Plane.AfterCredential) = (null, null);
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.Zero };
        await harness.StartAgent();
        await AssertGoesOn(harness);
        Assert.Equal(BearerToken.HashOf(IdentityIn(CredentialPath(harness)).Credential), harness.Plane.CredentialHash);
        Assert.Single(harness.Plane.Enrolments);
    }

    /// <summary>weftd was restored from a backup that knows the credential before.</summary>
    [Fact]
    public async Task Makes_ItsCredentialKnown_ToAControlPlaneThatWasSetBack()
    {
        await using var harness = await AgentHarness.Create(Timings);
        await Start(harness);
        await AgentHarness.Eventually(() => Count(harness, "credential-rotated") > 0, "a credential was replaced");
        await harness.StopAgent();
        var identity = IdentityIn(CredentialPath(harness));
        (harness.Plane.CredentialHash, harness.Plane.NextCredentialHash) = (
            BearerToken.HashOf(identity.Previous!),
            null
        );
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.Zero };
        await harness.StartAgent();
        await AssertGoesOn(harness);
        Assert.Equal(BearerToken.HashOf(identity.Credential), harness.Plane.CredentialHash);
        Assert.Contains("credential-recovered", harness.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Announces_Nothing_WhileTheDiskDoesntTakeIt()
    {
        await using var harness = await AgentHarness.Create(Timings);
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.Zero };
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent is enrolled");
        await harness.StopAgent();
        var (path, hash) = (CredentialPath(harness), harness.Plane.CredentialHash);
        var asked = 0;
        harness.Plane.BeforeCredential = _ => Interlocked.Increment(ref asked) > 0;

        // What can't be made is a file where a folder stands; a full disk ends the same call.
        Directory.CreateDirectory(DurableFile.TemporaryOf(path));
        await Start(harness);
        await AgentHarness.Eventually(() => Count(harness, "credential-not-rotated") > 1, "it was tried again");
        Assert.Equal((0, hash), (asked, harness.Plane.CredentialHash));

        Directory.Delete(DurableFile.TemporaryOf(path));
        await AgentHarness.Eventually(() => Count(harness, "credential-rotated") > 0, "the disk takes it again");
        await AssertGoesOn(harness);
    }

    /// <summary>A weftd of before: the agent keeps what that knows, on the disk too.</summary>
    [Fact]
    public async Task Keeps_WhatAnEarlierServerKnows()
    {
        await using var harness = await AgentHarness.Create(Timings);
        harness.Plane.KnowsOneCredential = true;
        await Start(harness);
        await AgentHarness.Eventually(() => Count(harness, "credential-not-rotated") > 0, "it was refused");
        await harness.StopAgent();
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.Zero };
        await harness.StartAgent();
        await AssertGoesOn(harness);
        Assert.Equal(BearerToken.HashOf(IdentityIn(CredentialPath(harness)).Credential), harness.Plane.CredentialHash);
    }

    [Theory]
    [InlineData(0, 365 * 24, false)] // never
    [InlineData(30, 23 * 24, false)] // before four fifths of its life
    [InlineData(30, 30 * 24, true)]
    [InlineData(30, -24, false)] // the clock was set back by a day
    [InlineData(30, -31 * 24, true)] // it was made at a time that hasn't come
    public async Task Rotates_WhenItIsTime(double days, double ageInHours, bool isDue)
    {
        await using var harness = await AgentHarness.Create(Timings);
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.Zero };
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent is enrolled");
        await harness.StopAgent();
        var path = CredentialPath(harness);
        var identity = IdentityIn(path);
        (identity with { Since = DateTimeOffset.UtcNow - TimeSpan.FromHours(ageInHours) }).Save(path);
        var looks = 0;
        harness.Plane.BeforeCredential = _ => Interlocked.Increment(ref looks) > 0;
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.FromDays(days) };
        await harness.StartAgent();
        if (isDue)
        {
            await AgentHarness.Eventually(() => Count(harness, "credential-rotated") > 0, "it is replaced");
            return;
        }

        // Many looks later it is the same.
        var polls = harness.Plane.Polls;
        await harness.Plane.Until(() => harness.Plane.Polls > polls + 20, "the agent has asked again and again");
        Assert.Equal((0, identity.Credential), (looks, IdentityIn(path).Credential));
    }

    private static Weft.Agent.AgentTimings Timings =>
        AgentHarness.FastTimings with
        {
            CredentialCheckInterval = TimeSpan.FromMilliseconds(20),
            MaxCredentialBackoff = TimeSpan.FromMilliseconds(40),
            LongPollWait = TimeSpan.Zero,
        };

    private static async Task<AgentHarness> Start(AgentHarness harness)
    {
        harness.Options = harness.Options with { CredentialMaxAge = TimeSpan.FromMilliseconds(1) };
        await harness.StartAgent();
        return harness;
    }

    /// <summary>Loses a request or an answer: the first one, or each.</summary>
    /// <returns>Whether it was lost.</returns>
    private static Func<bool> Lose(ScriptedControlPlane plane, Fault fault, bool always = false)
    {
        var lost = 0;
        bool Passes(bool isFirstUse) =>
            isFirstUse != (fault is Fault.FirstUseLost or Fault.AnswerToFirstUseLost)
            || (Interlocked.Increment(ref lost) > 1 && !always);

        if (fault is Fault.AnnouncementLost or Fault.FirstUseLost)
            plane.BeforeCredential = Passes;
        else
            plane.AfterCredential = Passes;
        return () => Volatile.Read(ref lost) > 0;
    }

    private static async Task AssertGoesOn(AgentHarness harness)
    {
        var polls = harness.Plane.Polls;
        await harness.Plane.Until(() => harness.Plane.Polls > polls, "the agent is known");
    }

    private static int Count(AgentHarness harness, string what) => harness.Log.Split($" {what}").Length - 1;

    private static string CredentialPath(AgentHarness harness) => Path.Join(harness.Options.State, "credential");

    private static Identity IdentityIn(string path) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(path), IdentityJson.Default.Identity)!;
}
