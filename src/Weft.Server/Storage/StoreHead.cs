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
    public const long Format = 3;

    /// <summary>The columns, in the order of <see cref="Values"/>.</summary>
    public const string Columns = "format, revision, rows, sum, is_open, checksum";

    /// <summary>What writes the head in the place of the one before.</summary>
    public const string UpdateText =
        "UPDATE head SET format = $0, revision = $1, rows = $2, sum = $3, is_open = $4, checksum = $5";

    /// <summary>The head of a store without rows.</summary>
    public static readonly StoreHead Empty = new(0, 0, 0, false);

    /// <summary>The values of the columns.</summary>
    public long[] Values
    {
        get
        {
            long[] values = [InFormat, Revision, Rows, unchecked((long)Sum), IsOpen ? 1 : 0];
            return [.. values, RowChecksum.Of(values)];
        }
    }

    /// <summary>Reads it.</summary>
    /// <returns>The head; null where it isn't what was written.</returns>
    public static StoreHead? Read(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {Columns} FROM head WHERE id = 1";
        using var reader = command.ExecuteReader();
        if (!reader.Read())
            return null;
        var head = new StoreHead(
            reader.GetInt64(1),
            reader.GetInt64(2),
            unchecked((ulong)reader.GetInt64(3)),
            reader.GetInt64(4) == 1,
            reader.GetInt64(0)
        );
        return head.Values.SequenceEqual(Enumerable.Range(0, head.Values.Length).Select(reader.GetInt64)) ? head : null;
    }

    /// <summary>Writes it in a store that has none yet.</summary>
    public void Insert(SqliteConnection connection, SqliteTransaction transaction) =>
        Write(connection, transaction, $"INSERT INTO head(id, {Columns}) VALUES(1, $0, $1, $2, $3, $4, $5)");

    /// <summary>Writes it in the place of the one before.</summary>
    public void Update(SqliteConnection connection, SqliteTransaction? transaction) =>
        Write(connection, transaction, UpdateText);

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
