namespace Weft.Agent.Leases;

/// <summary>
/// One lane per holder that somebody is busy with: what is asked of the control plane for one holder goes one by one, in order.
/// </summary>
internal sealed class Lanes
{
    private readonly Lock _guard = new();
    private readonly Dictionary<Holder, Lane> _lanes = [];

    /// <summary>Joins the lane of a holder, without waiting.</summary>
    public Lane Join(Holder holder)
    {
        lock (_guard)
        {
            if (!_lanes.TryGetValue(holder, out var lane))
                _lanes[holder] = lane = new Lane(this, holder);
            lane.Users++;
            return lane;
        }
    }

    /// <summary>Tells those who are busy with a holder that it is gone.</summary>
    public void MarkGone(Holder holder)
    {
        lock (_guard)
        {
            if (_lanes.TryGetValue(holder, out var lane))
                lane.Gone++;
        }
    }

    /// <summary>A lane: who has joined it may wait for its turn.</summary>
    internal sealed class Lane(Lanes all, Holder holder) : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1, 1);
        private int _gone;

        /// <summary>How many have joined; guarded by the lanes' lock.</summary>
        public int Users { get; set; }

        /// <summary>How often the holder was said to be gone while somebody was in the lane. It grows under the lanes' lock.</summary>
        public int Gone
        {
            get => Volatile.Read(ref _gone);
            set => Volatile.Write(ref _gone, value);
        }

        /// <summary>Waits for the turn; first come, first served.</summary>
        /// <returns>Done when it is the caller's turn, until <see cref="EndTurn"/>.</returns>
        public Task Turn(CancellationToken cancel) => _turn.WaitAsync(cancel);

        /// <summary>Takes the turn if nobody has it.</summary>
        /// <returns>True if it is the caller's turn now.</returns>
        public bool TryTurn() => _turn.Wait(0);

        /// <summary>Lets the next one have its turn.</summary>
        public void EndTurn() => _turn.Release();

        /// <summary>Leaves the lane; the last one takes it away.</summary>
        public void Dispose()
        {
            lock (all._guard)
            {
                if (--Users > 0)
                    return;
                all._lanes.Remove(holder);
            }

            _turn.Dispose();
        }
    }
}
