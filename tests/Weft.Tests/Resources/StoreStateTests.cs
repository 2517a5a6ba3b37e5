using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Resources;

public sealed class StoreStateTests
{
    private static readonly ResourceType Networks = new("Microsoft.NetworkCloud", "l3Networks");

    [Fact]
    public void Lists_RowsOfAPrefixInOrder_AndBehindAKey()
    {
        var state = StoreState.Empty().Next(["b|2", "a|1", "b|1", "b|10", "c|1"], Put);
        Assert.Equal(["b|1", "b|10", "b|2"], state.Range("b|").Select(r => r.Key));
        Assert.Equal(["b|10", "b|2"], state.Range("b|", "b|1").Select(r => r.Key));
        Assert.Equal(["b|10", "b|2"], state.Range("b|", "b|1!").Select(r => r.Key));
        Assert.Empty(state.Range("b|", "b|2"));
        Assert.Empty(state.Range("d|"));
        // A whole key is a prefix, too; the first row of all, and one that stands behind others.
        Assert.Equal(["a|1"], state.Range("a|1").Select(r => r.Key));
        Assert.Equal(["b|1", "b|10"], state.Range("b|1").Select(r => r.Key));
        Assert.Empty(state.Range("a|", "a|1"));
    }

    [Fact]
    public void Keeps_TheOldStateAsItWas()
    {
        var initial = StoreState.Empty().Next(["a|1"], Put);
        var second = initial.Next([Mutation.Remove("a|1"), Mutation.Put("a|2", new JsonObject())]);
        Assert.Equal(("a|1", 1), (Assert.Single(initial.Range("a|")).Key, initial.Revision));
        Assert.Equal(("a|2", 2), (Assert.Single(second.Range("a|")).Key, second.Revision));
    }

    [Fact]
    public void Conflicts_WhereARowThatWasReadHasChanged() =>
        Assert.All(
            Conflicts,
            conflict =>
            {
                var state = StoreState.Empty().Next(["a|1", "b|1"], Put);
                var transaction = new ReadTransaction(state);
                conflict.Read(transaction);
                Assert.True(transaction.ReadSet.IsUnchangedIn(state), conflict.Says);
                Assert.Equal(conflict.Holds, transaction.ReadSet.IsUnchangedIn(state.Next(conflict.Meanwhile)));
            }
        );

    internal static ImmutableArray<(
        string Says,
        Action<ReadTransaction> Read,
        ImmutableArray<Mutation> Meanwhile,
        bool Holds
    )> Conflicts =>
        [
            ("a row was written", s => s.Get("a|1"), [Put("a|1")], false),
            ("a row was removed", s => s.Get("a|1"), [Mutation.Remove("a|1")], false),
            ("a row that wasn't there appeared", s => s.Get("a|9"), [Put("a|9")], false),
            ("another row was written", s => s.Get("a|1"), [Put("a|2"), Put("b|1")], true),
            ("what isn't there was removed", s => s.Get("a|9"), [Mutation.Remove("a|9")], true),
            ("a row came to rows that were looked through", s => s.Range("a"), [Put("a|2")], false),
            ("a row of them was removed", s => s.Range("a"), [Mutation.Remove("a|1")], false),
            ("a row came to others", s => s.Range("a"), [Put("b|2")], true),
            ("what isn't among them was removed", s => s.Range("a"), [Mutation.Remove("a|9")], true),
        ];

    [Theory]
    [InlineData("a|1", false)]
    [InlineData("a|9", false)]
    [InlineData("a|2", true)]
    [InlineData("b|1", true)]
    public void Conflicts_WhereARowThatIsToBeReplacedHasChanged(string meanwhile, bool holds)
    {
        var state = StoreState.Empty().Next(["a|1", "a|2", "b|1"], Put);
        var replaced = ReadSet.FromMutations(state, [Put("a|1"), Put("a|9"), Mutation.Remove("a|1")]);

        Assert.True(replaced.IsUnchangedIn(state));
        Assert.Equal(holds, replaced.IsUnchangedIn(state.Next([Put(meanwhile)])));
    }

    [Fact]
    public void Conflicts_WhereARowIsAddedToAListedPartition()
    {
        var site = TestSite.Small();
        var transaction = new ReadTransaction(site.State);
        Assert.Equal(3, transaction.List(Networks).Count());
        var other = new ReadTransaction(site.State);
        _ = other.List(new ResourceType("Microsoft.NetworkCloud", "l2Networks")).Count();
        site.L3("n3", "user", 603);
        Assert.False(transaction.ReadSet.IsUnchangedIn(site.State));
        Assert.True(other.ReadSet.IsUnchangedIn(site.State));
    }

    [Fact]
    public async Task Refuses_TheSecondOfTwoCommitsThatReadTheSame()
    {
        await using var store = new MemoryStore();
        var transaction = new ReadTransaction(store.Current);
        _ = transaction.List(Networks).Count();
        var mutation = Mutation.Put(TestSite.Id("~c/l3Networks/a"), TestSite.Body("{'id':'~c/l3Networks/a'}"));
        Assert.Equal(1, await store.Commit(transaction.ReadSet, [mutation], TestContext.Current.CancellationToken));
        Assert.Null(
            await store.Commit(
                transaction.ReadSet,
                [Mutation.Put(TestSite.Id("~c/l3Networks/b"), TestSite.Body("{'id':'~c/l3Networks/b'}"))],
                TestContext.Current.CancellationToken
            )
        );
        Assert.Equal(1, store.Current.Count);
    }

