namespace Weft.Server.Http;

/// <summary>What bounded a caller.</summary>
internal enum QuotaBound
{
    /// <summary>Nothing: it was given.</summary>
    None,

    /// <summary>The caller has as much as one may have.</summary>
    Caller,

    /// <summary>All callers together have as much as there is.</summary>
    All,
}

/// <summary>
/// An amount that all callers share, and of which one may have so much. Nothing is kept of callers that have nothing.
/// </summary>
internal sealed class SharedQuota(long all, long perCaller)
{
    private readonly Lock _guard = new();
    private readonly Dictionary<string, long> _taken = new(StringComparer.Ordinal);
    private long _sum;

    /// <summary>What one caller may have.</summary>
    public long PerCaller => perCaller;

    /// <summary>What there is in all.</summary>
    public long All => all;

    /// <summary>How much all callers have.</summary>
    public long Taken
    {
        get
        {
            lock (_guard)
                return _sum;
        }
    }

    /// <summary>Takes some, all of it or nothing.</summary>
    public QuotaBound Take(string caller, long amount)
    {
        lock (_guard)
        {
            var taken = _taken.GetValueOrDefault(caller);
            if (taken + amount > perCaller)
                return QuotaBound.Caller;
            if (_sum + amount > all)
                return QuotaBound.All;
            _taken[caller] = taken + amount;
            _sum += amount;
            return QuotaBound.None;
        }
    }

    /// <summary>Gives some back.</summary>
    public void Return(string caller, long amount)
    {
        lock (_guard)
        {
            _sum -= amount;
            if ((_taken[caller] -= amount) == 0)
                _taken.Remove(caller);
        }
    }
}
