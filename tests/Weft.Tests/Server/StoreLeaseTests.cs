using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

/// <summary>Leases in the file: what is kept, what is found, and what an earlier weftd had written.</summary>
public sealed class StoreLeaseTests : IDisposable
{
    private static readonly ResourceId Network = ResourceId.Parse($"{Documents.Cloud}/l3Networks/N6").Value;
    private static readonly ResourceId Cluster = ResourceId.Parse($"{Documents.Cloud}/kubernetesClusters/K1").Value;
    private readonly StoreFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keeps_Leases_AndUsesNumbersAgain()
    {
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            for (var i = 0; i < 100; i++)
                await Lease(store, i);
            await Release(store, Enumerable.Range(0, 50).Select(i => i * 2));
        }

        await using (var store = SqliteStore.Open(_folder.Store))
        {
            Assert.Equal(Enumerable.Range(0, 50).Select(i => $"core/pod-{(i * 2) + 1}"), Pods(store.Current));
            for (var i = 100; i < 150; i++)
                await Lease(store, i);
        }

        Assert.Equal(["100"], Query("SELECT CAST(max(id) AS TEXT) FROM leases"));
        Assert.True(StoreReport.Check(_folder.Store).IsWhole);
        await using var last = SqliteStore.Open(_folder.Store);
        Assert.Equal(100, Pods(last.Current).Count());
    }

    [Fact]
    public async Task Takes_LittleRoom()
    {
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            var edit = new LeaseEdit(store.Current, Network.Key);
            for (var i = 0; i < 10_000; i++)
                PutPod(edit, i);
            _ = await store.Commit(ReadSet.Empty, [.. edit.ToMutations()], Cancel);
        }

        Assert.InRange(new FileInfo(_folder.Store).Length, 1, 10_000 * 150);
    }

    [Theory]
    [InlineData("UPDATE leases SET sum = sum + 1 WHERE id = 7", "record 7 of leases doesn't match")]
    [InlineData("UPDATE leases SET id = 700 WHERE id = 7", "record 700 of leases doesn't match")]
    [InlineData("UPDATE leases SET body = CAST(body AS TEXT) WHERE id = 7", "record 7 of leases doesn't match")]
    [InlineData("DELETE FROM leases WHERE id = 7", "rows were committed")]
    [InlineData("UPDATE names SET text = text || 'x' WHERE id = 1", "name 1 of leases")]
    [InlineData("DELETE FROM names WHERE id = 1", "is of no network that is known")]
    [InlineData("DROP TABLE names", "aren't declared")]
    public async Task Refuses_LeasesThatAreNotWhatWasWritten(string change, string because)
    {
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            for (var i = 0; i < 20; i++)
                await Lease(store, i);
        }

        _folder.Execute(change);

        Assert.Contains(
            because,
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store)).Message,
            StringComparison.Ordinal
        );
        Assert.False(StoreReport.Check(_folder.Store).IsWhole);
    }

    /// <summary>Each record is whole; together they are those of no commit.</summary>
    [Fact]
    public async Task Refuses_RecordOfAnEarlierTime()
    {
        await using (var store = SqliteStore.Open(_folder.Store))
            await Lease(store, 1);
        _folder.Execute("CREATE TABLE kept AS SELECT * FROM leases");
        using var earlier = _folder.Copy();
        _folder.Execute("DROP TABLE kept");
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            await Release(store, [1]);
            await Lease(store, 2);
        }

        _folder.Execute(
            $"ATTACH '{earlier.Store}' AS earlier",
            "INSERT OR REPLACE INTO leases SELECT * FROM earlier.kept"
        );

        Assert.Contains(
            "of an earlier time",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Finds_DamagedRecords_WhileItServes()
    {
        await using var store = SqliteStore.Open(_folder.Store);
        for (var i = 0; i < 600; i++)
            await Lease(store, i);
        using var sweep = new StoreSweep(store, TimeProvider.System, NullLogger<StoreSweep>.Instance);
        Assert.Empty(await sweep.Sweep(Cancel));

        _folder.Execute("UPDATE leases SET sum = 1 WHERE id = 3", "DELETE FROM leases WHERE id = 400");

        var faults = await sweep.Sweep(Cancel);
        Assert.Equal(2, faults.Count);
        Assert.Contains(faults, fault => fault.Contains("record 3 of leases doesn't match", StringComparison.Ordinal));
        Assert.Contains(
            faults,
            fault => fault.Contains("record 400 of leases isn't in the file", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Refuses_TheSecondOfTwoCommits_ThatLeaseOneAddress()
    {
        await using var store = SqliteStore.Open(_folder.Store);
        await Lease(store, 1);
        var (first, second, released) = (Edit(store), Edit(store), Edit(store));
        first.Put(LeaseOf(2, 9));
        second.Put(LeaseOf(3, 9));
        released.Remove(AddressOf(1));
        ReadSet nothing = ReadSet.Empty;

        Assert.NotNull(await store.Commit(nothing, [.. first.ToMutations()], Cancel));
        Assert.Null(await store.Commit(nothing, [.. second.ToMutations()], Cancel));
        Assert.NotNull(await store.Commit(nothing, [.. released.ToMutations()], Cancel));

        Assert.Equal(["core/pod-2"], Pods(store.Current));
        var again = Edit(store);
        again.Remove(AddressOf(9));
        Mutation[] twice = [.. again.ToMutations()];
        Assert.NotNull(await store.Commit(nothing, twice, Cancel));
        Assert.Null(await store.Commit(nothing, twice, Cancel));
    }

    private static LeaseEdit Edit(SqliteStore store) => new(store.Current, Network.Key);

    private static void PutPod(LeaseEdit edit, int number)
    {
        edit.Put(LeaseOf(number, number));
        edit.Put(
            LeaseOf(number, number) with
            {
                Address = new Address(AddressFamily.IPv6, (UInt128)0xFD << 120 | (uint)number),
            }
        );
    }

    private static async Task Lease(SqliteStore store, int number)
    {
        var edit = Edit(store);
        PutPod(edit, number);
        Assert.NotNull(await store.Commit(ReadSet.Empty, [.. edit.ToMutations()], Cancel));
    }

    private static async Task Release(SqliteStore store, IEnumerable<int> numbers)
    {
        var edit = Edit(store);
        foreach (var number in numbers)
            edit.Remove(edit.Holdings.At(AddressOf(number))!);
        Assert.NotNull(await store.Commit(ReadSet.Empty, [.. edit.ToMutations()], Cancel));
    }

    private static Lease LeaseOf(int pod, int address) =>
        new(
            AddressOf(address),
            AddressClaims.PodHolderOf(Cluster, $"{pod:x64}", "net1", $"core/pod-{pod}", "w1"),
            LeaseMethod.Dynamic,
            "2026-11-22T10:00:00.0000000Z"
        );

    private static Address AddressOf(int number) => new(AddressFamily.IPv4, 0x0A00_0000u + (uint)number);

    private static IEnumerable<string> Pods(StoreState state) =>
        NetworkPool
            .HoldingsOf(state, Network)
            .Leases.Where(lease => lease.Address.Family == AddressFamily.IPv4)
            .Select(lease => lease.Holder.Text.Split(' ')[1]);

    private List<string> Query(string text)
    {
        using var connection = new SqliteConnection($"Data Source={_folder.Store};Pooling=False");
        connection.Open();
        return [.. StoreConnection.Query(connection, text)];
    }
}
