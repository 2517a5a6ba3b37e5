using System.Net;
using Weft.Contracts;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Transport;

namespace Weft.Server.Audit;

/// <summary>
/// Sums refusals up, so that nobody pushes the records of others out of the files by being refused: strangers always,
/// within a budget of their own; known callers beyond an allowance (docs/specs/audit.md, "Strangers").
/// </summary>
internal sealed class RefusalSummary(AuditLog log, RefusalThrottle throttle, TimeProvider time) : BackgroundService
{
    /// <summary>How often sums are written.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>How many sources have a sum of their own.</summary>
    public const int MaxSources = 32;

    /// <summary>What strangers may use up at once, in bytes.</summary>
    public const int BudgetBytes = 32 * 1024;

    private const int MaxCallers = 256;
    private const int BudgetBytesPerMinute = 512;

    /// <summary>How many refusals of a caller are recorded one by one at once, and how many a minute.</summary>
    private const int Allowance = 30;
    private const int AllowancePerMinute = 6;

    private readonly Lock _lock = new();
    private readonly SumTable _strangers = new(MaxSources);
    private readonly SumTable _callers = new(MaxCallers);
    private readonly Dictionary<string, TokenBucket> _allowances = new(StringComparer.Ordinal);
    private readonly TokenBucket _budget = new(BudgetBytes, time.GetTimestamp());

    /// <summary>Asks whether a refusal has a line of its own; else it is summed.</summary>
    public bool Admit(AuditRecord record, IPAddress source)
    {
        lock (_lock)
        {
            if (record.CallerType == AuditCallerType.Stranger)
            {
                _strangers.Add($"{AddressNormalizer.SourceOf(source)}", record);
                return false;
            }

            if (!_allowances.TryGetValue(record.Who, out var allowance))
            {
                if (_allowances.Count >= MaxCallers)
                    _allowances.Clear();
                _allowances[record.Who] = allowance = new TokenBucket(Allowance, time.GetTimestamp());
            }

            if (allowance.TryTake(1, Allowance, AllowancePerMinute, time))
                return true;
            _callers.Add(record.Who, record);
            return false;
        }
    }

    /// <summary>Writes the sums.</summary>
    /// <param name="isLast">Whether nothing is kept for later.</param>
    public void Flush(bool isLast = false)
    {
        lock (_lock)
        {
            foreach (var sum in _callers.Take())
                log.Enqueue(sum);
            var written = _strangers.Take(sum => TryPay(sum));
            foreach (var sum in written)
                log.Enqueue(sum);
            if (_strangers.TakeRest(sum => isLast || TryPay(sum)) is { } rest)
                log.Enqueue(rest);
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Flush(isLast: true);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Flush();
                throttle.RemoveExpired();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // weftd stops.
        }
    }

    /// <summary>Pays for a line with the longest number that it can have.</summary>
    private bool TryPay(AuditRecord sum) =>
        _budget.TryTake(
            (sum with { Number = long.MaxValue }).ToBytes().Length + 1,
            BudgetBytes,
            BudgetBytesPerMinute,
            time
        );

    /// <summary>So much at once, and so much a minute.</summary>
    private sealed class TokenBucket(double left, long at)
    {
        private double _left = left;
        private long _at = at;

        public bool TryTake(double amount, double most, double perMinute, TimeProvider time)
        {
            var now = time.GetTimestamp();
            _left = Math.Min(most, _left + (perMinute * time.GetElapsedTime(_at, now).TotalMinutes));
            _at = now;
            if (_left < amount)
                return false;
            _left -= amount;
            return true;
        }
    }
}
