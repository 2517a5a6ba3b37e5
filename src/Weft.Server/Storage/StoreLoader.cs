using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Storage;

/// <summary>What is wrong with a record of leases, or the record.</summary>
/// <param name="Id">Its number.</param>
/// <param name="NetworkKey">The network's id in lower case; null where it can't be read.</param>
internal readonly record struct LeaseRecord(
    long Id,
    string? NetworkKey,
    Holding? Holding,
    uint Checksum,
    string? Fault
);

/// <summary>What a store holds.</summary>
/// <param name="Names">The ids that stand in records of leases as numbers.</param>
/// <param name="Records">The numbers of the records, in their order.</param>
internal sealed record LoadedStore(StoreState State, LeaseNames Names, IReadOnlyList<int> Records);

/// <summary>Reads a whole store, and proves that it is what was committed.</summary>
internal sealed class StoreLoader
{
    private readonly Dictionary<string, Holdings> _holdings = new(StringComparer.Ordinal);
    private readonly HeldCounts _counts = HeldCounts.Empty.Open(new object());
    private long _rows;
    private ulong _sum;

    private readonly LeaseNames _names = new();
    private readonly List<int> _records = [];
    private LeaseClock _clock = LeaseClock.Stopped;

    private StoreLoader() { }

    /// <summary>Reads it.</summary>
    /// <param name="head">What it must amount to.</param>
    /// <exception cref="DamagedStoreException">A row isn't what was written, or one is missing.</exception>
    public static LoadedStore Load(SqliteConnection connection, string path, StoreHead head, StoreSettings settings)
    {
        var loader = new StoreLoader();
        var rows = new List<Row>();
        foreach (var (row, checksum, fault) in StoreReader.ReadRows(connection, "rows", hasSums: true))
        {
            if (fault is not null)
                throw DamagedStoreException.Create(path, fault);
            rows.Add(row);
            loader.Count(checksum, row.Revision);
        }

        loader.LoadLeases(connection, path);
        if (StoreReader.CompareWithHead(head, loader._rows, loader._sum) is { } lost)
            throw DamagedStoreException.Create(path, lost);
        loader.LoadRests(connection, path, head.Clock, RestKeepTimes.Of(rows, settings));
        loader._clock = CreateClock(head.Clock, settings.Time);
        // SQLite sorts by bytes; the state sorts for itself.
        return new LoadedStore(
            StoreState.FromRows(head.Revision, rows, AllKinds.Views, loader.Packed()),
            loader._names,
            loader._records
        );
    }

    /// <summary>The records of leases, in the order of their numbers.</summary>
    public static IEnumerable<LeaseRecord> ReadLeases(
        SqliteConnection connection,
        LeaseNames names,
        long after = 0,
        long most = -1
    )
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, body, sum FROM leases WHERE id > $after ORDER BY id LIMIT $most";
        command.Parameters.AddWithValue("$after", after);
        command.Parameters.AddWithValue("$most", most);
        using var reader = command.ExecuteReader();
        Func<int, string?> nameOf = names.Find;
        while (reader.Read())
            yield return ReadLease(reader.Handle!, nameOf);
    }

    private static LeaseRecord ReadLease(sqlite3_stmt statement, Func<int, string?> nameOf)
    {
        var areTypes =
            raw.sqlite3_column_type(statement, 1) == raw.SQLITE_BLOB
            && raw.sqlite3_column_type(statement, 2) == raw.SQLITE_INTEGER;
        var id = raw.sqlite3_column_int64(statement, 0);
        var body = raw.sqlite3_column_blob(statement, 1);
        var checksum = RowChecksum.Of((int)id, body);
        if (!areTypes || id is < 1 or > int.MaxValue || raw.sqlite3_column_int64(statement, 2) != checksum)
            return new LeaseRecord(id, null, null, checksum, $"the record {id} of leases doesn't match its checksum");
        try
        {
            var (network, holding) = HoldingFormat.Read(body, nameOf);
            holding.StoreId = (int)id;
            return nameOf(network) is { } key
                ? new LeaseRecord(id, key, holding, checksum, null)
                : new LeaseRecord(
                    id,
                    null,
                    null,
                    checksum,
                    $"the record {id} of leases is of no network that is known"
                );
        }
        catch (FormatException e)
        {
            return new LeaseRecord(id, null, null, checksum, $"the record {id} of leases can't be read: {e.Message}");
        }
    }

    private void LoadLeases(SqliteConnection connection, string path)
    {
        foreach (var (number, name, checksum, fault) in StoreReader.ReadNames(connection))
        {
            if (fault is not null)
                throw DamagedStoreException.Create(path, fault);
            _names.Note(number, name);
            Count(checksum, number);
        }

        foreach (var (id, network, holding, checksum, fault) in ReadLeases(connection, _names))
        {
            if (fault is not null)
                throw DamagedStoreException.Create(path, fault);
            var held = HoldingsOf(network!);
            if (!held.CanReplace(null, holding))
                throw DamagedStoreException.Create(path, $"the record {id} of leases has what another one has");
            held.Replace(null, holding);
            _counts.Replace(null, holding);
            _records.Add((int)id);
            Count(checksum, id);
        }
    }

    /// <summary>
    /// Has what was given up shortly before weftd stopped rest on: by the clock of leases, which stood while weftd did.
    /// </summary>
    private void LoadRests(SqliteConnection connection, string path, long now, RestKeepTimes times)
    {
        var found = new List<EndedRecord>();
        foreach (
            var record in EndedReader.ReadSince(connection, _names, now - times.Longest).Take(RestKeepTimes.MaxRead)
        )
        {
            if (record.Fault is { } fault)
                throw DamagedStoreException.Create(path, fault);
            if (now - record.End!.Clock < times.Of(record.NetworkKey!))
                found.Add(record);
        }

        foreach (var record in Enumerable.Reverse(found))
        {
            var held = HoldingsOf(record.NetworkKey!);
            held.BeginRest(record.Holding!, null, record.End!);
        }
    }

    private static LeaseClock CreateClock(long begin, TimeProvider time)
    {
        var start = time.GetTimestamp();
        return new LeaseClock(begin, () => time.GetElapsedTime(start), time.GetUtcNow);
    }

    private Holdings HoldingsOf(string networkKey)
    {
        if (!_holdings.TryGetValue(networkKey, out var held))
            _holdings[networkKey] = held = Holdings.Empty.Open();
        return held;
    }

    private void Count(uint checksum, long revision)
    {
        _rows++;
        _sum += RowChecksum.Term(checksum, revision);
    }

    private ImmutableDictionary<string, object> Packed() =>
        _holdings
            .Select(held => KeyValuePair.Create(NetworkPool.PartitionOf(held.Key), (object)held.Value.Close()))
            .Append(KeyValuePair.Create(NetworkPool.CountsName, (object)_counts.Close()))
            .Append(KeyValuePair.Create(NetworkPool.ClockName, (object)_clock))
            .ToImmutableDictionary();
}
