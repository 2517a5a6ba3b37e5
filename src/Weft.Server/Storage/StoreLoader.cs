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
        {
            var (id, sum) = ReadNumbers(reader.Handle!);
            yield return ReadLease(id, sum, raw.sqlite3_column_blob(reader.Handle!, 1), nameOf);
        }
    }

    /// <summary>The number and the checksum of the record that a statement stands at.</summary>
    /// <returns>A checksum that is none, where a column has another type than weftd writes.</returns>
    public static (long Id, long Sum) ReadNumbers(sqlite3_stmt statement) =>
        (
            raw.sqlite3_column_int64(statement, 0),
            raw.sqlite3_column_type(statement, 1) == raw.SQLITE_BLOB
            && raw.sqlite3_column_type(statement, 2) == raw.SQLITE_INTEGER
                ? raw.sqlite3_column_int64(statement, 2)
                : -1
        );

    /// <summary>Reads a record as it stands in the file.</summary>
    public static LeaseRecord ReadLease(long id, long sum, ReadOnlySpan<byte> body, Func<int, string?> nameOf)
    {
        var checksum = RowChecksum.Of((int)id, body);
        if (id is < 1 or > int.MaxValue || sum != checksum)
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

        var byNetwork = new Dictionary<string, List<Holding>>(StringComparer.Ordinal);
        foreach (var (id, network, holding, checksum, fault) in LeaseReader.Read(connection, _names))
        {
            if (fault is not null)
                throw DamagedStoreException.Create(path, fault);
            if (!byNetwork.TryGetValue(network!, out var records))
                byNetwork[network!] = records = [];
            records.Add(holding!);
            _records.Add((int)id);
            Count(checksum, id);
        }

        BuildHoldings(byNetwork, path);
    }

    /// <summary>
    /// Makes what is held of the records, each network's indexes beside each other, and proves that no two have the same.
    /// </summary>
    private void BuildHoldings(Dictionary<string, List<Holding>> byNetwork, string path)
    {
        var builders = byNetwork.ToDictionary(
            network => network.Key,
            network => new Holdings.Builder(network.Value),
            StringComparer.Ordinal
        );
        Parallel.Invoke([.. builders.Values.SelectMany(builder => builder.Parts)]);
        if (builders.Values.Min(builder => builder.Refused?.StoreId) is { } refused)
            throw DamagedStoreException.Create(path, $"the record {refused} of leases has what another one has");
        foreach (var (network, builder) in builders)
        {
            _holdings[network] = builder.Close();
            _counts.Add(_holdings[network].Counts);
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
            Open(record.NetworkKey!).BeginRest(record.Holding!, null, record.End!);
        foreach (var held in _holdings.Values)
            held.Close();
    }

    private Holdings Open(string networkKey)
    {
        var held = _holdings.GetValueOrDefault(networkKey, Holdings.Empty);
        return held.IsOpen ? held : _holdings[networkKey] = held.Open();
    }

    private static LeaseClock CreateClock(long begin, TimeProvider time)
    {
        var start = time.GetTimestamp();
        return new LeaseClock(begin, () => time.GetElapsedTime(start), time.GetUtcNow);
    }

    private void Count(uint checksum, long revision)
    {
        _rows++;
        _sum += RowChecksum.Term(checksum, revision);
    }

    private ImmutableDictionary<string, object> Packed() =>
        _holdings
            .Select(held => KeyValuePair.Create(NetworkPool.PartitionOf(held.Key), (object)held.Value))
            .Append(KeyValuePair.Create(NetworkPool.CountsName, (object)_counts.Close()))
            .Append(KeyValuePair.Create(NetworkPool.ClockName, (object)_clock))
            .ToImmutableDictionary();
}
