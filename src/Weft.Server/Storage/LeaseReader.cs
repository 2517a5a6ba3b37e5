using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Weft.Server.Storage;

/// <summary>
/// Reads all records of leases of a store: SQLite hands them out one by one, and what follows of each is done beside that, on as
/// many threads as there are processors.
/// </summary>
internal sealed class LeaseReader
{
    /// <summary>Small beside what a large store has, and large beside handing it over.</summary>
    private const int RecordsPerPart = 4096;

    private readonly Func<int, string?> _nameOf;
    private readonly (long Id, long Sum, int End)[] _raw = new (long, long, int)[RecordsPerPart];
    private readonly LeaseRecord[] _records = new LeaseRecord[RecordsPerPart];
    private byte[] _bodies = new byte[128 * RecordsPerPart];
    private int _count;

    private LeaseReader(LeaseNames names) => _nameOf = names.Find;

    /// <summary>The records in the order of their numbers.</summary>
    public static IEnumerable<LeaseRecord> Read(SqliteConnection connection, LeaseNames names)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, body, sum FROM leases ORDER BY id";
        using var reader = command.ExecuteReader();
        // Parts are used again: their bytes are too many to be left to the collector.
        var free = new Stack<LeaseReader>(
            Enumerable.Range(0, Environment.ProcessorCount + 1).Select(_ => new LeaseReader(names))
        );
        var underWay = new Queue<Task<LeaseReader>>();
        bool isMore;
        do
        {
            var part = free.Pop();
            isMore = part.Fill(reader);
            underWay.Enqueue(Task.Run(part.TakeApart));
            while (underWay.Count > 0 && (free.Count == 0 || !isMore))
            {
                var done = underWay.Dequeue().GetAwaiter().GetResult();
                for (var i = 0; i < done._count; i++)
                    yield return done._records[i];
                free.Push(done);
            }
        } while (isMore);
    }

    /// <returns>Whether there may be more behind what it took.</returns>
    private bool Fill(SqliteDataReader reader)
    {
        var end = 0;
        for (_count = 0; _count < RecordsPerPart; _count++)
        {
            if (!reader.Read())
                return false;
            var (id, sum) = StoreLoader.ReadNumbers(reader.Handle!);
            var body = raw.sqlite3_column_blob(reader.Handle!, 1);
            if (end + body.Length > _bodies.Length)
                Array.Resize(ref _bodies, Math.Max(2 * _bodies.Length, end + body.Length));
            body.CopyTo(_bodies.AsSpan(end));
            end += body.Length;
            _raw[_count] = (id, sum, end);
        }

        return true;
    }

    private LeaseReader TakeApart()
    {
        var begin = 0;
        for (var i = 0; i < _count; i++)
        {
            var (id, sum, end) = _raw[i];
            _records[i] = StoreLoader.ReadLease(id, sum, _bodies.AsSpan(begin, end - begin), _nameOf);
            begin = end;
        }

        return this;
    }
}
