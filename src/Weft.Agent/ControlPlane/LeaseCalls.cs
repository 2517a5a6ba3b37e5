using Weft.Contracts;

namespace Weft.Agent.ControlPlane;

/// <summary>What the control plane answered one request about a lease.</summary>
/// <param name="Lease">What is held; null for a release, and where there is an error.</param>
/// <param name="Error">Why it wasn't done; null where it was.</param>
internal readonly record struct LeaseAnswer(PodLease? Lease, ControlPlaneException? Error);

/// <summary>
/// Asks weftd about leases, several at once in one call: what waits costs the way there and the commit once.
/// </summary>
/// <remarks>A weftd of before knows no such call: then each goes alone.</remarks>
/// <param name="stopping">The agent's end; what others asked for isn't ended by anything else.</param>
internal sealed class LeaseCalls(ControlPlaneClient plane, CancellationToken stopping)
{
    /// <summary>
    /// How many calls with acquires are under way at most. What comes then waits for one of them to end, and goes with all
    /// that waits: so nobody waits for company where there is none.
    /// </summary>
    private const int MaxCalls = 4;

    private const int NotFound = 404;

    private readonly Lock _guard = new();

    // Guarded by _guard.
    private readonly Queue<WaitingAcquire> _waiting = new();
    private int _underWay;

    private volatile bool _isUnknown;

    /// <summary>Acquires, alone or together with others that wait.</summary>
    /// <exception cref="ControlPlaneException">It was refused, or there was no good answer.</exception>
    public Task<PodLease> Acquire(PodLeaseRequest request)
    {
        var waiting = new WaitingAcquire(request);
        lock (_guard)
        {
            _waiting.Enqueue(waiting);
            if (_underWay == MaxCalls)
                return waiting.Task;
            _underWay++;
        }

        _ = AcquireWaiting();
        return waiting.Task;
    }

    /// <summary>Asks for several things in one call.</summary>
    /// <param name="items">At most <see cref="LeaseBatchBody.MaxItems"/>, each of another holder.</param>
    /// <returns>An answer for each, in order. Where the call itself failed it is every one's.</returns>
    public async Task<IReadOnlyList<LeaseAnswer>> Send(IReadOnlyList<BatchedLeaseRequest> items)
    {
        if (items is [{ Verb: not LeaseVerb.Confirm } one])
            return [await SendAlone(one)];
        try
        {
            if (!_isUnknown)
                return [.. (await plane.SendBatch(items, stopping)).Select(Read)];
        }
        catch (ControlPlaneException e) when (e is { Status: NotFound, Code: nameof(RefusalCode.InvalidResourceId) })
        {
            _isUnknown = true;
        }
        catch (ControlPlaneException e)
        {
            return [.. items.Select(_ => new LeaseAnswer(null, e))];
        }

        return await Task.WhenAll(items.Select(SendAlone));
    }

    private async Task AcquireWaiting()
    {
        while (TakeWaiting() is { Count: > 0 } waiting)
        {
            try
            {
                var answers = await Send([
                    .. waiting.Select(w => new BatchedLeaseRequest(LeaseVerb.Acquire, w.Request)),
                ]);
                for (var i = 0; i < answers.Count; i++)
                    waiting[i].Complete(answers[i]);
            }
            catch (OperationCanceledException e)
            {
                waiting.ForEach(w => w.TrySetCanceled(e.CancellationToken));
            }
            catch (Exception e)
            {
                waiting.ForEach(w => w.TrySetException(e));
            }
        }
    }

    /// <returns>Empty where nobody waits: then the call that was under way has ended.</returns>
    private List<WaitingAcquire> TakeWaiting()
    {
        var taken = new List<WaitingAcquire>();
        lock (_guard)
        {
            while (taken.Count < LeaseBatchBody.MaxItems && _waiting.TryDequeue(out var next))
                taken.Add(next);
            if (taken.Count == 0)
                _underWay--;
        }

        return taken;
    }

    private async Task<LeaseAnswer> SendAlone(BatchedLeaseRequest item)
    {
        try
        {
            switch (item.Verb)
            {
                case LeaseVerb.Acquire:
                    return new LeaseAnswer(await plane.Acquire(item.Request, stopping), null);
                case LeaseVerb.Release:
                    await plane.Release(item.Request.Holder, stopping);
                    return default;
                default:
                    throw new ControlPlaneException("weftd is of a version that doesn't say what a holder has");
            }
        }
        catch (ControlPlaneException e)
        {
            return new LeaseAnswer(null, e);
        }
    }

    private static LeaseAnswer Read(BatchedLeaseAnswer answer) =>
        answer.Status is 200 or 204
            ? new LeaseAnswer(answer.Lease, null)
            : new LeaseAnswer(
                null,
                new ControlPlaneException($"{answer.Error?["error"]?["code"]}: {answer.Error?["error"]?["message"]}")
                {
                    Status = answer.Status,
                    ErrorBody = answer.Error,
                    RetryAfter = answer.RetryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                }
            );

    private sealed class WaitingAcquire(PodLeaseRequest request)
        : TaskCompletionSource<PodLease>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public PodLeaseRequest Request => request;

        public void Complete(LeaseAnswer answer)
        {
            if (answer.Lease is { } lease)
                SetResult(lease);
            else
                SetException(answer.Error ?? new ControlPlaneException("the control plane answered without a lease"));
        }
    }
}
