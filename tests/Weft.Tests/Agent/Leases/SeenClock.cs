using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace Weft.Tests.Agent.Leases;

/// <summary>A clock that only the test moves, and that says which waits have begun.</summary>
/// <param name="seen">Gets the length of each wait, once it has begun.</param>
/// <param name="untold">Lengths that aren't told.</param>
internal sealed class SeenClock(ChannelWriter<object> seen, params TimeSpan[] untold) : FakeTimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (!untold.Contains(dueTime))
            seen.TryWrite(dueTime);
        return timer;
    }
}