    [Fact]
    public void Reads_NothingThatIsBeingDeleted()
    {
        var id = TestSite.Id("~c/l3Networks/a");
        var state = StoreState
            .Empty()
            .Next([Mutation.Put(id, TestSite.Body("{'id':'~c/l3Networks/a','weft':{'state':'Deleting'}}"))]);
        Assert.Null(new ReadTransaction(state).Get(id));
        Assert.Empty(new ReadTransaction(state).List(Networks));
        Assert.NotNull(new ReadTransaction(state).Get(StoreKey.ForResource(id)));
    }

    [Fact]
    public void Finds_NobodyUnderANeighbourWhoseNameBeginsAlike()
    {
        var site = TestSite.Small();
        site.Put("~c/kubernetesClusters/k10", TestSite.Kubernetes(""));
        var pools = new ReadTransaction(site.State).List(
            new ResourceType("Microsoft.NetworkCloud", "kubernetesClusters/agentPools"),
            TestSite.Id("~c/kubernetesClusters/k1")
        );
        Assert.Equal(
            TestSite.Id("~c/kubernetesClusters/k1/agentPools/workers").Key,
            Assert.Single(pools.Select(p => ResourceKind.IdOf(p).Key))
        );
    }

    /// <summary>One value of several partitions, which changes whenever one of them does.</summary>
    [Fact]
    public void Keeps_OneViewOfManyPartitions_UnderItsName()
    {
        MaterializedView count = new(
            p => p is "a" or "b",
            (sum, before, after) => (int)(sum ?? 0) - (before is null ? 0 : 1) + (after is null ? 0 : 1)
        )
        {
            Name = "count",
        };
        MaterializedView ofEach = new(p => p is "a", (sum, _, after) => (int)(sum ?? 0) + (after is null ? -1 : 1));
        var state = StoreState.Empty(count, ofEach).Next(["a|1", "a|2", "b|1", "c|1"], Put);
        Assert.Equal((3, 2, null), (state.View("count"), state.View("a"), state.View("b")));
        var transaction = new ReadTransaction(state);
        _ = transaction.View("count");
        Assert.True(transaction.ReadSet.IsUnchangedIn(state.Next([Put("c|2")])));
        Assert.False(transaction.ReadSet.IsUnchangedIn(state.Next([Mutation.Remove("b|1")])));
        var anew = StoreState.FromRows(state.Revision, state.Range(""), [count, ofEach]);
        Assert.Equal((3, 2), (anew.View("count"), anew.View("a")));
    }

    [Fact]
    public void Computes_TheSameViewRowByRowAsFromAllRows() =>
        Gen.Select(Gen.Int[0, 6], Gen.Bool)
            .Array[0, 40]
            .Sample(steps =>
            {
                MaterializedView sum = new(
                    p => p == "n",
                    (sum, before, after) => (int)(sum ?? 0) - Number(before) + Number(after)
                );
                var state = StoreState.Empty(sum);
                foreach (var ((key, put), i) in steps.Select((s, i) => (s, i)))
                    state = state.Next([
                        put ? Mutation.Put($"n|{key}", new JsonObject { ["n"] = i }) : Mutation.Remove($"n|{key}"),
                        Put($"m|{key}"),
                    ]);
                var anew = StoreState.FromRows(state.Revision, state.Range(""), [sum]);
                Assert.Equal((int)(anew.View("n") ?? 0), (int)(state.View("n") ?? 0));
                Assert.Null(state.View("m"));
            });

    [Fact]
    public void Begins_WithWhatPartitionsKeepInFormsOfTheirOwn()
    {
        var held = new object();
        var packed = ImmutableDictionary<string, object>.Empty.Add("lease:n6", held);
        var state = StoreState.FromRows(7, [new Row("a|1", 3, Json.ToUtf8(new JsonObject()))], [], packed);

        Assert.Same(held, state.View("lease:n6"));
        Assert.Equal(
            (7, 7, 0),
            (state.LastRevisionOf("lease:n6"), state.LastRevisionOf("a"), state.LastRevisionOf("b"))
        );
    }

    [Fact]
    public void Keeps_AReadSetValid_AcrossARestart()
    {
        var state = StoreState.Empty().Next(["a|1"], Put).Next(["b|1"], Put);
        var readSet = new ReadSet(state.Revision, ImmutableDictionary<string, long>.Empty.Add("a|1", 1), ["a", "b"]);
        Assert.True(readSet.IsUnchangedIn(StoreState.FromRows(state.Revision, state.Range(""), [])));
    }

    private static int Number(Row? row) => (int)(row?.Json.Integer("n") ?? 0);

    private static Mutation Put(string key) => Mutation.Put(key, new JsonObject());
}

file static class StoreStateExtensions
{
    public static StoreState Next(this StoreState state, string[] keys, Func<string, Mutation> change) =>
        state.Next(keys.Select(change));
}
