using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

public sealed class LeaseTableTests
{
    private readonly LeaseTable _table = new();

    [Fact]
    public void Numbers_Requests_BehindAllThatItHasRead()
    {
        Assert.Equal(1, _table.NextReleaseNumber());
        Assert.Equal(2, _table.NextReleaseNumber());
        Assert.True(_table.Apply(Wanted("a", 7)));
        Assert.Equal(8, _table.NextReleaseNumber());
        Assert.True(_table.Apply(Wanted("b", 3)));
        Assert.Equal(9, _table.NextReleaseNumber());
    }

    [Fact]
    public void Lists_Releases_TheLongestWaitingFirst()
    {
        Assert.True(_table.Apply(Granted("lease")));
        foreach (var (container, want) in new[] { ("b", 2), ("c", 3), ("a", 1) })
            Assert.True(_table.Apply(Wanted(container, want)));
        Assert.Equal(["a", "b", "c"], _table.PendingReleases().Select(holder => holder.ContainerId));
        Assert.Equal(["lease", "a", "b", "c"], _table.Entries().Select(entry => entry.ContainerId));
        Assert.Equal(4, _table.Count);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, null)]
    [InlineData(3, null)]
    public void Ends_ARequest_ByOneThatIsAtLeastAsLate(long met, int? left)
    {
        Assert.True(_table.Apply(Wanted("a", 2)));
        Assert.True(_table.Apply(Entry(JournalEntry.Released, "a") with { Want = met }));
        Assert.Equal(left, _table.ReleaseNumberOf(Holder("a")));
    }

    [Fact]
    public void Ends_ALease_ByARequest_AndGrantsNoneBehindIt()
    {
        Assert.True(_table.Apply(Granted("a")));
        Assert.True(_table.TryGet(Holder("a"), out var lease));
        Assert.Equal("10.20.6.4/24", lease.Addresses[0].Address);
        Assert.True(_table.Apply(Wanted("a", 1)));
        Assert.True(_table.Apply(Granted("a")));
        Assert.False(_table.TryGet(Holder("a"), out _));
        Assert.Equal(1, _table.Count);
    }

    /// <summary>A request is settled by a grant, a refusal or a release, and never stands beside one.</summary>
    [Fact]
    public void Remembers_ARequest_UntilItIsSettled()
    {
        foreach (var settles in (JournalEntry[])[Granted("a"), Entry(JournalEntry.Refused, "a"), Wanted("a", 1)])
        {
            var table = new LeaseTable();
            Assert.True(table.Apply(Entry(JournalEntry.Requested, "a")));
            Assert.True(table.IsRequested(Holder("a")));
            Assert.False(table.TryGet(Holder("a"), out _));
            Assert.Equal([JournalEntry.Requested], table.Entries().Select(entry => entry.Did));
            Assert.Equal(1, table.Count);
            Assert.True(table.Apply(settles));
            Assert.Empty(table.Requests());
            // Behind a lease or a release that isn't met it says nothing new.
            Assert.True(table.Apply(Entry(JournalEntry.Requested, "a")));
            Assert.Equal(settles.Did == JournalEntry.Refused, table.IsRequested(Holder("a")));
        }
    }

    [Fact]
    public void Refuses_WhatTheFormatDoesntKnow()
    {
        var torn = new PodLease([new LeasedAddress("10.20.6")], []);
        JournalEntry[] unknown =
        [
            Granted("a") with
            {
                Network = "n6",
            },
            Granted("a") with
            {
                Lease = null,
            },
            Granted("a") with
            {
                Lease = torn,
            },
            Entry(JournalEntry.ReleaseWanted, "a"),
            Entry(JournalEntry.Released, "a"),
            Entry("forgotten", "a") with
            {
                Want = 1,
            },
        ];
        Assert.All(unknown, entry => Assert.False(_table.Apply(entry)));
        Assert.Equal(0, _table.Count);
    }

    private static LeaseHolder Holder(string container) =>
        new(ResourceId.Parse(AgentHarness.Network).Value, container, "net1");

    private static JournalEntry Entry(string did, string container) =>
        JournalEntry.Create(did, Holder(container), DateTimeOffset.UnixEpoch);

    private static JournalEntry Granted(string container) =>
        Entry(JournalEntry.Granted, container) with
        {
            Lease = new PodLease([new LeasedAddress("10.20.6.4/24")], []),
        };

    private static JournalEntry Wanted(string container, long want) =>
        Entry(JournalEntry.ReleaseWanted, container) with
        {
            Want = want,
        };
}
