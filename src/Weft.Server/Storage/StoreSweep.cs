using System.Text;
using Microsoft.Data.Sqlite;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>
/// Compares the file with the state that is served from memory, once an hour, a few rows at a time: what is damaged on
/// the disk is known while everything is still in memory, and not at the next start.
/// </summary>
internal sealed partial class StoreSweep(SqliteStore store, TimeProvider time, ILogger<StoreSweep> logger)
    : BackgroundService
{
    /// <summary>The rows of one read: some hundred kilobytes.</summary>
    private const int RowsPerRead = 256;

    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    // Between two reads: at most 5,000 rows a second, and no read that would keep the log from starting anew.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Compares every row once.</summary>
    /// <returns>What is wrong, each with the key of its row.</returns>
    public async Task<IReadOnlyList<string>> Sweep(CancellationToken cancel)
    {
        var faults = new List<string>();
        try
        {
            using var connection = StoreConnection.OpenForReading(store.Path);
            for (string? after = ""; after is not null; )
            {
                after = Compare(connection, after, faults);
                await Task.Delay(Pause, time, cancel);
            }

            var leases = new LeaseSweep(store.Current);
            while (leases.Compare(connection, store, RowsPerRead, faults))
                await Task.Delay(Pause, time, cancel);
        }
        catch (SqliteException e)
        {
            faults.Add(StoreFault.Of(store.Path, e).Message);
        }

        return faults;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            using var timer = new PeriodicTimer(Period, time);
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                var faults = await Sweep(stoppingToken);
                foreach (var fault in faults)
                    Log.StoreDamaged(logger, store.Path, fault);
                if (faults.Count == 0)
                    Log.StoreWhole(logger, store.Current.Revision);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // weftd stops, or couldn't start.
        }
    }

    /// <summary>Compares the rows behind a key.</summary>
    /// <returns>The last key of them; null at the end.</returns>
    private string? Compare(SqliteConnection connection, string after, List<string> faults)
    {
        var before = store.Current;
        var read = StoreReader.ReadRows(connection, "rows", hasSums: true, after, RowsPerRead).ToList();
        var later = store.Current;
        foreach (var (row, _, fault) in read)
        {
            if (fault is not null)
                faults.Add(fault);
        }

        var last = read.Count < RowsPerRead ? null : read[^1].Row.Key;
        // A row that is the same before and behind the read was there while it lasted.
        var found = read.ToDictionary(item => item.Row.Key, item => item.Row, StringComparer.Ordinal);
        var wanted = before
            .Range("", after)
            .TakeWhile(row => last is null || string.CompareOrdinal(row.Key, last) <= 0)
            // The file sorts by bytes and the state by UTF-16: for other keys than these the two may differ.
            .Where(row => Ascii.IsValid(row.Key) && ReferenceEquals(row, later.Get(row.Key)));
        faults.AddRange(
            wanted
                .Where(row => !IsSame(row, found.GetValueOrDefault(row.Key)))
                .Select(row => $"the row '{StoreReader.Printable(row.Key)}' isn't in the file as it was committed")
        );
        return last;
    }

    private static bool IsSame(Row row, Row? stored) =>
        stored is not null && stored.Revision == row.Revision && stored.Bytes.Span.SequenceEqual(row.Bytes.Span);

    private static partial class Log
    {
        [LoggerMessage(
            1501,
            LogLevel.Error,
            "The store {Store} is damaged: {Fault}. What is served is in memory and whole: look at the disk, "
                + "and restore a backup before the next start"
        )]
        public static partial void StoreDamaged(ILogger logger, string store, string fault);

        [LoggerMessage(1502, LogLevel.Debug, "The store is whole at revision {Revision}")]
        public static partial void StoreWhole(ILogger logger, long revision);
    }
}
