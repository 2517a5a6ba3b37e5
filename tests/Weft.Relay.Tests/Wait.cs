using System.Runtime.CompilerServices;

namespace Weft.Relay.Tests;

/// <summary>Bounds every wait of a test, so that what never comes fails the test where it waits.</summary>
internal static class Wait
{
    /// <summary>Far beyond what anything here takes, because a loaded machine is no failure.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>A timeout of the product that must not come while a test runs.</summary>
    public static readonly TimeSpan Never = TimeSpan.FromHours(1);

    /// <summary>A token for one wait: cancelled with the test, or after <see cref="Limit"/>.</summary>
    public static CancellationToken Token
    {
        get
        {
            var wait = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            wait.CancelAfter(Limit);
            return wait.Token;
        }
    }

    /// <summary>Waits for what nothing announces.</summary>
    public static async Task Until(Func<bool> isSo, [CallerArgumentExpression(nameof(isSo))] string what = "")
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"waited too long until {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
