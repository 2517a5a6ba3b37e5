using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>What every store keeps, whatever it writes to.</summary>
public abstract class StoreConformance : IAsyncLifetime
{
    private static readonly ResourceId Network = ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected IResourceStore Store { get; private set; } = null!;

    /// <summary>A store of this sort without rows.</summary>
    private protected abstract IResourceStore Make();

    [Fact]
    public async Task Reads_WhatWasCommitted()
    {
        var revision = await Put("t|a", 1);

        Assert.Equal(1, revision);
        Assert.Equal(1, Number("t|a"));
        Assert.Equal(revision, Store.Current.Get("t|a")!.Revision);
        Assert.Null(Store.Current.Get("t|b"));
    }

    [Fact]
    public async Task Lists_APartition_InTheOrderOfKeys()
    {
        string[] keys = ["t|b", "t|a", "t|a/b", "t|Z", "t|é", "ta|a", "t|a0", "s|a"];
        foreach (var key in keys)
            _ = await Put(key, 1);

        var listed = Store.Current.Range("t|").Select(row => row.Key).ToList();

        Assert.Equal(keys.Where(k => k.StartsWith("t|", StringComparison.Ordinal)).Order(StringComparer.Ordinal), listed);
        Assert.Equal(listed.Skip(2), Store.Current.Range("t|", listed[1]).Select(row => row.Key));
        Assert.Equal(listed.SkipWhile(k => string.CompareOrdinal(k, "t|a1") < 0), Store.Current.Range("t|", "t|a1").Select(row => row.Key));
        Assert.Empty(Store.Current.Range("t|", "t|ÿ"));
    }

    [Fact]
    public async Task Writes_AllOrNothing()
    {
        _ = await Put("t|old", 1);
        var seen = new Snapshot(Store.Current);
        _ = seen.Get("t|old");
        _ = await Put("t|old", 2);
        var before = Store.Current;

        Assert.Null(await Store.Commit(seen.Seen, [Body("t|x", 1), Body("t|y", 1), Change.Remove("t|old")], Cancel));

        Assert.Same(before, Store.Current);
        Assert.NotNull(await Store.Commit(Seen.Nothing, [Body("t|x", 1), Body("t|y", 2), Change.Remove("t|old")], Cancel));
        Assert.Equal(["t|x", "t|y"], Store.Current.Range("t|").Select(row => row.Key));
    }

    [Fact]
    public async Task Refuses_Commit_WhenSeenRowChanged()
    {
        _ = await Put("t|a", 1);
        await AssertConflict(seen => seen.Get("t|a"), Body("t|a", 2));
    }

    [Fact]
    public async Task Refuses_Commit_WhenRowAppearedThatWasNotThere() => await AssertConflict(seen => seen.Get("t|a"), Body("t|a", 1));

    [Fact]
    public async Task Refuses_Commit_WhenSeenRowVanished()
    {
        _ = await Put("t|a", 1);
        await AssertConflict(seen => seen.Get("t|a"), Change.Remove("t|a"));
    }

