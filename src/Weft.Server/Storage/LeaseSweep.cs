using System.Buffers;
using System.Collections;
using Microsoft.Data.Sqlite;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>Compares the records of leases in the file with those that are served from memory, some at a time.</summary>
/// <param name="begin">The state that it begins with.</param>
internal sealed class LeaseSweep(StoreState begin)
{
    private readonly BitArray _found = new(
        Math.Max(1, NetworkPool.AllHoldings(begin).Select(h => h.Holding.StoreId + 1).DefaultIfEmpty().Max())
    );
    private long _after;

    /// <summary>Compares the next records.</summary>
    /// <returns>False where these were the last.</returns>
    public bool Compare(SqliteConnection connection, SqliteStore store, int most, List<string> faults)
    {
        var before = store.Current;
        var names = new LeaseNames();
        foreach (var (number, name, _, fault) in StoreReader.ReadNames(connection))
        {
            names.Note(number, name);
            if (fault is not null && !faults.Contains(fault))
                faults.Add(fault);
        }

        var read = StoreLoader.ReadLeases(connection, names, _after, most).ToList();
        var later = store.Current;
        foreach (var record in read)
            Compare(record, names, before, later, faults);
        _after = read.Count < most ? long.MaxValue : read[^1].Id;
        if (read.Count == most)
            return true;
        faults.AddRange(
            NetworkPool
                .AllHoldings(begin)
                .Where(item => IsSame(item.NetworkKey, item.Holding, later) && !Has(item.Holding.StoreId))
                .Select(item => $"the record {item.Holding.StoreId} of leases isn't in the file")
        );
        return false;
    }

    private void Compare(LeaseRecord record, LeaseNames names, StoreState before, StoreState later, List<string> faults)
    {
        if (record.Id > 0 && record.Id < _found.Length)
            _found[(int)record.Id] = true;
        if (record.Holding is not { } stored)
        {
            faults.Add(record.Fault!);
            return;
        }

        // A record that is the same before and behind the read was there while it lasted.
        var served = HoldingsOf(before, record.NetworkKey!).Find(stored.Holder.Id);
        if (served is null || served.StoreId != record.Id || !IsSame(record.NetworkKey!, served, later))
            return;
        if (!BytesOf(served, names).AsSpan().SequenceEqual(BytesOf(stored, names)))
            faults.Add($"the record {record.Id} of leases isn't in the file as it was committed");
    }

    private bool Has(int id) => id > 0 && id < _found.Length && _found[id];

    private static bool IsSame(string networkKey, Holding holding, StoreState state) =>
        ReferenceEquals(HoldingsOf(state, networkKey).Find(holding.Holder.Id), holding);

    private static Holdings HoldingsOf(StoreState state, string networkKey) =>
        state.View(NetworkPool.PartitionOf(networkKey)) as Holdings ?? Holdings.Empty;

    private static byte[] BytesOf(Holding holding, LeaseNames names)
    {
        var bytes = new ArrayBufferWriter<byte>();
        HoldingFormat.Write(bytes, holding, 0, name => names.Find(name) ?? 0);
        return bytes.WrittenSpan.ToArray();
    }
}
