namespace Weft.Server.Relays;

/// <summary>So many bytes a day, and no more.</summary>
/// <param name="bytes">How many.</param>
internal sealed class DailyBudget(long bytes, TimeProvider time)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private DateTimeOffset _dayBegan = time.GetUtcNow();
    private long _spent;

    /// <summary>Spends some of it; a new day begins with the first that is spent after the old one.</summary>
    /// <returns>Whether there was enough.</returns>
    public bool TrySpend(int count)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (now - _dayBegan >= Day)
                (_dayBegan, _spent) = (now, 0);
            if (_spent + count > bytes)
                return false;
            _spent += count;
            return true;
        }
    }
}
