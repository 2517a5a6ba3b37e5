using Weft.Resources;

namespace Weft.Tests.Resources;

/// <summary>A commit rings those whom it concerns, and nobody else.</summary>
public sealed class WatcherGroupTests
{
    private readonly WatcherGroup _group = new();

    [Theory]
    [InlineData("t|/a/b", "t|/a/b", true)]
    [InlineData("t|/a/b", "t|/a/b/c", false)]
    [InlineData("t|/a/b", "t|/a/bc", false)]
    [InlineData("t|/a/b", "t|/a", false)]
    [InlineData("t|/a/", "t|/a/b", true)]
    [InlineData("t|/a/", "t|/a", false)]
    [InlineData("t|", "t|/a/b", true)]
    [InlineData("t|", "tt|/a/b", false)]
    [InlineData("", "t|/a/b", true)]
    public void Rings_WhoWatchesWhatIsWritten(string topic, string key, bool rings)
    {
        var watcher = Watch(1, topic);

        _group.Notify(2, [key]);

        Assert.Equal(rings, watcher.Changed.IsCompleted);
    }

    [Fact]
    public void Rings_AtOnce_WhoHasReadAnOlderState()
    {
        _group.Notify(5, ["t|x"]);

        Assert.True(Watch(4, "s|").Changed.IsCompleted);
        Assert.False(Watch(5, "s|").Changed.IsCompleted);
        Assert.False(Watch(6, "s|").Changed.IsCompleted);
        Assert.Equal(2, _group.Find(["s|x"]).Count);
    }

    [Fact]
    public void Finds_AllWhomAChangeWouldConcern_AndRingsNone()
    {
        var (row, type, other) = (Watch(0, "t|a", "s|"), Watch(0, "t|"), Watch(0, "u|"));

        Assert.Equal([row, type], _group.Find(["t|a", "t|b"]).OrderByDescending(watcher => watcher.Topics.Length));

        Assert.DoesNotContain(new[] { row, type, other }, watcher => watcher.Changed.IsCompleted);
    }

    [Fact]
    public void Forgets_WhoWasRungOrWaitsNoLonger()
    {
        var (rung, gone) = (Watch(0, "t|", "s|"), Watch(0, "t|"));

        _group.Remove(gone);
        _group.Notify(1, ["t|a"]);

        Assert.True(rung.Changed.IsCompleted);
        Assert.False(gone.Changed.IsCompleted);
        Assert.Empty(_group.Find(["t|a", "s|a"]));
    }

    private Watcher Watch(long revision, params string[] topics)
    {
        var watcher = new Watcher(topics);
        _group.Add(watcher, revision);
        return watcher;
    }
}
