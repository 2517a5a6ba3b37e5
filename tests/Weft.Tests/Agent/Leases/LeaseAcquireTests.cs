using System.Net;
using System.Runtime.Versioning;
using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

/// <summary>What an ADD waits for, and for how long.</summary>
[SupportedOSPlatform("linux")]
public sealed class LeaseAcquireTests
{
    private static readonly LeaseHolder Holder = LeaseParts.HolderOf("a");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Returns_LeaseThatIsHeld_WhoeverIsBusyWithItsHolder()
    {
        await using var parts = new LeaseParts();
        var lease = await Lease(parts);
        using var busy = parts.Locks.Open(Holder);
        await busy.Enter(Cancel);
        var again = parts.Service.Acquire(new PodLeaseRequest(Holder));
        Assert.True(again.IsCompletedSuccessfully);
        Assert.Equal(lease, (await again).Value);
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenItsTimeIsOver_AndGivesTheLaterOneTheLease()
    {
        await using var parts = new LeaseParts();
        var first = parts.Service.Acquire(new PodLeaseRequest(Holder));
        var request = await parts.NextRequest("acquire", "a");
        var second = parts.Service.Acquire(new PodLeaseRequest(Holder));
        parts.Clock.Advance(LeaseParts.Timings.AcquireTimeout);
        Assert.Equal(RefusalCode.ServiceUnavailable, (await first).Refusal!.Code);
        Assert.Equal(RefusalCode.ServiceUnavailable, (await second).Refusal!.Code);

        var third = parts.Service.Acquire(new PodLeaseRequest(Holder));
        request.Grant("10.20.6.9/24");
        Assert.Equal("10.20.6.9/24", (await third).Value.Addresses[0].Address);
        Assert.DoesNotContain("acquire-failed-late", parts.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_WhatFailed_ThoughNobodyWaitsAnyMore()
    {
        await using var parts = new LeaseParts();
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(Holder));
        var request = await parts.NextRequest("acquire", "a");
        parts.Clock.Advance(LeaseParts.Timings.AcquireTimeout);
        await acquiring;
        request.Fail();
        await AgentHarness.Eventually(
            () => parts.Log.Contains("acquire-failed-late", StringComparison.Ordinal),
            "the log tells of the failure"
        );
    }

    [Fact]
    public async Task Asks_Nothing_WhileTheDiskFails()
    {
        await using var parts = new LeaseParts();
        await parts.FailDisk();
        await Assert.ThrowsAsync<IOException>(() =>
            parts.Service.Acquire(new PodLeaseRequest(Holder)).WaitAsync(TimeSpan.FromSeconds(30), Cancel)
        );
        parts.RepairDisk();
        await Lease(parts);
    }

    [Fact]
    public async Task Ends_WithTheAgent()
    {
        await using var parts = new LeaseParts();
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(Holder));
        await parts.NextRequest("acquire", "a");
        await parts.Stop();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring);
    }

    [Theory]
    [InlineData("upf-0", "core/upf-0")]
    [InlineData(null, null)]
    public async Task Keeps_WhoseLeaseItIs(string? pod, string? name)
    {
        await using var parts = new LeaseParts();
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(Holder) { Namespace = "core", Pod = pod });
        (await parts.NextRequest("acquire", "a")).Grant();
        await acquiring;
        Assert.Equal(name, Assert.Single(parts.Table.Entries()).Pod);
        await parts.Service.Release(Holder, name);
        Assert.Equal((name, 1), Released(parts));
        await parts.Service.Release(Holder, name);
        Assert.Equal((name, 2), Released(parts));

        static (string?, long?) Released(LeaseParts parts) =>
            (Assert.Single(parts.Table.Entries()).Pod, parts.Table.ReleaseNumberOf(Holder));
    }

    [Fact]
    public async Task Says_WhyItCantServe()
    {
        await using var parts = new LeaseParts();
        Assert.Contains("doesn't answer", (await parts.Service.Status())!.Message, StringComparison.Ordinal);
        parts.Connectivity.RecordAnswer();
        Assert.Null(await parts.Service.Status());

        await parts.FailDisk();
        await Assert.ThrowsAsync<IOException>(parts.Service.Status);
        parts.RepairDisk();
        Assert.Null(await parts.Service.Status());
        Assert.True(parts.Journal.IsHealthy);

        parts.Plane.Identity = null;
        Assert.Contains("isn't enrolled", (await parts.Service.Status())!.Message, StringComparison.Ordinal);
    }

    private static async Task<PodLease> Lease(LeaseParts parts)
    {
        var acquiring = parts.Service.Acquire(new PodLeaseRequest(Holder));
        (await parts.NextRequest("acquire", "a")).Grant();
        return (await acquiring).Value;
    }
}
