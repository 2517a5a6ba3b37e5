using Microsoft.Extensions.Time.Testing;

namespace Weft.Tests.Server.Leases;

/// <summary>A time that a test moves on, and a time of day that may step without it: timestamps don't.</summary>
internal sealed class SteppedTime() : FakeTimeProvider(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero))
{
    private TimeSpan _stepped;

    /// <summary>The machine's clock is set.</summary>
    public void Step(TimeSpan by) => _stepped += by;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _stepped;

    /// <inheritdoc/>
    public override long GetTimestamp() => base.GetUtcNow().Ticks;
}
