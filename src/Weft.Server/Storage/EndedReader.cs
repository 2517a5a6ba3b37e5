using System.Buffers.Binary;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Weft.Addressing;

namespace Weft.Server.Storage;

/// <summary>A lease that has ended, as it stands in the file.</summary>
/// <param name="NetworkKey">The network's id in lower case; null where it can't be read.</param>
/// <param name="Fault">What is wrong with it; null where nothing is.</param>
internal readonly record struct EndedRecord(
    long Id,
    string? NetworkKey,
    Holding? Holding,
    EndTime? End,
    uint Checksum,
    string? Fault
);

/// <summary>Reads the leases that have ended.</summary>
internal static class EndedReader
{
    private const string Columns = "SELECT id, network, ipv4, ipv6, clock, body, sum FROM ended";

    /// <summary>All, the oldest first.</summary>
    public static IEnumerable<EndedRecord> ReadAll(SqliteConnection connection, LeaseNames names) =>
        Read(connection, names, $"{Columns} ORDER BY id", _ => { });

    /// <summary>Those of an address, the newest first.</summary>
    public static IEnumerable<EndedRecord> ReadOf(
        SqliteConnection connection,
        LeaseNames names,
        int network,
        Address address
    ) =>
        Read(
            connection,
            names,
            $"{Columns} WHERE network = $network AND {ColumnOf(address)} = $address ORDER BY id DESC",
            command =>
            {
                command.Parameters.AddWithValue("$network", network);
                command.Parameters.AddWithValue("$address", ValueOf(address));
            }
        );

    /// <summary>Those that ended behind a time by the clock of leases, the newest first.</summary>
    public static IEnumerable<EndedRecord> ReadSince(SqliteConnection connection, LeaseNames names, long after) =>
        Read(connection, names, $"{Columns} ORDER BY id DESC", _ => { })
            .TakeWhile(record => record.End is not { } end || end.Clock > after);

    private static string ColumnOf(Address address) => address.Family == AddressFamily.IPv4 ? "ipv4" : "ipv6";

    private static object ValueOf(Address address)
    {
        if (address.Family == AddressFamily.IPv4)
            return (long)address.Value;
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address.Value);
        return bytes;
    }

    private static IEnumerable<EndedRecord> Read(
        SqliteConnection connection,
        LeaseNames names,
        string text,
        Action<SqliteCommand> bind
    )
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        bind(command);
        using var reader = command.ExecuteReader();
        while (reader.Read())
            yield return Read(reader.Handle!, names);
    }

    private static EndedRecord Read(sqlite3_stmt statement, LeaseNames names)
    {
        var id = raw.sqlite3_column_int64(statement, 0);
        var clock = raw.sqlite3_column_int64(statement, 4);
        var areTypes =
            raw.sqlite3_column_type(statement, 5) == raw.SQLITE_BLOB
            && raw.sqlite3_column_type(statement, 6) == raw.SQLITE_INTEGER;
        var body = raw.sqlite3_column_blob(statement, 5);
        var checksum = RowChecksum.OfEnded(id, clock, body);
        EndedRecord Fault(string why) => new(id, null, null, null, checksum, $"the ended lease {id} {why}");
        if (!areTypes || body.Length < 8 || raw.sqlite3_column_int64(statement, 6) != checksum)
            return Fault("doesn't match its checksum");
        try
        {
            var end = EndTime.At(clock, BinaryPrimitives.ReadInt64LittleEndian(body));
            var (network, holding) = HoldingFormat.Read(body[8..], names.Find);
            if (names.Find(network) is not { } key || !AreColumns(statement, network, holding))
                return Fault("isn't where it was written");
            return new EndedRecord(id, key, holding, end, checksum, null);
        }
        catch (Exception e) when (e is FormatException or System.Text.Json.JsonException)
        {
            return Fault($"can't be read: {e.Message}");
        }
    }

    /// <summary>Whether it stands in the indexes as what it is.</summary>
    private static bool AreColumns(sqlite3_stmt statement, int network, Holding holding)
    {
        var (hasIPv4, hasIPv6) = (
            raw.sqlite3_column_type(statement, 2) == raw.SQLITE_INTEGER,
            raw.sqlite3_column_type(statement, 3) == raw.SQLITE_BLOB
        );
        var areSame =
            raw.sqlite3_column_int64(statement, 1) == network && holding.Count == (hasIPv4 ? 1 : 0) + (hasIPv6 ? 1 : 0);
        for (var i = 0; areSame && i < holding.Count; i++)
        {
            var address = holding.AddressAt(i);
            areSame =
                address.Family == AddressFamily.IPv4
                    ? hasIPv4 && raw.sqlite3_column_int64(statement, 2) == (long)address.Value
                    : hasIPv6
                        && raw.sqlite3_column_blob(statement, 3) is { Length: 16 } bytes
                        && BinaryPrimitives.ReadUInt128BigEndian(bytes) == address.Value;
        }

        return areSame;
    }
}
