using System.Diagnostics;

namespace Weft.Relay.Testing;

/// <summary>Waits for what nothing announces, such as a file, and says what it waited for when that never comes.</summary>
internal static class Eventually
{
    /// <summary>Far beyond what anything here takes, because a loaded machine is no failure.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    public static Task Holds(Func<bool> holds, string what, Func<string>? otherwise = null) =>
        Holds(() => Task.FromResult(holds()), what, otherwise is null ? null : () => Task.FromResult(otherwise()));

    /// <param name="otherwise">What to tell beside, when it never came true.</param>
    public static async Task Holds(Func<Task<bool>> holds, string what, Func<Task<string>>? otherwise = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await holds())
        {
            if (clock.Elapsed > Limit)
            {
                var told = otherwise is null ? "" : $"; {await otherwise()}";
                Assert.Fail($"waited {Limit.TotalSeconds:F0} s for what never came: {what}{told}");
            }

            await Task.Delay(Interval, TestContext.Current.CancellationToken);
        }
    }
}
