using System.Runtime.Versioning;
using Weft.Agent.Leases;

namespace Weft.Tests.Agent.Leases;

[SupportedOSPlatform("linux")]
public sealed class KeyedLockTests
{
    private readonly KeyedLock _locks = new();

    [Fact]
    public void Gives_OneEntryToAll_UntilTheLastOneClosesIt()
    {
        var first = _locks.Open(LeaseParts.HolderOf("a"));
        var second = _locks.Open(LeaseParts.HolderOf("a"));
        Assert.Same(first, second);
        Assert.Equal(2, first.Users);
        first.Dispose();
        using (var third = _locks.Open(LeaseParts.HolderOf("a")))
            Assert.Same(second, third);
        second.Dispose();
        using var next = _locks.Open(LeaseParts.HolderOf("a"));
        Assert.NotSame(second, next);
        Assert.Equal(1, next.Users);

        // Nobody is left who could wait for it.
        Assert.Throws<ObjectDisposedException>(() => second.TryEnter());
    }

    [Fact]
    public async Task Gives_TheTurn_ToOne()
    {
        using var entry = _locks.Open(LeaseParts.HolderOf("a"));
        using var other = _locks.Open(LeaseParts.HolderOf("b"));
        Assert.True(entry.TryEnter());
        Assert.False(entry.TryEnter());
        Assert.True(other.TryEnter());
        var waiting = entry.Enter(TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        entry.Exit();
        await waiting;
    }

    [Fact]
    public void Counts_HowOftenItsHolderIsGone()
    {
        _locks.MarkReleased(LeaseParts.HolderOf("a"));
        using var entry = _locks.Open(LeaseParts.HolderOf("a"));
        using var other = _locks.Open(LeaseParts.HolderOf("b"));
        Assert.Equal(0, entry.ReleaseCount);
        _locks.MarkReleased(LeaseParts.HolderOf("a"));
        _locks.MarkReleased(LeaseParts.HolderOf("a"));
        Assert.Equal((2, 0), (entry.ReleaseCount, other.ReleaseCount));
    }
}
