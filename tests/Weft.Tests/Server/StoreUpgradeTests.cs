using System.IO.Compression;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

/// <summary>A store that weftd of format 2 has written: the example site with its machines and nodes, and five pods.</summary>
public sealed class StoreUpgradeTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public StoreUpgradeTests() => Unpack(2);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Upgrades_Leases_AndLosesNothing()
    {
        var before = StoreReport.Check(_folder.Store);
        Assert.Equal((2, true), (before.Format, before.IsWhole));
        var (rows, leases) = Read();
        Assert.Equal(26, leases.Count);

        await using (var store = SqliteStore.Open(_folder.Store))
        {
            Assert.Equal(before.Revision, store.Current.Revision);
            Assert.Equal(rows, StoreFolder.Rows(store.Current));
            AssertHolds(store.Current, leases);
            Assert.Equal(before.Revision + 1, await StoreFolder.Put(store, 1));
        }

        var after = StoreReport.Check(_folder.Store);
        Assert.Equal((4, true, before.Revision + 1), (after.Format, after.IsWhole, after.Revision));
        await using var again = SqliteStore.Open(_folder.Store);
        AssertHolds(again.Current, leases);
    }

    [Fact]
    public async Task Packs_Pods_AndKeepsTheOthersAsTheyAre()
    {
        await using var store = SqliteStore.Open(_folder.Store);

        var pods = NetworkPool.AllHoldings(store.Current).Select(item => item.Holding).OfType<PodHolding>().ToList();
        Assert.Equal(
            ["core/odd", "core/upf-0", "core/upf-2", "core/upf-3"],
            pods.Select(pod => pod.Holder.Text.Split(' ')[1]).Order(StringComparer.Ordinal)
        );
        Assert.All(pods.Where(pod => pod.Count == 2), pod => Assert.Equal(2, pod.Leases.Length));
    }

    [Theory]
    [InlineData("UPDATE rows SET sum = sum + 1 WHERE key LIKE 'lease:%'")]
    [InlineData("DELETE FROM rows WHERE key LIKE 'lease:%4-0a140404'")]
    [InlineData("UPDATE head SET revision = revision + 1")]
    public void Refuses_ToUpgradeWhatIsDamaged(string change)
    {
        _folder.Execute(change);

        _ = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));

        Assert.Equal((2, false), (StoreReport.Check(_folder.Store).Format, StoreReport.Check(_folder.Store).IsWhole));
    }

    /// <summary>What the weftd before wrote: the same, brought to format 3, with four pods more and one that came and went.</summary>
    [Fact]
    public async Task Upgrades_Format3_AndLosesNothing()
    {
        Unpack(3);
        var before = StoreReport.Check(_folder.Store);
        Assert.Equal((3, true), (before.Format, before.IsWhole));
        string[] records = [.. Query("SELECT id || hex(body) || sum FROM leases ORDER BY id")];
        string[] rows = [.. Query("SELECT key || revision || hex(body) || sum FROM rows ORDER BY key")];
        Assert.NotEmpty(records);

        await using (var store = SqliteStore.Open(_folder.Store))
        {
            Assert.Equal(before.Revision, store.Current.Revision);
            Assert.Equal(records, Query("SELECT id || hex(body) || sum FROM leases ORDER BY id"));
            Assert.Equal(rows, Query("SELECT key || revision || hex(body) || sum FROM rows ORDER BY key"));
            var pods = NetworkPool.AllHoldings(store.Current).Select(item => item.Holding.Holder.Pod).ToList();
            Assert.Equal(
                ["core/late-0", "core/late-2", "core/late-3", "core/late-4"],
                pods.Where(pod => pod?.StartsWith("core/late", StringComparison.Ordinal) == true)
                    .Order(StringComparer.Ordinal)
            );
            var (network, held) = NetworkPool.AllHoldings(store.Current).First(item => item.Holding is PodHolding);
            Mutation[] end = [.. NetworkPool.RemoveHolder(store.Current, network, held.Holder.Id)];
            Assert.NotNull(await store.Commit(ReadSet.Empty, end, TestContext.Current.CancellationToken));
            Assert.Single(store.History(network, held.AddressAt(0)));
        }

        Assert.Equal((4, true), (StoreReport.Check(_folder.Store).Format, StoreReport.Check(_folder.Store).IsWhole));
    }

    [Theory]
    [InlineData("UPDATE leases SET sum = sum + 1 WHERE id = 2")]
    [InlineData("DELETE FROM rows WHERE key IN (SELECT key FROM rows LIMIT 1)")]
    public void Refuses_ToUpgradeFormat3_ThatIsDamaged(string change)
    {
        Unpack(3);
        _folder.Execute(change);

        _ = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));

        Assert.Equal(3, StoreReport.Check(_folder.Store).Format);
    }

    [Fact]
    public void Restores_ABackupOfFormat2()
    {
        var leases = Read().Leases;
        using var target = new StoreFolder();
        using (var data = DataDirectory.Lock(target.Path))
            _ = StoreRestore.Restore(data, _folder.Store, awaitsAgents: true, DateTimeOffset.UnixEpoch);

        var report = StoreReport.Check(target.Store);
        Assert.Equal((4, true), (report.Format, report.IsWhole));
        Assert.NotNull(report.Epoch);
        using var store = new Opened(SqliteStore.Open(target.Store));
        AssertHolds(store.Store.Current, leases);
        Assert.Equal(2, StoreReport.Check(_folder.Store).Format);
    }

    private void Unpack(int format)
    {
        using var packed = File.OpenRead(
            Path.Combine(Repository.Root, $"tests/Weft.Tests/Server/Fixtures/format-{format}.db.gz")
        );
        using var unpacked = new GZipStream(packed, CompressionMode.Decompress);
        using var store = File.Create(_folder.Store);
        unpacked.CopyTo(store);
    }

    private IReadOnlyList<string> Query(string text)
    {
        using var connection = StoreConnection.OpenForReading(_folder.Store);
        return StoreConnection.Query(connection, text);
    }

    private static void AssertHolds(StoreState state, List<(string Network, Lease Lease)> leases) =>
        Assert.Equal(
            leases.OrderBy(item => NetworkPool.KeyOf(item.Network, item.Lease.Address), StringComparer.Ordinal),
            NetworkPool
                .AllHoldings(state)
                .SelectMany(item => item.Holding.Leases, (item, lease) => (item.NetworkKey, lease))
                .OrderBy(item => NetworkPool.KeyOf(item.NetworkKey, item.lease.Address), StringComparer.Ordinal)
        );

    /// <summary>What the file holds by the format's own page: rows, and leases by the keys of their rows.</summary>
    private (List<(string, long, string)> Rows, List<(string Network, Lease Lease)> Leases) Read()
    {
        using var connection = new SqliteConnection($"Data Source={_folder.Store};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT key, revision, CAST(body AS TEXT) FROM rows ORDER BY key";
        using var reader = command.ExecuteReader();
        var (rows, leases) = (new List<(string, long, string)>(), new List<(string, Lease)>());
        while (reader.Read())
        {
            var key = reader.GetString(0);
            if (!key.StartsWith("lease" + ":", StringComparison.Ordinal))
                rows.Add((key, reader.GetInt64(1), reader.GetString(2)));
            else
                leases.Add((key.Split(':', '|')[1], Lease.FromJson(JsonElement.Parse(reader.GetString(2)))));
        }

        return (rows, leases);
    }

    private sealed record Opened(SqliteStore Store) : IDisposable
    {
        public void Dispose() => Store.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
