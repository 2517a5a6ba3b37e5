using System.Text.Json.Nodes;
using CsCheck;
using Weft.Resources;

namespace Weft.Tests.Resources;

/// <summary>Who names whom is what a look at every row would say.</summary>
public sealed class ReferenceIndexTests
{
    private static readonly ResourceType Thing = new("Weft.Test", "things");
    private readonly MaterializedView _view = ReferenceIndex.CreateView([Thing]);

    [Fact]
    public void Knows_EveryUser_AfterAnyWrites() =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4].Array[0, 4], Gen.Bool)
            .Array[1, 30]
            .Sample(steps =>
            {
                var state = StoreState.Empty(_view);
                foreach (var (user, used, removes) in steps)
                    state = state.Next([removes ? Mutation.Remove(IdOf(user).RowKey) : Named(user, used)]);

                AssertTrue(state);
                AssertTrue(StoreState.FromRows(state.Revision, state.Range(""), [_view]));
            });

    [Fact]
    public void Finds_IdsWhereverTheyStandInProperties_HoweverSpelt()
    {
        var body = Body(0);
        body["properties"] = new JsonObject
        {
            ["one"] = IdOf(1).ToString().ToUpperInvariant(),
            ["list"] = new JsonArray(new JsonObject { ["networkId"] = IdOf(2).ToString()[1..] }),
        };
        body["tags"] = new JsonObject { ["of"] = IdOf(3).ToString() };
        var state = StoreState.Empty(_view).Next([Mutation.Put(IdOf(0), body)]);

        Assert.Equal([IdOf(0)], ReferenceIndex.UsersOf(state, IdOf(1)));
        Assert.Equal([IdOf(0)], ReferenceIndex.UsersOf(state, IdOf(2)));
        Assert.Empty(ReferenceIndex.UsersOf(state, IdOf(3)));
        Assert.Empty(ReferenceIndex.UsersOf(state, IdOf(0)));
    }

    [Fact]
    public void Knows_NothingOfTextsThatAreNoIds()
    {
        var body = Body(0);
        body["properties"] = new JsonObject
        {
            ["empty"] = "",
            ["name"] = "t1",
            ["start"] = "/subscriptions/",
            ["number"] = 7,
            [IdOf(1).ToString()] = "a name, and no value",
        };
        Assert.Empty(StoreState.Empty(_view).Next([Mutation.Put(IdOf(0), body)]).ViewsUnder("uses:"));
    }

    [Fact]
    public void Forgets_AnId_ThatNobodyNamesAnyMore()
    {
        var state = StoreState.Empty(_view).Next([Named(1, [2, 3])]);
        Assert.Equal(2, state.ViewsUnder("uses:").Count());
        Assert.Null(state.View(StoreKey.PartitionOf(Thing)));

        Assert.Single(state.Next([Named(1, [3])]).ViewsUnder("uses:"));
        Assert.Empty(state.Next([Mutation.Remove(IdOf(1).RowKey)]).ViewsUnder("uses:"));
    }

    [Fact]
    public void Changes_NothingForAnId_WhoseUsersStayTheSame()
    {
        var state = StoreState.Empty(_view).Next([Named(1, [2])]);
        var name = Assert.Single(state.ViewsUnder("uses:")).Key;

        Assert.Same(state.VersionOf(name), state.Next([Named(1, [2, 4])]).VersionOf(name));
        Assert.NotSame(state.VersionOf(name), state.Next([Named(3, [2])]).VersionOf(name));
    }

    [Fact]
    public void Refuses_ADecision_OnlyWhereItsOwnUsersHaveChanged()
    {
        var state = StoreState.Empty(_view).Next([Named(1, [2])]);
        var transaction = new ReadTransaction(state);
        _ = ReferenceIndex.UsersOf(transaction, IdOf(2)).ToList();

        Assert.True(transaction.ReadSet.IsUnchangedIn(state.Next([Named(3, [4])])));
        Assert.False(transaction.ReadSet.IsUnchangedIn(state.Next([Named(3, [2])])));
        Assert.False(transaction.ReadSet.IsUnchangedIn(state.Next([Mutation.Remove(IdOf(1).RowKey)])));
    }

    [Fact]
    public void Tracks_TheUsersOfOneId()
    {
        var state = StoreState.Empty(_view).Next([Named(1, [2])]);
        var tracker = new DependencyTracker();
        _ = ReferenceIndex.UsersOf(state.TrackedBy(tracker), IdOf(2)).ToList();

        Assert.True(tracker.IsUnchanged(state, state.Next([Named(3, [4])])));
        Assert.True(tracker.IsUnchanged(state, state.Next([Named(1, [2, 4])])));
        Assert.False(tracker.IsUnchanged(state, state.Next([Named(3, [2])])));
    }

    private static void AssertTrue(StoreState state)
    {
        foreach (var used in Enumerable.Range(0, 5).Select(IdOf))
            Assert.Equal(
                state
                    .Range("")
                    .Where(row => ResourceKind.PropertiesOf(row).Texts("names").Contains(used.ToString()))
                    .Select(ResourceKind.IdOf),
                ReferenceIndex.UsersOf(state, used)
            );
    }

    private static ResourceId IdOf(int i) =>
        ResourceId.Parse($"/subscriptions/s/resourceGroups/G/providers/Weft.Test/things/t{i}").Value;

    private static JsonObject Body(int user) => new() { ["id"] = IdOf(user).ToString() };

    private static Mutation Named(int user, int[] used)
    {
        var body = Body(user);
        body["properties"] = new JsonObject
        {
            ["names"] = new JsonArray([.. used.Select(i => JsonValue.Create(IdOf(i).ToString()))]),
        };
        return Mutation.Put(IdOf(user), body);
    }
}
