using Microsoft.Data.Sqlite;
using Weft.Resources;

namespace Weft.Server.Storage;

/// <summary>The one row that says what the rows must amount to. It is written with every commit.</summary>
/// <param name="Revision">The revision of the last commit.</param>
/// <param name="Rows">How many rows there are, records of leases and the ids in them among them.</param>
/// <param name="Sum">The sum of the rows' terms (<see cref="RowChecksum.Term"/>): a row that was lost, or a page that is of an
/// earlier time, shows in it.</param>
/// <param name="IsOpen">Whether a weftd has written since it was last closed as a whole: then the newest commits may be in
/// the write-ahead log alone.</param>
/// <param name="InFormat">The format of the file that it stands in.</param>
internal sealed record StoreHead(long Revision, long Rows, ulong Sum, bool IsOpen, long InFormat = StoreHead.Format)
{
    /// <summary>The format that this version writes (docs/specs/store.md).</summary>
    public const long Format = 4;

    /// <summary>The last format whose head says nothing of leases that have ended.</summary>
    private const long LastWithoutEnded = 3;

    /// <summary>What writes the head of today's format in the place of the one before.</summary>
    public static readonly string UpdateText = UpdateTextOf(Format);

    /// <summary>The head of a store without rows.</summary>
    public static readonly StoreHead Empty = new(0, 0, 0, false);

    /// <summary>What the clock of leases said at the last commit, or when weftd stopped, in milliseconds.</summary>
    public long Clock { get; init; }

    /// <summary>How many leases that have ended there are; they aren't among <see cref="Rows"/>.</summary>
    public long EndedRows { get; init; }

    /// <summary>The sum of their terms. It isn't asked for at the start, which doesn't read them.</summary>
    public ulong EndedSum { get; init; }

    /// <summary>The values of the columns.</summary>
    public long[] Values
    {
        get
        {
            long[] values = [InFormat, Revision, Rows, unchecked((long)Sum), IsOpen ? 1 : 0];
            if (InFormat > LastWithoutEnded)
                values = [.. values, Clock, EndedRows, unchecked((long)EndedSum)];
            return [.. values, RowChecksum.Of(values)];
        }
    }

    /// <summary>Reads it.</summary>
    /// <returns>The head; null where it isn't what was written.</returns>
    public static StoreHead? Read(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT * FROM head WHERE id = 1";
        using var reader = command.ExecuteReader();
        if (!reader.Read())
            return null;
        // Behind the id, in the order in which they are declared.
        long[] stored = [.. Enumerable.Range(1, reader.FieldCount - 1).Select(reader.GetInt64)];
        var head = new StoreHead(stored[1], stored[2], unchecked((ulong)stored[3]), stored[4] == 1, stored[0]);
        if (head.InFormat > LastWithoutEnded)
            head = head with { Clock = stored[5], EndedRows = stored[6], EndedSum = unchecked((ulong)stored[7]) };
        return head.Values.SequenceEqual(stored) ? head : null;
    }

    /// <summary>Writes it in a store that has none yet.</summary>
    public void Insert(SqliteConnection connection, SqliteTransaction transaction) =>
        Write(
            connection,
            transaction,
            $"INSERT INTO head VALUES(1, {string.Join(", ", Values.Select((_, i) => $"${i}"))})"
        );

    /// <summary>Writes it in the place of the one before.</summary>
    public void Update(SqliteConnection connection, SqliteTransaction? transaction) =>
        Write(connection, transaction, UpdateTextOf(InFormat));

    /// <summary>The same by a statement of <see cref="UpdateText"/>.</summary>
    public void Update(StoreStatement statement)
    {
        var values = Values;
        for (var i = 0; i < values.Length; i++)
            statement.Bind(i + 1, values[i]);
        statement.Run();
    }

    /// <summary>The head after a commit, but for its leases.</summary>
    /// <param name="before">The state without the commit.</param>
    public StoreHead After(StoreState before, StoreState after, IEnumerable<Mutation> changes)
    {
        var (rows, sum) = (Rows, Sum);
        var keys = changes.Where(change => change is not PackedMutation).Select(change => change.Key);
        foreach (var key in keys.Distinct(StringComparer.Ordinal))
        {
            if (before.Get(key) is { } old)
                (rows, sum) = (rows - 1, sum - RowChecksum.Term(RowChecksum.Of(old), old.Revision));
            if (after.Get(key) is { } written)
                (rows, sum) = (rows + 1, sum + RowChecksum.Term(RowChecksum.Of(written), written.Revision));
        }

        return this with
        {
            Revision = after.Revision,
            Rows = rows,
            Sum = sum,
        };
    }

    /// <summary>Counts a lease that has ended, or one less.</summary>
    /// <param name="sign">1 or -1.</param>
    public StoreHead WithEnded(long id, uint checksum, int sign)
    {
        var term = RowChecksum.Term(checksum, id);
        return this with { EndedRows = EndedRows + sign, EndedSum = sign > 0 ? EndedSum + term : EndedSum - term };
    }

    private static string UpdateTextOf(long format)
    {
        string[] columns = ["format", "revision", "rows", "sum", "is_open"];
        if (format > LastWithoutEnded)
            columns = [.. columns, "clock", "ended_rows", "ended_sum"];
        columns = [.. columns, "checksum"];
        return $"UPDATE head SET {string.Join(", ", columns.Select((column, i) => $"{column} = ${i}"))}";
    }

    private void Write(SqliteConnection connection, SqliteTransaction? transaction, string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.Transaction = transaction;
        foreach (var (value, i) in Values.Select((value, i) => (value, i)))
            command.Parameters.AddWithValue($"${i}", value);
        command.ExecuteNonQuery();
    }
}