    [Fact]
    public async Task Refuses_Commit_WhenRowVanishedAndCameBack()
    {
        _ = await Put("t|a", 1);
        var seen = new Snapshot(Store.Current);
        _ = seen.Get("t|a");
        _ = await Store.Commit(Seen.Nothing, [Change.Remove("t|a")], Cancel);
        _ = await Put("t|a", 1);

        Assert.Null(await Store.Commit(seen.Seen, [Body("t|b", 1)], Cancel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Refuses_Commit_WhenListedPartitionChanged(bool appears)
    {
        var type = L3Network.ResourceType;
        var id = ResourceId.Parse($"{Documents.Cloud}/l3Networks/phantom").Value;
        if (!appears)
            _ = await Store.Commit(Seen.Nothing, [Change.Put(id, new JsonObject { ["id"] = id.ToString() })], Cancel);
        await AssertConflict(seen => seen.List(type).Count(), appears ? Change.Put(id, new JsonObject { ["id"] = id.ToString() }) : Change.Remove(StoreKey.Of(id)));
    }

    [Fact]
    public async Task Takes_Commit_WhenOnlyOtherPartitionsChanged()
    {
        var seen = new Snapshot(Store.Current);
        Assert.Empty(seen.List(L3Network.ResourceType));
        _ = await Put("t|a", 1);

        Assert.NotNull(await Store.Commit(seen.Seen, [Body("t|b", 1)], Cancel));
    }

    [Fact]
    public async Task Counts_Revisions_OnePerCommit()
    {
        for (var i = 1; i <= 20; i++)
            Assert.Equal(i, await Store.Commit(Seen.Nothing, [Body($"t|{i}", i), Body("t|same", i)], Cancel));
        Assert.Equal(20, Store.Current.Revision);
        Assert.Equal(20, Store.Current.LastChange("t"));
        Assert.Equal(0, Store.Current.LastChange("u"));
    }

    [Fact]
    public async Task Answers_Watch_AtOnceWithNewerPicture()
    {
        _ = await Put("t|a", 1);

        var watch = Store.Watch(0, Cancel);

        Assert.True(watch.IsCompleted);
        Assert.Equal(1, (await watch).Revision);
    }

    [Fact]
    public async Task Answers_Watch_WithLaterPicture()
    {
        var watch = Store.Watch(0, Cancel).AsTask();
        Assert.False(watch.IsCompleted);
        _ = await Put("t|a", 1);

        Assert.True((await watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel)).Revision >= 1);
    }

    [Fact]
    public async Task Answers_Watch_WhenManyRevisionsPassedOver()
    {
        var watch = Store.Watch(9, Cancel).AsTask();
        for (var i = 0; i < 9; i++)
            _ = await Put("t|a", i);
        Assert.False(watch.IsCompleted);
        for (var i = 0; i < 30; i++)
            _ = await Put("t|a", i);

        Assert.InRange((await watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel)).Revision, 10, 39);
    }

    [Fact]
    public async Task Ends_Watch_WhenCanceled()
    {
        using var stop = new CancellationTokenSource();
        var watch = Store.Watch(0, stop.Token).AsTask();
        await stop.CancelAsync();

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
    }

    [Fact]
    public async Task Loses_Nothing_WhenManyCountOnOneRow()
    {
        const int Tasks = 64, Each = 5;
        await Task.WhenAll(Enumerable.Range(0, Tasks).Select(_ => Task.Run(async () =>
        {
            for (var done = 0; done < Each;)
            {
                var seen = new Snapshot(Store.Current);
                var next = seen.Get("t|counter") is { } row ? (long)row.Json.Whole("n")! + 1 : 1;
                if (await Store.Commit(seen.Seen, [Body("t|counter", next)], Cancel) is not null)
                    done++;
            }
        })));

        Assert.Equal(Tasks * Each, Number("t|counter"));
        Assert.Equal(Tasks * Each, Store.Current.Revision);
    }

    [Fact]
    public async Task Shows_Commit_AsSoonAsItIsAnswered()
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(async () =>
        {
            var revision = await Put($"t|{i}", i);
            Assert.True(Store.Current.Revision >= revision);
            Assert.Equal(i, Number($"t|{i}"));
        })));
    }

    [Fact]
    public async Task Removes_Row_AndRemovingNothingIsNoFault()
    {
        _ = await Put("t|a", 1);

        Assert.NotNull(await Store.Commit(Seen.Nothing, [Change.Remove("t|a"), Change.Remove("t|never")], Cancel));

        Assert.Null(Store.Current.Get("t|a"));
        Assert.Empty(Store.Current.Range("t|"));
        Assert.Equal(2, Store.Current.LastChange("t"));
    }

    [Fact]
    public async Task Keeps_LargeValue()
    {
        var text = string.Concat(Enumerable.Range(0, 400_000).Select(i => "äß∂x"[i % 4]));
        _ = await Store.Commit(Seen.Nothing, [Change.Put("t|large", new JsonObject { ["text"] = text })], Cancel);

        Assert.Equal(text, Store.Current.Get("t|large")!.Json.Text("text"));
    }

    [Fact]
    public async Task Refuses_CommitOfNothing() =>
        _ = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Store.Commit(Seen.Nothing, [], Cancel));

    [Fact]
    public async Task Takes_LastChange_WhenKeyIsThereTwice()
    {
        _ = await Store.Commit(Seen.Nothing, [Body("t|a", 1), Change.Remove("t|a"), Body("t|a", 3)], Cancel);

        Assert.Equal(3, Number("t|a"));
    }

    [Fact]
    public async Task Derives_SameHoldings_AsRebuiltOnes()
    {
        var operation = Gen.Select(Gen.Int[0, 40], Gen.Int[0, 12], Gen.Bool);
        await operation.Array[1, 30].Array[1, 20].SampleAsync(async commits =>
        {
            foreach (var commit in commits)
                _ = await Store.Commit(Seen.Nothing, [.. commit.Select(o => o.Item3 ? Take(o.Item1, o.Item2) : Change.Remove(NetworkPool.KeyOf(Network, AddressOf(o.Item1))))], Cancel);
            AssertDerived(Store.Current);
        }, iter: 30, threads: 1);
    }

    public ValueTask InitializeAsync()
    {
        Store = Make();
        return ValueTask.CompletedTask;
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Replaces the store by another one of its rows.</summary>
    private protected async Task Reopen(Func<IResourceStore> open)
    {
        await Store.DisposeAsync();
        Store = open();
    }

    private protected static Change Body(string key, long number) => Change.Put(key, new JsonObject { ["n"] = number });

    private protected ValueTask<long?> Put(string key, long number) => Store.Commit(Seen.Nothing, [Body(key, number)], Cancel);

    private protected long? Number(string key) => Store.Current.Get(key)?.Json.Whole("n");

    private protected static Change Take(int address, int holder)
    {
        var lease = new Lease(AddressOf(address), new Holder(holder.ToString(CultureInfo.InvariantCulture), "pod"), LeaseMethod.Dynamic, "2026-11-22T10:00:00Z");
        return Change.Put(NetworkPool.KeyOf(Network, lease.Address), lease.ToJson());
    }

    private protected static void AssertDerived(Image image)
    {
        var derived = NetworkPool.HoldingsOf(image, Network);
        var rows = image.Range($"{NetworkPool.PartitionOf(Network)}|").Select(NetworkPool.LeaseOf).ToImmutableArray();
        var rebuilt = rows.Aggregate(Holdings.Empty, (held, lease) => held.With(lease));
        Assert.Equal(rows.OrderBy(l => l.Address), derived.Leases.OrderBy(l => l.Address));
        foreach (var family in Enum.GetValues<AddressFamily>())
            Assert.Equal(rebuilt.Count(family), derived.Count(family));
        foreach (var holder in rows.Select(l => l.Holder.Id).Distinct())
            Assert.Equal(rebuilt.Of(holder), derived.Of(holder));
        Assert.Equal(rebuilt.FirstFree(AddressOf(0), AddressOf(40)), derived.FirstFree(AddressOf(0), AddressOf(40)));
    }

    private static Address AddressOf(int number) => new(AddressFamily.IPv4, (UInt128)(0x0a140600 + number));

    private async Task AssertConflict<T>(Func<Snapshot, T> look, Change meanwhile)
    {
        var seen = new Snapshot(Store.Current);
        _ = look(seen);
        _ = await Store.Commit(Seen.Nothing, [meanwhile], Cancel);
        var before = Store.Current;

        Assert.Null(await Store.Commit(seen.Seen, [Body("t|decision", 1)], Cancel));
        Assert.Same(before, Store.Current);
    }
}
