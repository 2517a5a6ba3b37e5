using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>
/// One entry per holder that somebody is busy with: what is asked of the control plane for one holder goes one by one,
/// in order.
/// </summary>
internal sealed class KeyedLock
{
    private readonly Lock _guard = new();
    private readonly Dictionary<LeaseHolder, Entry> _entries = [];

    /// <summary>Opens the entry of a holder, without waiting.</summary>
    public Entry Open(LeaseHolder holder)
    {
        lock (_guard)
        {
            if (!_entries.TryGetValue(holder, out var entry))
                _entries[holder] = entry = new Entry(this, holder);
            entry.Users++;
            return entry;
        }
    }

    /// <summary>Whether somebody is busy with a holder.</summary>
    public bool IsOpen(LeaseHolder holder)
    {
        lock (_guard)
            return _entries.ContainsKey(holder);
    }

    /// <summary>Tells those who are busy with a holder that it is gone.</summary>
    public void MarkReleased(LeaseHolder holder)
    {
        lock (_guard)
        {
            if (_entries.TryGetValue(holder, out var entry))
                entry.ReleaseCount++;
        }
    }

    /// <summary>An entry: who has opened it may wait for the lock.</summary>
    internal sealed class Entry(KeyedLock all, LeaseHolder holder) : IDisposable
    {
        private readonly SemaphoreSlim _semaphore = new(1, 1);
        private int _releaseCount;

        /// <summary>How many have opened it; guarded by the outer lock.</summary>
        public int Users { get; set; }

        /// <summary>
        /// How often the holder was said to be gone while somebody had the entry open. It grows under the outer lock.
        /// </summary>
        public int ReleaseCount
        {
            get => Volatile.Read(ref _releaseCount);
            set => Volatile.Write(ref _releaseCount, value);
        }

        /// <summary>Waits for the turn; first come, first served.</summary>
        /// <returns>Done when it is the caller's turn, until <see cref="Exit"/>.</returns>
        public Task Enter(CancellationToken cancel) => _semaphore.WaitAsync(cancel);

        /// <summary>Takes the turn if nobody has it.</summary>
        /// <returns>True if it is the caller's turn now.</returns>
        public bool TryEnter() => _semaphore.Wait(0);

        /// <summary>Lets the next one have its turn.</summary>
        public void Exit() => _semaphore.Release();

        /// <summary>Closes the entry; the last one removes it.</summary>
        public void Dispose()
        {
            lock (all._guard)
            {
                if (--Users > 0)
                    return;
                all._entries.Remove(holder);
            }

            _semaphore.Dispose();
        }
    }
}
