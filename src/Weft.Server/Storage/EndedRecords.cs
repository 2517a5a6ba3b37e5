using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Data.Sqlite;
using Weft.Addressing;
using Weft.Networks;

namespace Weft.Server.Storage;

/// <summary>
/// The leases that have ended, in the file: what rests is read off them at the start, and who had an address when it is asked
/// (docs/specs/store.md, "Leases that have ended"). For the one thread that writes.
/// </summary>
internal sealed class EndedRecords : IDisposable
{
    /// <summary>How many old ones are looked at for each that is written: so the table shrinks to a lower bound in time.</summary>
    private const int LooksPerWrite = 2;

    private readonly StoreSettings _settings;
    private readonly Func<string, int> _numberOf;
    private readonly StoreStatement _put;
    private readonly StoreStatement _remove;
    private readonly StoreStatement _oldest;
    private readonly StoreStatement _beyondIPv4;
    private readonly StoreStatement _beyondIPv6;
    private readonly ArrayBufferWriter<byte> _body = new(256);
    private long _last;
    private long _kept;

    /// <param name="numberOf">The number that stands for an id of a network or cluster.</param>
    public EndedRecords(SqliteConnection connection, StoreSettings settings, Func<string, int> numberOf)
    {
        (_settings, _numberOf) = (settings, numberOf);
        _put = new StoreStatement(
            connection,
            "INSERT INTO ended(id, network, ipv4, ipv6, clock, body, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        );
        _remove = new StoreStatement(connection, "DELETE FROM ended WHERE id = ?1");
        _oldest = new StoreStatement(connection, "SELECT id, clock, sum FROM ended ORDER BY id LIMIT ?1");
        _beyondIPv4 = new StoreStatement(
            connection,
            "SELECT id, clock, sum FROM ended WHERE network = ?1 AND ipv4 = ?2 ORDER BY id DESC LIMIT 8 OFFSET ?3"
        );
        _beyondIPv6 = new StoreStatement(
            connection,
            "SELECT id, clock, sum FROM ended WHERE network = ?1 AND ipv6 = ?2 ORDER BY id DESC LIMIT 8 OFFSET ?3"
        );
        _last = _kept = long.Parse(
            StoreConnection.Query(connection, "SELECT CAST(IFNULL(MAX(id), 0) AS TEXT) FROM ended")[0],
            System.Globalization.CultureInfo.InvariantCulture
        );
    }

    /// <summary>Writes what a change of leases has ended, in the transaction that is under way, and removes what is too old.</summary>
    /// <param name="network">The network's number.</param>
    /// <returns>The head with it.</returns>
    public StoreHead Write(StoreHead head, LeaseChanges changes, int network)
    {
        var written = 0;
        foreach (var (old, next) in changes.Changes)
        {
            foreach (var ended in Holding.Ended(old, next))
            {
                head = Put(head, ended, changes.End, network);
                written++;
            }
        }

        return written == 0 ? head : RemoveOldest(head, changes.End.Clock, written * LooksPerWrite);
    }

    /// <summary>What was written is durable.</summary>
    public void Keep() => _kept = _last;

    /// <summary>What was written is not.</summary>
    public void Forget() => _last = _kept;

    /// <inheritdoc/>
    public void Dispose()
    {
        _put.Dispose();
        _remove.Dispose();
        _oldest.Dispose();
        _beyondIPv4.Dispose();
        _beyondIPv6.Dispose();
    }

    private StoreHead Put(StoreHead head, Holding ended, EndTime end, int network)
    {
        _body.ResetWrittenCount();
        BinaryPrimitives.WriteInt64LittleEndian(_body.GetSpan(8), end.Ticks);
        _body.Advance(8);
        HoldingFormat.Write(_body, ended, network, _numberOf);
        var id = ++_last;
        var checksum = RowChecksum.OfEnded(id, end.Clock, _body.WrittenSpan);
        Span<byte> ipv6 = stackalloc byte[16];
        var (hasIPv4, hasIPv6, ipv4) = (false, false, 0u);
        for (var i = 0; i < ended.Count; i++)
        {
            var address = ended.AddressAt(i);
            if (address.Family == AddressFamily.IPv4)
                (hasIPv4, ipv4) = (true, (uint)address.Value);
            else
            {
                hasIPv6 = true;
                BinaryPrimitives.WriteUInt128BigEndian(ipv6, address.Value);
            }
        }

        _put.Bind(1, id);
        _put.Bind(2, network);
        if (hasIPv4)
            _put.Bind(3, ipv4);
        else
            _put.BindNull(3);
        if (hasIPv6)
            _put.Bind(4, ipv6);
        else
            _put.BindNull(4);
        _put.Bind(5, end.Clock);
        _put.Bind(6, _body.WrittenSpan);
        _put.Bind(7, checksum);
        _put.Run();
        head = head.WithEnded(id, checksum, 1);
        // A pair of addresses counts as the first of the two.
        var beyond = hasIPv4 ? _beyondIPv4 : _beyondIPv6;
        beyond.Bind(1, network);
        if (hasIPv4)
            beyond.Bind(2, ipv4);
        else
            beyond.Bind(2, ipv6);
        beyond.Bind(3, _settings.HistoryPerAddress);
        return Remove(head, beyond.ReadAll());
    }

    private StoreHead RemoveOldest(StoreHead head, long clock, int looks)
    {
        var tooMany = head.EndedRows - _settings.HistoryEntries;
        _oldest.Bind(1, looks);
        var before = clock - (long)TimeSpan.FromDays(_settings.HistoryDays).TotalMilliseconds;
        return Remove(head, [.. _oldest.ReadAll().Where((row, i) => i < tooMany || row.Clock < before)]);
    }

    private StoreHead Remove(StoreHead head, IReadOnlyList<(long Id, long Clock, long Checksum)> rows)
    {
        foreach (var (id, _, checksum) in rows)
        {
            _remove.Bind(1, id);
            _remove.Run();
            head = head.WithEnded(id, (uint)checksum, -1);
        }

        return head;
    }
}
