using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Server.Leases;

/// <summary>One call's requests of one network; it is done once each is answered.</summary>
internal sealed class PendingCall(int count) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private int _unanswered = count;

    /// <summary>One more is answered.</summary>
    public void CountAnswer()
    {
        if (Interlocked.Decrement(ref _unanswered) == 0)
            SetResult();
    }
}

/// <summary>A request that waits for its batch.</summary>
internal sealed class PendingLease(LeaseRequest request, PendingCall call)
{
    private Outcome<ImmutableArray<Lease>> _answer;
    private int _isAnswered;

    /// <summary>What is asked.</summary>
    public LeaseRequest Request => request;

    /// <summary>What came of it; known once its call is done.</summary>
    public Outcome<ImmutableArray<Lease>> Answer => _answer;

    /// <summary>Answers it, unless it is answered already.</summary>
    public void Complete(Outcome<ImmutableArray<Lease>> answer)
    {
        if (Interlocked.Exchange(ref _isAnswered, 1) == 1)
            return;
        _answer = answer;
        call.CountAnswer();
    }
}
