using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>Records, counted by whom they are about: those that came first by name, all others together.</summary>
/// <param name="capacity">How many have a sum of their own.</param>
internal sealed class SumTable(int capacity)
{
    private readonly Dictionary<string, AuditRecord> _sums = new(StringComparer.Ordinal);
    private AuditRecord? _rest;

    /// <summary>Counts a record.</summary>
    public void Add(string key, AuditRecord record)
    {
        if (_sums.TryGetValue(key, out var sum))
            _sums[key] = sum with { Count = sum.Count + 1, Last = record.Time };
        else if (_sums.Count < capacity)
            _sums[key] = BeginSum(record);
        else
            AddToRest(BeginSum(record));
    }

    /// <summary>Takes all sums out, with that of the others.</summary>
    public IReadOnlyList<AuditRecord> Take() =>
        TakeRest(_ => true) is { } rest ? [.. Take(_ => true), rest] : Take(_ => true);

    /// <summary>Takes the sums out; those that can't be paid for are added to that of the others.</summary>
    public IReadOnlyList<AuditRecord> Take(Predicate<AuditRecord> pay)
    {
        var taken = new List<AuditRecord>();
        foreach (var sum in _sums.Values)
        {
            if (pay(sum))
                taken.Add(sum);
            else
                AddToRest(sum);
        }

        _sums.Clear();
        return taken;
    }

    /// <summary>Takes out the sum of the others.</summary>
    /// <returns>Null where there is none, or it can't be paid for: then it stays.</returns>
    public AuditRecord? TakeRest(Predicate<AuditRecord> pay)
    {
        if (_rest is null || !pay(_rest))
            return null;
        var rest = _rest;
        _rest = null;
        return rest;
    }

    private static AuditRecord BeginSum(AuditRecord record) =>
        record with
        {
            Count = 1,
            First = record.Time,
            Last = record.Time,
            // Of many requests there is no one id.
            RequestId = null,
            CorrelationId = null,
            Detail = null,
        };

    private void AddToRest(AuditRecord sum) =>
        _rest = _rest is null
            ? sum with
            {
                Who = "others",
                From = null,
                Id = null,
                Action = null,
                Target = null,
            }
            : _rest with
            {
                Count = _rest.Count + sum.Count,
                Last = sum.Last,
            };
}
