using System.Buffers;
using Microsoft.Data.Sqlite;
using Weft.Addressing;
using Weft.Networks;

namespace Weft.Server.Storage;

/// <summary>
/// The records of leases in the file, and the ids that stand in them as numbers (docs/specs/store.md, "Leases"). For the one
/// thread that writes.
/// </summary>
internal sealed class LeaseRecords : IDisposable
{
    private readonly LeaseNames _names;
    private readonly Func<string, int> _numberOf;
    private readonly StoreStatement _put;
    private readonly StoreStatement _remove;
    private readonly StoreStatement _name;
    private readonly ArrayBufferWriter<byte> _body = new(256);

    // Numbers of records that are free: they are used again, so that pages of the file don't keep a record each for ever.
    private readonly Stack<int> _free = new();
    private readonly List<Holding> _numbered = [];
    private readonly List<int> _freed = [];
    private int _last;
    private long _rows;
    private ulong _sum;

    /// <param name="used">The numbers of the records that are there.</param>
    public LeaseRecords(SqliteConnection connection, LeaseNames names, IEnumerable<int> used)
    {
        (_names, _numberOf) = (names, NumberOf);
        _put = new StoreStatement(connection, "INSERT OR REPLACE INTO leases(id, body, sum) VALUES(?1, ?2, ?3)");
        _remove = new StoreStatement(connection, "DELETE FROM leases WHERE id = ?1");
        _name = new StoreStatement(connection, "INSERT INTO names(id, text, sum) VALUES(?1, ?2, ?3)");
        foreach (var id in used)
        {
            for (var gap = _last + 1; gap < id; gap++)
                _free.Push(gap);
            _last = id;
        }
    }

    /// <summary>Writes a change of leases in the transaction that is under way.</summary>
    /// <returns>The head with it.</returns>
    public StoreHead Write(StoreHead head, LeaseChanges changes)
    {
        (_rows, _sum) = (head.Rows, head.Sum);
        var network = NumberOf(changes.NetworkKey);
        foreach (var (old, holding) in changes.Changes)
        {
            if (old is not null)
                Count(old.StoreId, ChecksumOf(old, network), -1);
            if (holding is not null)
                Put(holding, network, old?.StoreId ?? 0);
            else if (old is not null)
            {
                _remove.Bind(1, old.StoreId);
                _remove.Run();
                _freed.Add(old.StoreId);
            }
        }

        return head with
        {
            Rows = _rows,
            Sum = _sum,
        };
    }

    /// <summary>What was written is durable.</summary>
    public void Keep()
    {
        _freed.ForEach(_free.Push);
        _freed.Clear();
        _numbered.Clear();
        _names.Keep();
    }

    /// <summary>What was written is not.</summary>
    public void Forget()
    {
        foreach (var holding in _numbered)
        {
            _free.Push(holding.StoreId);
            holding.StoreId = 0;
        }

        _freed.Clear();
        _numbered.Clear();
        _names.Forget();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _put.Dispose();
        _remove.Dispose();
        _name.Dispose();
    }

    private void Put(Holding holding, int network, int id)
    {
        if (id == 0)
        {
            id = _free.TryPop(out var free) ? free : ++_last;
            _numbered.Add(holding);
        }

        holding.StoreId = id;
        var checksum = ChecksumOf(holding, network);
        _put.Bind(1, id);
        _put.Bind(2, _body.WrittenSpan);
        _put.Bind(3, checksum);
        _put.Run();
        Count(id, checksum, 1);
    }

    /// <summary>The checksum of a record, whose bytes are then in the buffer.</summary>
    private uint ChecksumOf(Holding holding, int network)
    {
        _body.ResetWrittenCount();
        HoldingFormat.Write(_body, holding, network, _numberOf);
        return RowChecksum.Of(holding.StoreId, _body.WrittenSpan);
    }

    private int NumberOf(string name)
    {
        if (_names.Find(name) is { } known)
            return known;
        var number = _names.Add(name);
        var checksum = RowChecksum.OfName(number, name);
        _name.Bind(1, number);
        _name.Bind(2, name);
        _name.Bind(3, checksum);
        _name.Run();
        Count(number, checksum, 1);
        return number;
    }

    private void Count(int id, uint checksum, int sign)
    {
        var term = RowChecksum.Term(checksum, id);
        _rows += sign;
        _sum = sign > 0 ? _sum + term : _sum - term;
    }
}

/// <summary>The ids of networks and clusters, each by the number that stands for it in records.</summary>
internal sealed class LeaseNames
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _names = [];
    private readonly List<int> _added = [];
    private int _last;

    /// <summary>The number of an id; null where it has none.</summary>
    public int? Find(string name) => _numbers.TryGetValue(name, out var number) ? number : null;

    /// <summary>The id of a number; null where there is none.</summary>
    public string? Find(int number) => _names.GetValueOrDefault(number);

    /// <summary>Notes what the file has.</summary>
    public void Note(int number, string name)
    {
        _numbers[name] = number;
        _names[number] = name;
        _last = Math.Max(_last, number);
    }

    /// <summary>Gives an id a number, which is to be written.</summary>
    public int Add(string name)
    {
        Note(_last + 1, name);
        _added.Add(_last);
        return _last;
    }

    /// <summary>What was added is durable.</summary>
    public void Keep() => _added.Clear();

    /// <summary>What was added is not.</summary>
    public void Forget()
    {
        foreach (var number in _added)
        {
            _numbers.Remove(_names[number]);
            _names.Remove(number);
        }

        _added.Clear();
    }
}
