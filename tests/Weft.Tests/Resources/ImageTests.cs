using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Rooms.Resources;

public sealed class ImageTests
{
    private static readonly ResourceType Networks = new("Microsoft.NetworkCloud", "l3Networks");

    [Fact]
    public void Lists_RowsOfAPrefixInOrder_AndBehindAKey()
    {
        var image = Image.Empty().Next(["b|2", "a|1", "b|1", "b|10", "c|1"], Put);
        Assert.Equal(["b|1", "b|10", "b|2"], image.Range("b|").Select(r => r.Key));
        Assert.Equal(["b|10", "b|2"], image.Range("b|", "b|1").Select(r => r.Key));
        Assert.Equal(["b|10", "b|2"], image.Range("b|", "b|1!").Select(r => r.Key));
        Assert.Empty(image.Range("b|", "b|2"));
        Assert.Empty(image.Range("d|"));
    }

    [Fact]
    public void Keeps_TheOldImageAsItWas()
    {
        var first = Image.Empty().Next(["a|1"], Put);
        var second = first.Next([Change.Remove("a|1"), Change.Put("a|2", new JsonObject())]);
        Assert.Equal(("a|1", 1), (Assert.Single(first.Range("a|")).Key, first.Revision));
        Assert.Equal(("a|2", 2), (Assert.Single(second.Range("a|")).Key, second.Revision));
    }

    [Fact]
    public void Conflicts_WhereARowThatWasReadHasChanged() => Assert.All(Conflicts, conflict =>
    {
        var image = Image.Empty().Next(["a|1", "b|1"], Put);
        var seen = new Snapshot(image);
        conflict.Read(seen);
        Assert.True(seen.Seen.StillHolds(image), conflict.Says);
        Assert.Equal(conflict.Holds, seen.Seen.StillHolds(image.Next(conflict.Meanwhile)));
    });

    public static ImmutableArray<(string Says, Action<Snapshot> Read, ImmutableArray<Change> Meanwhile, bool Holds)> Conflicts =>
    [
        ("a row was written", s => s.Get("a|1"), [Put("a|1")], false),
        ("a row was removed", s => s.Get("a|1"), [Change.Remove("a|1")], false),
        ("a row that wasn't there appeared", s => s.Get("a|9"), [Put("a|9")], false),
        ("another row was written", s => s.Get("a|1"), [Put("a|2"), Put("b|1")], true),
        ("what isn't there was removed", s => s.Get("a|9"), [Change.Remove("a|9")], true),
    ];

    [Fact]
    public void Conflicts_WhereARowIsAddedToAListedPartition()
    {
        var site = TestSite.Small();
        var seen = new Snapshot(site.Image);
        Assert.Equal(3, seen.List(Networks).Count());
        var other = new Snapshot(site.Image);
        _ = other.List(new ResourceType("Microsoft.NetworkCloud", "l2Networks")).Count();
        site.L3("n3", "user", 603);
        Assert.False(seen.Seen.StillHolds(site.Image));
        Assert.True(other.Seen.StillHolds(site.Image));
    }

    [Fact]
    public async Task Refuses_TheSecondOfTwoCommitsThatSawTheSame()
    {
        await using var store = new MemoryStore();
        var seen = new Snapshot(store.Current);
        _ = seen.List(Networks).Count();
        var change = Change.Put(TestSite.Id("~c/l3Networks/a"), TestSite.Body("{'id':'~c/l3Networks/a'}"));
        Assert.Equal(1, await store.Commit(seen.Seen, [change], TestContext.Current.CancellationToken));
        Assert.Null(await store.Commit(seen.Seen, [Change.Put(TestSite.Id("~c/l3Networks/b"), TestSite.Body("{'id':'~c/l3Networks/b'}"))], TestContext.Current.CancellationToken));
        Assert.Equal(1, store.Current.Count);
    }

    [Fact]
    public void Sees_NothingThatIsBeingDeleted()
    {
        var id = TestSite.Id("~c/l3Networks/a");
        var image = Image.Empty().Next([Change.Put(id, TestSite.Body("{'id':'~c/l3Networks/a','weft':{'state':'Deleting'}}"))]);
        Assert.Null(new Snapshot(image).Get(id));
        Assert.Empty(new Snapshot(image).List(Networks));
        Assert.NotNull(new Snapshot(image).Get(StoreKey.Of(id)));
    }

    [Fact]
    public void Finds_NobodyUnderANeighbourWhoseNameBeginsAlike()
    {
        var site = TestSite.Small();
        site.Put("~c/kubernetesClusters/k10", TestSite.Kubernetes(""));
        var pools = new Snapshot(site.Image).List(new ResourceType("Microsoft.NetworkCloud", "kubernetesClusters/agentPools"), TestSite.Id("~c/kubernetesClusters/k1"));
        Assert.Equal(TestSite.Id("~c/kubernetesClusters/k1/agentPools/workers").Key, Assert.Single(pools.Select(p => ResourceKind.IdOf(p).Key)));
    }

    [Fact]
    public void Derives_TheSameRowByRowAsFromAllRows() => Gen.Select(Gen.Int[0, 6], Gen.Bool).Array[0, 40].Sample(steps =>
    {
        Fold sum = new(p => p == "n", (sum, before, after) => (int)(sum ?? 0) - Number(before) + Number(after));
        var image = Image.Empty(sum);
        foreach (var ((key, put), i) in steps.Select((s, i) => (s, i)))
            image = image.Next([put ? Change.Put($"n|{key}", new JsonObject { ["n"] = i }) : Change.Remove($"n|{key}"), Put($"m|{key}")]);
        var anew = Image.Of(image.Revision, image.Range(""), [sum]);
        Assert.Equal((int)(anew.Derived("n") ?? 0), (int)(image.Derived("n") ?? 0));
        Assert.Null(image.Derived("m"));
    });

    [Fact]
    public void Holds_AtARestart_WhatWasSeenBeforeIt()
    {
        var image = Image.Empty().Next(["a|1"], Put).Next(["b|1"], Put);
        var seen = new Seen(image.Revision, ImmutableDictionary<string, long>.Empty.Add("a|1", 1), ["a", "b"]);
        Assert.True(seen.StillHolds(Image.Of(image.Revision, image.Range(""), [])));
    }

    private static int Number(Stored? row) => (int)(row?.Json.Whole("n") ?? 0);

    private static Change Put(string key) => Change.Put(key, new JsonObject());
}

file static class ImageExtensions
{
    public static Image Next(this Image image, string[] keys, Func<string, Change> change) => image.Next(keys.Select(change));
}
