using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace Weft.Server.Storage;

/// <summary>What a store was found to hold.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">0 where it couldn't be read so far.</param>
/// <param name="Rows">How many rows were read.</param>
/// <param name="Epoch">Its epoch; null where it was never restored.</param>
/// <param name="IsOpen">Whether it is in use, or was not closed.</param>
/// <param name="Faults">What is wrong, each row by its key; empty where all is as it was committed.</param>
/// <param name="Loss">Which commits are missing; null where none are.</param>
internal sealed record StoreReport(
    string Path,
    long Format,
    long Revision,
    long Rows,
    string? Epoch,
    bool IsOpen,
    IReadOnlyList<string> Faults,
    string? Loss
)
{
    /// <summary>More faults than these say nothing new.</summary>
    private const int MaxFaults = 100;

    /// <summary>Whether all is as it was committed, and all that was committed is there.</summary>
    public bool IsWhole => Faults.Count == 0 && Loss is null;

    /// <summary>Checks all of a store, without changing it; also of one that a weftd works on.</summary>
    /// <exception cref="IOException">There is no such file, or it can't be opened.</exception>
    public static StoreReport Check(string path)
    {
        if (!File.Exists(path))
            throw new IOException($"there is no store '{path}'");
        var report = new StoreReport(path, 0, 0, 0, null, false, [], null);
        // Read first: a weftd that works on it goes on.
        var acknowledged = RevisionFile.Read(path);
        var hadLog = StoreFiles.HasLog(path);
        try
        {
            using var connection = StoreConnection.OpenForReading(path);
            // One state of the file, whatever is committed meanwhile.
            using var snapshot = connection.BeginTransaction(deferred: true);
            return Check(
                connection,
                report,
                head => StoreFiles.FindLoss(path, head, acknowledged, hadLog || StoreFiles.HasLog(path))
            );
        }
        catch (Exception e)
        {
            return StoreFault.Of(path, e) is DamagedStoreException damaged
                ? report with
                {
                    Faults = [damaged.Message],
                }
                : throw StoreFault.Of(path, e);
        }
    }

    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["file"] = Path,
            ["format"] = Format,
            ["revision"] = Revision,
            ["rows"] = Rows,
            ["epoch"] = Epoch,
            ["open"] = IsOpen,
            ["whole"] = IsWhole,
            ["faults"] = new JsonArray([.. Faults.Select(fault => JsonValue.Create(fault))]),
            ["loss"] = Loss,
        };

    private static StoreReport Check(SqliteConnection connection, StoreReport report, Func<StoreHead, string?> findLoss)
    {
        var faults = new List<string>();
        if (StoreReader.CheckPages(connection) is { } pages)
            faults.Add(pages);
        var format = StoreSchema.FormatOf(connection, report.Path);
        if (format == 0)
            return report with { Faults = [.. faults, "it has no tables: no weftd has written it"] };
        var head = format > 1 ? StoreHead.Read(connection) : null;
        if (format > 1 && head is null)
            faults.Add("the row that says what the others amount to isn't what was written");
        var (rows, sum, epoch) = (0L, 0UL, (string?)null);
        foreach (var (row, checksum, fault) in StoreReader.ReadRows(connection, "rows", format > 1))
        {
            (rows, sum) = (rows + 1, sum + RowChecksum.Term(checksum, row.Revision));
            if (fault is null && row.Key == Fleet.Epoch.Key)
                epoch = Fleet.Epoch.Of(row).Id;
            if (fault is not null && faults.Count < MaxFaults)
                faults.Add(fault);
        }

        var names = new LeaseNames();
        if (format > 2)
            CheckLeases(connection, names, faults, ref rows, ref sum);
        if (head is not null && StoreReader.CompareWithHead(head, rows, sum) is { } lost)
            faults.Add(lost);
        if (format > 3 && head is not null)
            CheckEnded(connection, names, faults, head);
        return report with
        {
            Format = format,
            Revision = head?.Revision ?? 0,
            Rows = rows,
            Epoch = epoch,
            IsOpen = head?.IsOpen ?? false,
            Faults = faults,
            Loss = head is null ? null : findLoss(head),
        };
    }

    private static void CheckLeases(
        SqliteConnection connection,
        LeaseNames names,
        List<string> faults,
        ref long rows,
        ref ulong sum
    )
    {
        foreach (var (number, name, checksum, fault) in StoreReader.ReadNames(connection))
        {
            names.Note(number, name);
            (rows, sum) = (rows + 1, sum + RowChecksum.Term(checksum, number));
            if (fault is not null && faults.Count < MaxFaults)
                faults.Add(fault);
        }

        foreach (var record in StoreLoader.ReadLeases(connection, names))
        {
            (rows, sum) = (rows + 1, sum + RowChecksum.Term(record.Checksum, record.Id));
            if (record.Fault is { } fault && faults.Count < MaxFaults)
                faults.Add(fault);
        }
    }

    private static void CheckEnded(SqliteConnection connection, LeaseNames names, List<string> faults, StoreHead head)
    {
        var read = head with { EndedRows = 0, EndedSum = 0 };
        foreach (var record in EndedReader.ReadAll(connection, names))
        {
            read = read.WithEnded(record.Id, record.Checksum, 1);
            if (record.Fault is { } fault && faults.Count < MaxFaults)
                faults.Add(fault);
        }

        if (read != head)
            faults.Add(
                $"{head.EndedRows} leases that have ended were committed, and {read.EndedRows} are there, or they are others"
            );
    }
}
