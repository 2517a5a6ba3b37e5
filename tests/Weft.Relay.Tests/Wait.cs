namespace Weft.Relay.Tests;

/// <summary>Bounds the waits of a test, so that what never comes fails the test where it waits.</summary>
internal static class Wait
{
    /// <summary>A timeout of the product that must not come while a test runs.</summary>
    public static readonly TimeSpan Never = TimeSpan.FromHours(1);

    /// <summary>A token for one wait: cancelled with the test, or after <see cref="Eventually.Limit"/>.</summary>
    public static CancellationToken Token
    {
        get
        {
            var wait = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            wait.CancelAfter(Eventually.Limit);
            return wait.Token;
        }
    }
}
