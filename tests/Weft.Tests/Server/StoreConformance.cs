using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>What every store keeps, whatever it writes to.</summary>
public abstract class StoreConformance : IAsyncLifetime
{
    private static readonly ResourceId Cluster = ResourceId.Parse($"{Documents.Cloud}/kubernetesClusters/K1").Value;
    private static readonly ResourceId Network = ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected IResourceStore Store { get; private set; } = null!;

    /// <summary>A store of this sort without rows.</summary>
    private protected abstract IResourceStore CreateStore();

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

        Assert.Equal(
            keys.Where(k => k.StartsWith("t|", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            listed
        );
        Assert.Equal(listed.Skip(2), Store.Current.Range("t|", listed[1]).Select(row => row.Key));
        Assert.Equal(
            listed.SkipWhile(k => string.CompareOrdinal(k, "t|a1") < 0),
            Store.Current.Range("t|", "t|a1").Select(row => row.Key)
        );
        Assert.Empty(Store.Current.Range("t|", "t|ÿ"));
    }

    [Fact]
    public async Task Writes_AllOrNothing()
    {
        _ = await Put("t|old", 1);
        var transaction = new ReadTransaction(Store.Current);
        _ = transaction.Get("t|old");
        _ = await Put("t|old", 2);
        var before = Store.Current;

        Assert.Null(
            await Store.Commit(transaction.ReadSet, [Body("t|x", 1), Body("t|y", 1), Mutation.Remove("t|old")], Cancel)
        );

        Assert.Same(before, Store.Current);
        Assert.NotNull(
            await Store.Commit(ReadSet.Empty, [Body("t|x", 1), Body("t|y", 2), Mutation.Remove("t|old")], Cancel)
        );
        Assert.Equal(["t|x", "t|y"], Store.Current.Range("t|").Select(row => row.Key));
    }

    [Fact]
    public async Task Refuses_Commit_WhenSeenRowChanged()
    {
        _ = await Put("t|a", 1);
        await AssertConflict(transaction => transaction.Get("t|a"), Body("t|a", 2));
    }

    [Fact]
    public async Task Refuses_Commit_WhenRowAppearedThatWasNotThere() =>
        await AssertConflict(transaction => transaction.Get("t|a"), Body("t|a", 1));

    [Fact]
    public async Task Refuses_Commit_WhenSeenRowVanished()
    {
        _ = await Put("t|a", 1);
        await AssertConflict(transaction => transaction.Get("t|a"), Mutation.Remove("t|a"));
    }

    [Fact]
    public async Task Refuses_Commit_WhenRowVanishedAndCameBack()
    {
        _ = await Put("t|a", 1);
        var transaction = new ReadTransaction(Store.Current);
        _ = transaction.Get("t|a");
        _ = await Store.Commit(ReadSet.Empty, [Mutation.Remove("t|a")], Cancel);
        _ = await Put("t|a", 1);

        Assert.Null(await Store.Commit(transaction.ReadSet, [Body("t|b", 1)], Cancel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Refuses_Commit_WhenListedPartitionChanged(bool appears)
    {
        var type = L3Network.ResourceType;
        var id = ResourceId.Parse($"{Documents.Cloud}/l3Networks/phantom").Value;
        if (!appears)
            _ = await Store.Commit(
                ReadSet.Empty,
                [Mutation.Put(id, new JsonObject { ["id"] = id.ToString() })],
                Cancel
            );
        await AssertConflict(
            transaction => transaction.List(type).Count(),
            appears
                ? Mutation.Put(id, new JsonObject { ["id"] = id.ToString() })
                : Mutation.Remove(StoreKey.ForResource(id))
        );
    }

    [Fact]
    public async Task Accepts_Commit_WhenOnlyOtherPartitionsChanged()
    {
        var transaction = new ReadTransaction(Store.Current);
        Assert.Empty(transaction.List(L3Network.ResourceType));
        _ = await Put("t|a", 1);

        Assert.NotNull(await Store.Commit(transaction.ReadSet, [Body("t|b", 1)], Cancel));
    }

    [Fact]
    public async Task Counts_Revisions_OnePerCommit()
    {
        for (var i = 1; i <= 20; i++)
            Assert.Equal(i, await Store.Commit(ReadSet.Empty, [Body($"t|{i}", i), Body("t|same", i)], Cancel));
        Assert.Equal(20, Store.Current.Revision);
        Assert.Equal(20, Store.Current.LastRevisionOf("t"));
        Assert.Equal(0, Store.Current.LastRevisionOf("u"));
    }

    [Fact]
    public async Task Returns_FromWatch_AtOnceWithNewerState()
    {
        _ = await Put("t|a", 1);

        var watch = Store.Watch(0, ["t|"], Cancel);

        Assert.True(watch.IsCompleted);
        Assert.Equal(1, (await watch).Revision);
    }

    [Fact]
    public async Task Returns_FromWatch_WithLaterState()
    {
        var watch = Store.Watch(0, ["t|"], Cancel).AsTask();
        Assert.False(watch.IsCompleted);
        _ = await Put("t|a", 1);

        Assert.True((await watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel)).Revision >= 1);
    }

    [Fact]
    public async Task Returns_FromWatch_WhenManyRevisionsPassedOver()
    {
        var watch = Store.Watch(9, ["t|"], Cancel).AsTask();
        for (var i = 0; i < 9; i++)
            _ = await Put("t|a", i);
        Assert.False(watch.IsCompleted);
        for (var i = 0; i < 30; i++)
            _ = await Put("t|a", i);

        Assert.InRange((await watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel)).Revision, 10, 39);
    }

    [Fact]
    public async Task Wakes_OnlyThoseWhomACommitConcerns()
    {
        _ = await Put("t|/a", 1);
        var mine = new Watcher(["t|/a"]);
        var others = new Watcher(["t|/b", "s|"]);
        Store.Watchers.Add(mine, Store.Current.Revision);
        Store.Watchers.Add(others, Store.Current.Revision);

        _ = await Store.Commit(ReadSet.Empty, [Mutation.Remove("t|/a")], Cancel);
        Assert.True(mine.Changed.IsCompleted);
        Assert.False(others.Changed.IsCompleted);

        _ = await Put("s|x", 1);
        Assert.True(others.Changed.IsCompleted);
    }

    [Fact]
    public async Task Ends_Watch_WhenCanceled()
    {
        using var stop = new CancellationTokenSource();
        var watch = Store.Watch(0, ["t|"], stop.Token).AsTask();
        await stop.CancelAsync();

        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            watch.WaitAsync(TimeSpan.FromSeconds(10), Cancel)
        );
    }

    [Fact]
    public async Task Loses_Nothing_WhenManyCountOnOneRow()
    {
        const int Tasks = 64,
            Each = 5;
        await Task.WhenAll(
            Enumerable
                .Range(0, Tasks)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        for (var done = 0; done < Each; )
                        {
                            var transaction = new ReadTransaction(Store.Current);
                            var next = transaction.Get("t|counter") is { } row ? (long)row.Json.Integer("n")! + 1 : 1;
                            if (await Store.Commit(transaction.ReadSet, [Body("t|counter", next)], Cancel) is not null)
                                done++;
                        }
                    })
                )
        );

        Assert.Equal(Tasks * Each, Number("t|counter"));
        Assert.Equal(Tasks * Each, Store.Current.Revision);
    }

    [Fact]
    public async Task Shows_Commit_AsSoonAsItIsAnswered()
    {
        await Task.WhenAll(
            Enumerable
                .Range(0, 64)
                .Select(i =>
                    Task.Run(async () =>
                    {
                        var revision = await Put($"t|{i}", i);
                        Assert.True(Store.Current.Revision >= revision);
                        Assert.Equal(i, Number($"t|{i}"));
                    })
                )
        );
    }

    [Fact]
    public async Task Removes_Row_AndRemovingNothingIsNoFault()
    {
        _ = await Put("t|a", 1);

        Assert.NotNull(await Store.Commit(ReadSet.Empty, [Mutation.Remove("t|a"), Mutation.Remove("t|never")], Cancel));

        Assert.Null(Store.Current.Get("t|a"));
        Assert.Empty(Store.Current.Range("t|"));
        Assert.Equal(2, Store.Current.LastRevisionOf("t"));
    }

    [Fact]
    public async Task Keeps_LargeValue()
    {
        var text = string.Concat(Enumerable.Range(0, 400_000).Select(i => "äß∂x"[i % 4]));
        _ = await Store.Commit(ReadSet.Empty, [Mutation.Put("t|large", new JsonObject { ["text"] = text })], Cancel);

        Assert.Equal(text, Store.Current.Get("t|large")!.Json.Text("text"));
    }

    [Fact]
    public async Task Refuses_CommitOfNothing() =>
        _ = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () =>
            await Store.Commit(ReadSet.Empty, [], Cancel)
        );

    [Fact]
    public async Task Applies_LastMutation_WhenKeyIsThereTwice()
    {
        _ = await Store.Commit(ReadSet.Empty, [Body("t|a", 1), Mutation.Remove("t|a"), Body("t|a", 3)], Cancel);

        Assert.Equal(3, Number("t|a"));
    }

    [Fact]
    public async Task Derives_SameView_AsARebuiltOne()
    {
        var operation = Gen.Select(Gen.Int[0, 40], Gen.Int[0, 12], Gen.Bool);
        await operation
            .Array[1, 30]
            .Array[1, 20]
            .SampleAsync(
                async commits =>
                {
                    foreach (var commit in commits)
                        _ = await Store.Commit(
                            ReadSet.Empty,
                            [
                                .. TestLeases.Change(
                                    Store.Current,
                                    Network,
                                    commit.Select(o => (AddressOf(o.Item1), o.Item3 ? LeaseOf(o.Item1, o.Item2) : null))
                                ),
                                Body("t|a", 1),
                            ],
                            Cancel
                        );
                    AssertDerived(Store.Current);
                },
                iter: 30,
                threads: 1
            );
    }

    public ValueTask InitializeAsync()
    {
        Store = CreateStore();
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

    private protected static Mutation Body(string key, long number) =>
        Mutation.Put(key, new JsonObject { ["n"] = number });

    private protected ValueTask<long?> Put(string key, long number) =>
        Store.Commit(ReadSet.Empty, [Body(key, number)], Cancel);

    private protected long? Number(string key) => Store.Current.Get(key)?.Json.Integer("n");

    private protected Mutation[] LeaseMutations(int address, int holder) =>
        TestLeases.Put(Store.Current, Network, LeaseOf(address, holder));

    private static Lease LeaseOf(int address, int holder) =>
        new(
            AddressOf(address),
            holder % 2 == 0
                ? new Holder(holder.ToString(CultureInfo.InvariantCulture), "pod")
                : AddressClaims.PodHolderOf(Cluster, $"{holder:d64}", "net1", $"core/pod-{holder}", "w1"),
            LeaseMethod.Dynamic,
            "2026-11-22T10:00:00.0000001Z"
        );

    private protected static void AssertDerived(StoreState state)
    {
        var derived = NetworkPool.HoldingsOf(state, Network);
        var rows = derived.Leases.ToImmutableArray();
        var rebuilt = rows.Aggregate(Holdings.Empty, (held, lease) => held.With(lease));
        Assert.Equal(rows, derived.All.SelectMany(holding => holding.Leases).OrderBy(l => l.Address));
        foreach (var family in Enum.GetValues<AddressFamily>())
            Assert.Equal(rebuilt.Count(family), derived.Count(family));
        foreach (var holder in rows.Select(l => l.Holder.Id).Distinct())
            Assert.Equal(rebuilt.LeasesOf(holder), derived.LeasesOf(holder));
        // What was given up rests; what rests isn't free.
        for (var i = 0; i <= 40; i++)
        {
            var isFree = derived.FirstFree(AddressOf(i), AddressOf(i)) is not null;
            Assert.Equal(isFree, rebuilt.At(AddressOf(i)) is null && derived.RestAt(AddressOf(i)) is null);
        }
    }

    private static Address AddressOf(int number) => new(AddressFamily.IPv4, (UInt128)(0x0a140600 + number));

    private async Task AssertConflict<T>(Func<ReadTransaction, T> look, Mutation meanwhile)
    {
        var transaction = new ReadTransaction(Store.Current);
        _ = look(transaction);
        _ = await Store.Commit(ReadSet.Empty, [meanwhile], Cancel);
        var before = Store.Current;

        Assert.Null(await Store.Commit(transaction.ReadSet, [Body("t|decision", 1)], Cancel));
        Assert.Same(before, Store.Current);
    }
}
