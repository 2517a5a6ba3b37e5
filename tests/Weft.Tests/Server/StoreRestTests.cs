using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Storage;
using Weft.Tests.Server.Leases;

namespace Weft.Tests.Server;

/// <summary>What rests, and who had what, in the file.</summary>
public sealed class StoreRestTests : IDisposable
{
    private const string Lowest = "'choice':'Lowest'";

    private readonly StoreFolder _folder = new();
    private readonly SteppedTime _time = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>However long weftd was away, and whatever the machine's clock says then.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(86_400)]
    [InlineData(-86_400)]
    public async Task Knows_WhatRests_AfterAStart(int away)
    {
        await using (var site = await Open())
        {
            foreach (var container in (string[])["a", "b"])
                await site.Acquire(container);
            await site.Release("a");
            _time.Advance(TimeSpan.FromSeconds(20));
            await site.Release("b");
        }

        _time.Step(TimeSpan.FromSeconds(away));
        await using var again = await Open();
        Assert.Equal(2, again.Usage.Cooling);
        Assert.Equal((40_000, 60_000), again.Usage.CoolingFor);
        Assert.Equal("10.20.6.6", await again.Acquire("c"));

        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal("10.20.6.4", await again.Acquire("d"));
        Assert.Equal("10.20.6.7", await again.Acquire("e"));
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("10.20.6.5", await again.Acquire("f"));
    }

    [Fact]
    public async Task Goes_On_FromWhereItStopped()
    {
        await using (var site = await Open())
        {
            await site.Acquire("a");
            await site.Release("a");
            _time.Advance(TimeSpan.FromSeconds(50));
        }

        await using var again = await Open();
        Assert.Equal((10_000, 10_000), again.Usage.CoolingFor);
    }

    [Fact]
    public async Task Forgets_ARest_WhoseAddressIsHeldAgain()
    {
        await using (var site = await Open())
        {
            await site.Acquire("a", "core/upf-0");
            await site.Release("a");
            Assert.Equal("10.20.6.4", await site.Acquire("b", "core/upf-0"));
        }

        await using var again = await Open();
        Assert.Equal((1, 0), (again.Usage.Held, again.Usage.Cooling));
    }

    [Fact]
    public async Task Keeps_AnAddressForItsOwner_OverAStart()
    {
        const string Sticky = Lowest + ",'coolDownSeconds':5,'stickyPods':['core/upf-*']";
        await using (var site = await Open(Sticky))
        {
            await site.Acquire("a", "core/upf-0");
            await site.Release("a");
            _time.Advance(TimeSpan.FromSeconds(1_000));
            await site.Acquire("x");
            await site.Release("x");
        }

        await using var again = await Open(Sticky);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("10.20.6.5", await again.Acquire("b"));
        Assert.Equal("10.20.6.4", await again.Acquire("c", "core/upf-0"));
    }

    [Fact]
    public async Task Keeps_TwoHolders_OverAStart()
    {
        await using (var site = await Open())
        {
            await site.Acquire("a", "vms/a", "vms/db");
            await site.Acquire("b", "vms/b", "vms/db", "w2");
        }

        await using var again = await Open();
        Assert.Equal("10.20.6.4", await again.Acquire("b", "vms/b", "vms/db", "w2"));
        await again.Release("a");
        Assert.Equal("w2", again.Holdings.All.Single().Node);
    }

    [Fact]
    public async Task Keeps_History_WithinItsBounds()
    {
        var settings = new StoreSettings { HistoryPerAddress = 3 };
        await using (var site = await Open(Lowest + ",'coolDownSeconds':0", settings))
        {
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal("10.20.6.4", await site.Acquire($"c{i}", $"core/pod-{i}"));
                _time.Advance(TimeSpan.FromMinutes(1));
                await site.Release($"c{i}");
                _time.Advance(TimeSpan.FromMinutes(1));
            }

            var history = HistoryOf(site, AllocatorSite.Network.Key, Address.Parse("10.20.6.4").Value);
            Assert.Equal(["core/pod-4", "core/pod-3", "core/pod-2"], history.Select(ended => ended.Lease.Holder.Pod));
            Assert.Equal(new DateTimeOffset(2026, 11, 22, 10, 9, 0, TimeSpan.Zero), history[0].Ended);
            Assert.Equal("2026-11-22T10:08:00.0000000Z", history[0].Lease.Since);
            Assert.Equal(
                history.Select(ended => ended.Ended),
                HistoryOf(site, AllocatorSite.Network.Key, Address.Parse("fd20:0:0:606::4").Value)
                    .Select(ended => ended.Ended)
            );
            Assert.Empty(HistoryOf(site, AllocatorSite.Network.Key, Address.Parse("10.20.6.5").Value));
        }

