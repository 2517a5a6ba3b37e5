using System.Globalization;
using System.Net.WebSockets;

namespace Weft.Relay.Tests.Server;

/// <summary>Alone in its process while it runs: what others hold on the heap would count as left behind.</summary>
[CollectionDefinition(nameof(ChurnTests), DisableParallelization = true)]
[Collection(nameof(ChurnTests))]
public sealed class ChurnTests
{
    /// <summary>
    /// Runs differ by some ten KiB; pools have buffers of up to 128 KiB, and how many of them depends on who ran beside
    /// whom. A session that stays behind holds some KiB: 2,000 of them are many times this.
    /// </summary>
    private const long Tolerance = 1024 * 1024;

    [Fact]
    public async Task Leaves_NothingBehindAfterThousands()
    {
        var rounds = int.TryParse(
            Environment.GetEnvironmentVariable("WEFT_RELAY_CHURN"),
            CultureInfo.InvariantCulture,
            out var asked
        )
            ? asked
            : 2000;
        await using var relay = await LiveRelay.Start();
        relay.Audit.DiscardsEvents = true;
        await using var listener = await relay.Listen();
        var echo = EchoAll(listener);
        await Churn(relay, 500);
        var before = await WaitUntilIdle(relay, _ => true);
        await Churn(relay, rounds);
        var after = await WaitUntilIdle(
            relay,
            now => now.Descriptors <= before.Descriptors + 5 && now.Heap <= before.Heap + Tolerance
        );
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{rounds} sessions: descriptors {before.Descriptors} to {after.Descriptors}, "
                    + $"heap {before.Heap / 1024.0:0} to {after.Heap / 1024.0:0} KiB"
            )
        );
        Assert.Equal((1, 0, 0, 0, 1), relay.Relay.ResourceCounts);
        Assert.InRange(after.Descriptors, 0, before.Descriptors + 5);
        Assert.InRange(after.Heap, 0, before.Heap + Tolerance);
        Assert.Equal(rounds + 500, relay.Relay.GetStatus().Totals.Sessions);
        await listener.Control.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await echo.WaitAsync(Wait.Token);
    }

    /// <summary>
    /// What is held when everybody has gone, and those timers have run out that wait for somebody's answer.
    /// </summary>
    private static async Task<(int Descriptors, long Heap)> WaitUntilIdle(
        LiveRelay relay,
        Func<(int Descriptors, long Heap), bool> isLow
    )
    {
        await relay.WaitUntilEmpty(1, 1);
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; ; i++)
        {
            await Task.Delay(1500, TestContext.Current.CancellationToken);
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            var now = (
                Directory.GetFileSystemEntries("/proc/self/fd").Length,
                GC.GetTotalMemory(forceFullCollection: false)
            );
            if (i >= 4 && (isLow(now) || TimeProvider.System.GetElapsedTime(began) > Eventually.Limit))
                return now;
        }
    }

    /// <summary>Accepts whoever comes, and keeps nobody.</summary>
    private static async Task EchoAll(LiveListener listener)
    {
        while (await listener.Next(Timeout.InfiniteTimeSpan) is { } message)
            _ = Echo(LiveListener.Address(message));

        async Task Echo(string address)
        {
            try
            {
                using var socket = await listener.Dial(address);
                await LiveListener.Echo(socket);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
            {
                // Every third sender breaks off.
            }
        }
    }

    private static Task Churn(LiveRelay relay, int rounds) =>
        Parallel.ForEachAsync(
            Enumerable.Range(0, rounds),
            new ParallelOptions
            {
                MaxDegreeOfParallelism = 16,
                CancellationToken = TestContext.Current.CancellationToken,
            },
            async (i, cancel) =>
            {
                using var sender = await relay.Send();
                await sender.SendAsync(new byte[64], WebSocketMessageType.Binary, true, cancel);
                await LiveListener.Read(sender);
                if (i % 3 == 0)
                    sender.Abort();
                else
                    await sender.CloseAsync(WebSocketCloseStatus.NormalClosure, "", cancel);
            }
        );
}
