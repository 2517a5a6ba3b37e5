using Microsoft.Extensions.Time.Testing;
using Weft.Server;
using Weft.Server.Http;

namespace Weft.Tests.Server.Http;

/// <summary>How many plans are made at a time, who waits, and who is sent away.</summary>
public sealed class PlanGateTests
{
    private static readonly PlanLimits Limits = new()
    {
        Running = 2,
        RunningPerPrincipal = 1,
        Waiting = 3,
        WaitingPerPrincipal = 2,
    };

    private readonly FakeTimeProvider _clock = new();
    private readonly PlanGate _gate;

    public PlanGateTests() => _gate = new PlanGate(Limits, _clock);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Leaves_APlaceToOthers_WhoeverAsksForMany()
    {
        var greedy = Enumerable.Range(0, 8).Select(_ => _gate.Enter("reader", Cancel)).ToList();
        Assert.True(greedy[0].IsCompletedSuccessfully);
        // Two wait, five are sent away at once, and others get their place at once.
        Assert.Equal([true, false, false, true, true, true, true, true], greedy.Select(plan => plan.IsCompleted));
        var refusal = (await greedy[^1]).Refusal!;
        Assert.Equal((RefusalCode.TooManyRequests, 5), (refusal.Code, refusal.RetryAfterSeconds));
        using (var other = (await _gate.Enter("owner", Cancel)).Value)
            Assert.Equal(2, _gate.WaitingCount);

        for (var i = 0; i < 3; i++)
            (await greedy[i]).Value.Dispose();
        Assert.Equal(0, _gate.WaitingCount);
    }

    [Fact]
    public async Task Serves_ThoseWhoWait_InTheOrderTheyCame()
    {
        var (a, b) = ((await _gate.Enter("a", Cancel)).Value, (await _gate.Enter("b", Cancel)).Value);
        var (c, again, d) = (_gate.Enter("c", Cancel), _gate.Enter("a", Cancel), _gate.Enter("d", Cancel));
        Assert.NotNull((await _gate.Enter("e", Cancel)).Refusal);
        b.Dispose();
        using var placeOfC = (await c).Value;
        Assert.False(again.IsCompleted);
        a.Dispose();
        using (var placeOfA = (await again).Value)
            Assert.False(d.IsCompleted);
        (await d).Value.Dispose();
    }

    [Fact]
    public async Task Gives_UpAfterItsTime_AndWhenItsCallerLeaves()
    {
        using var gone = new CancellationTokenSource();
        var first = (await _gate.Enter("a", Cancel)).Value;
        var (slow, left) = (_gate.Enter("a", Cancel), _gate.Enter("a", gone.Token));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        Assert.Equal(1, _gate.WaitingCount);
        _clock.Advance(Limits.Patience);
        Assert.Equal(RefusalCode.TooManyRequests, (await slow).Refusal!.Code);
        first.Dispose();
        first.Dispose();
        (await _gate.Enter("a", Cancel)).Value.Dispose();
    }
}
