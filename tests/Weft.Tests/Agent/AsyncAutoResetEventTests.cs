using Microsoft.Extensions.Time.Testing;
using Weft.Agent;

namespace Weft.Tests.Agent;

public sealed class AsyncAutoResetEventTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Releases_OneWait_HoweverOftenItWasSet()
    {
        var wakeUp = new AsyncAutoResetEvent(new FakeTimeProvider());
        wakeUp.Set();
        wakeUp.Set();
        await wakeUp.Wait(Cancel);
        var next = wakeUp.Wait(Cancel);
        Assert.False(next.IsCompleted);
        wakeUp.Set();
        await next;
    }

    [Fact]
    public async Task Keeps_WhatWasSet_ForTheNextWait_AfterOneThatWasGivenUp()
    {
        var wakeUp = new AsyncAutoResetEvent(new FakeTimeProvider());
        using var over = new CancellationTokenSource();
        var given = wakeUp.Wait(over.Token);
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        wakeUp.Set();
        await wakeUp.Wait(Cancel);
    }

    [Fact]
    public async Task Ends_ATimedWait_WhenTheTimeIsOver_AndIsNotSetByIt()
    {
        var clock = new FakeTimeProvider();
        var wakeUp = new AsyncAutoResetEvent(clock);
        var timed = wakeUp.Wait(Hour, Cancel);
        Assert.False(timed.IsCompleted);
        clock.Advance(Hour);
        await timed;
        Assert.False(wakeUp.Wait(Cancel).IsCompleted);
    }

    [Fact]
    public async Task Ends_ATimedWait_ByBeingSet_WhateverTheTime()
    {
        var wakeUp = new AsyncAutoResetEvent(new FakeTimeProvider());
        var forEver = wakeUp.Wait(null, Cancel);
        wakeUp.Set();
        await forEver;
        wakeUp.Set();
        await wakeUp.Wait(Hour, Cancel);
    }

    [Fact]
    public async Task Throws_WhereATimedWaitIsCancelled()
    {
        using var over = new CancellationTokenSource();
        var timed = new AsyncAutoResetEvent(new FakeTimeProvider()).Wait(Hour, over.Token);
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => timed);
    }
}
