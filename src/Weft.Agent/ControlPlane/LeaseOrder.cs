using Weft.Contracts;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// Numbers the requests about leases, so that weftd can tell one that comes late. Contract: docs/specs/agent-api.md,
/// "Leases".
/// </summary>
/// <param name="open">Opens a session at weftd and returns its name.</param>
internal sealed class LeaseOrder(Func<CancellationToken, Task<string>> open) : IDisposable
{
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly Lock _guard = new();

    // Guarded by _guard.
    private readonly SortedSet<long> _awaited = [];
    private string? _session;
    private long _last;

    /// <summary>Takes the next numbers. They are awaited until <see cref="End"/>.</summary>
    /// <param name="count">How many: one for each item of a batch.</param>
    /// <returns>The order of the first.</returns>
    public async Task<RequestOrder> Begin(int count, CancellationToken cancel)
    {
        var session = CurrentSession() ?? await OpenSession(cancel);
        lock (_guard)
        {
            // The first stands for all: none of them is given up before the others.
            var first = _last + 1;
            _last += count;
            _awaited.Add(first);
            return new RequestOrder(session, first, _awaited.Min);
        }
    }

    /// <summary>It was answered, or nobody waits for it any more: should it still come to weftd, it is to do nothing.</summary>
    public void End(RequestOrder order)
    {
        lock (_guard)
            _awaited.Remove(order.Sequence);
    }

    /// <summary>weftd doesn't know the session (any more): the next request opens another.</summary>
    public void EndSession(RequestOrder order)
    {
        lock (_guard)
        {
            if (_session == order.Session)
                _session = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _opening.Dispose();

    private string? CurrentSession()
    {
        lock (_guard)
            return _session;
    }

    /// <summary>One for all that ask at once: each one opened would end the one before.</summary>
    private async Task<string> OpenSession(CancellationToken cancel)
    {
        await _opening.WaitAsync(cancel);
        try
        {
            if (CurrentSession() is { } opened)
                return opened;
            var session = await open(cancel);
            lock (_guard)
                return _session = session;
        }
        finally
        {
            _opening.Release();
        }
    }
}