        Assert.True(StoreReport.Check(_folder.Store).IsWhole);
        Assert.Equal("3", Query("SELECT CAST(count(*) AS TEXT) FROM ended"));
    }

    [Fact]
    public async Task Forgets_WhatIsOlderThanTheHistory_AsOthersAreWritten()
    {
        await using var site = await Open(Lowest + ",'coolDownSeconds':0", new StoreSettings { HistoryDays = 30 });
        for (var i = 0; i < 6; i++)
        {
            await site.Acquire($"c{i}");
            if (i < 5)
                continue;
            for (var j = 0; j < 5; j++)
                await site.Release($"c{j}");
        }

        _time.Advance(TimeSpan.FromDays(31));
        await site.Release("c5");
        await site.Acquire("d");
        await site.Release("d");

        Assert.Equal("3", Query("SELECT CAST(count(*) AS TEXT) FROM ended"));
    }

    [Theory]
    [InlineData("DELETE FROM ended WHERE id = 1", true)]
    [InlineData("UPDATE ended SET clock = clock + 1 WHERE id = 2", false)]
    [InlineData("UPDATE ended SET ipv4 = ipv4 + 1 WHERE id = 2", false)]
    public async Task Finds_WhatIsNotWhatWasWritten(string change, bool opens)
    {
        await using (var site = await Open())
        {
            foreach (var container in (string[])["a", "b"])
                await site.Acquire(container);
            await site.Release("a");
            await site.Release("b");
        }

        _folder.Execute(change);

        Assert.False(StoreReport.Check(_folder.Store).IsWhole);
        if (!opens)
            _ = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));
    }

    [Fact]
    public async Task Takes_LittleRoom_ForWhatHasEnded()
    {
        var cluster = AllocatorSite.Cluster;
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            var edit = new LeaseEdit(store.Current, AllocatorSite.Network.Key);
            for (var i = 0; i < 10_000; i++)
            {
                var holder = AddressClaims.PodHolderOf(cluster, $"{i:x64}", "net1", $"core/pod-{i}", "w1");
                foreach (
                    var address in (Address[])
                        [
                            new(AddressFamily.IPv4, 0x0A00_0000u + (uint)i),
                            new(AddressFamily.IPv6, (UInt128)0xFD << 120 | (uint)i),
                        ]
                )
                    edit.Put(new Lease(address, holder, LeaseMethod.Dynamic, "2026-11-22T10:00:00.0000000Z"));
            }

            _ = await store.Commit(ReadSet.Empty, [.. edit.ToMutations()], CancellationToken.None);
            Mutation[] end =
            [
                .. NetworkPool.RemoveHoldings(
                    store.Current,
                    AllocatorSite.Network,
                    NetworkPool.HoldingsOf(store.Current, AllocatorSite.Network).All
                ),
            ];
            _ = await store.Commit(ReadSet.Empty, end, CancellationToken.None);
        }

        _folder.Execute("VACUUM");
        Assert.InRange(new FileInfo(_folder.Store).Length, 1, 10_000 * 260);
    }

    private static IReadOnlyList<EndedLease> HistoryOf(AllocatorSite site, string network, Address address) =>
        ((ILeaseHistory)site.Store).History(network, address);

    private Task<AllocatorSite> Open(string pool = Lowest, StoreSettings? settings = null) =>
        AllocatorSite.Create(
            pool,
            SqliteStore.Open(_folder.Store, (settings ?? new StoreSettings()) with { Time = _time }),
            _time
        );

    private string Query(string text)
    {
        using var connection = StoreConnection.OpenForReading(_folder.Store);
        return StoreConnection.Query(connection, text)[0];
    }
}
