using System.Net;
using System.Runtime.Versioning;
using Weft.Agent.Leases;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

/// <summary>When releases are sent, and how long they wait for what.</summary>
[SupportedOSPlatform("linux")]
public sealed class ReleaseLoopTests
{
    private const string NotNow = """{"error":{"code":"AuthorizationFailed","message":"not now"}}""";

    private static readonly TimeSpan Step = LeaseParts.Timings.InitialBackoff;
    private static readonly TimeSpan Seven = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan Nine = TimeSpan.FromSeconds(9);

    [Fact]
    public async Task Waits_Longer_WhileNobodyAnswers_AndBeginsAnewOnceSomebodyHas()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a");
        parts.Start();
        for (var step = Step; step <= Step * 8; step *= 2)
        {
            (await parts.NextRequest("release", "a")).Fail();
            await parts.PassStep(step);
        }

        (await parts.NextRequest("release", "a")).Grant();
        await parts.Service.Release(LeaseParts.HolderOf("b"), null);
        (await parts.NextRequest("release", "b")).Fail();
        await parts.PassStep(Step);
        (await parts.NextRequest("release", "b")).Grant();
    }

    [Fact]
    public async Task Waits_AsLongAsItIsAsked_AndNoLonger()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a");
        parts.Start();
        (await parts.NextRequest("release", "a")).Fail(Seven);
        await parts.Pass(Seven);
        (await parts.NextRequest("release", "a")).Fail(Nine);
        await parts.Pass(Nine);
        (await parts.NextRequest("release", "a")).Refuse(HttpStatusCode.Forbidden, NotNow, Seven);
        await parts.Pass(Seven);
        (await parts.NextRequest("release", "a")).Refuse(HttpStatusCode.Forbidden, NotNow);
        await parts.PassStep(Step * 2);
        (await parts.NextRequest("release", "a")).Grant();
    }

    /// <summary>What piled up while the agent was cut off goes in as few calls as it fits in.</summary>
    [Fact]
    public async Task Sends_AllThatWaits_InFewCalls_AndNoneMore_OnceOneGetsNoAnswer()
    {
        await using var parts = new LeaseParts();
        await parts.Want([.. Enumerable.Range(0, 500).Select(i => $"c{i}")]);
        parts.Start();
        var requests = await parts.NextRequests(LeaseBatchBody.MaxItems);
        requests["c0"].Fail();
        foreach (var request in requests.Values.Where(request => request.Container != "c0"))
            request.Grant();

        // They have failed together, and that is one failure.
        await parts.PassStep(Step);
        requests = await parts.NextRequests(LeaseBatchBody.MaxItems);
        foreach (var request in requests.Values)
            request.Grant();
        var rest = await parts.NextRequests(500 - LeaseBatchBody.MaxItems);
        Assert.Empty(rest.Keys.Intersect(requests.Keys));
        Assert.All(rest.Values, request => Assert.True(request.IsInBatch));
    }

    [Fact]
    public async Task Releases_Others_WhileSomeAreRefused()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a", "b");
        parts.Start();
        var requests = await parts.NextRequests(2);
        requests["a"].Refuse(HttpStatusCode.Forbidden, NotNow, Nine);
        requests["b"].Refuse(HttpStatusCode.Forbidden, NotNow, Seven);
        Assert.Equal(Seven, await parts.NextWait());
        await parts.Service.Release(LeaseParts.HolderOf("c"), null);
        (await parts.NextRequest("release", "c")).Grant();
        await parts.Pass(Seven);
        (await parts.NextRequest("release", "b")).Grant();
        await parts.Pass(Nine - Seven);
        (await parts.NextRequest("release", "a")).Grant();
    }

    [Fact]
    public async Task Pauses_All_WhileTheAgentItselfIsRefused()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a");
        parts.Start();
        (await parts.NextRequest("release", "a")).Refuse(HttpStatusCode.Unauthorized, NotNow, Seven);
        Assert.Equal(Seven, await parts.NextWait());
        await parts.Service.Release(LeaseParts.HolderOf("b"), null);
        await parts.Pass(Seven);
        var requests = await parts.NextRequests(2);
        requests["a"].Grant();
        requests["b"].Grant();
    }

    [Fact]
    public async Task Releases_AgainAtOnce_OnceAnAcquireHasFinishedWhatWasRefused()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a");
        parts.Start();
        (await parts.NextRequest("release", "a")).Refuse(HttpStatusCode.Forbidden, NotNow, Seven);
        Assert.Equal(Seven, await parts.NextWait());
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(LeaseParts.HolderOf("a")));
        (await parts.NextRequest("release", "a")).Grant();
        (await parts.NextRequest("acquire", "a")).Grant();
        Assert.True((await acquiring).TryGet(out _, out _));
        await parts.Service.Release(LeaseParts.HolderOf("a"), null);
        (await parts.NextRequest("release", "a")).Grant();
    }

    [Fact]
    public async Task Waits_ForAnAcquireOfTheSameHolder()
    {
        await using var parts = new LeaseParts();
        parts.Start();
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(LeaseParts.HolderOf("a")));
        var acquire = await parts.NextRequest("acquire", "a");
        await parts.Service.Release(LeaseParts.HolderOf("a"), null);
        await parts.Pass(Step);
        Assert.Equal(Step, await parts.NextWait());
        acquire.Grant();
        Assert.Equal(RefusalCode.Conflict, (await acquiring).Refusal!.Code);
        parts.Clock.Advance(Step);
        (await parts.NextRequest("release", "a")).Grant();
    }

    [Fact]
    public async Task Ends_WhenItIsTold_InTheMidstOfARequest()
    {
        await using var parts = new LeaseParts();
        await parts.Want("a");
        parts.Start();
        await parts.NextRequest("release", "a");
        Assert.Equal(TaskStatus.Canceled, await parts.Stop());
        Assert.Equal(1, parts.Table.ReleaseNumberOf(LeaseParts.HolderOf("a")));
        Assert.DoesNotContain("release-postponed", parts.Log, StringComparison.Ordinal);
    }
}
