using System.Diagnostics.CodeAnalysis;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>
/// What the journal amounts to: who holds what, and what is still to be released. Entries come in by <see cref="Apply"/> alone, in
/// the order they stand on the disk, so that what was lived through and what is read back after a crash can't differ.
/// </summary>
internal sealed class LeaseBook
{
    private readonly Lock _guard = new();
    private readonly Dictionary<Holder, JournalEntry> _held = [];
    private readonly Dictionary<Holder, JournalEntry> _wanted = [];
    private long _lastWant;

    /// <summary>How many entries a journal of this book alone would have.</summary>
    public int Count
    {
        get
        {
            lock (_guard)
                return _held.Count + _wanted.Count;
        }
    }

    /// <summary>A number for a new wish to release, higher than every one before it.</summary>
    public long NextWant() => Interlocked.Increment(ref _lastWant);

    /// <summary>The lease of a holder, unless it is to be released.</summary>
    public bool TryGet(Holder holder, [NotNullWhen(true)] out Lease? lease)
    {
        lock (_guard)
            lease = _held.TryGetValue(holder, out var entry) ? entry.Lease : null;
        return lease is not null;
    }

    /// <summary>The number of the holder's latest wish to release that isn't met yet.</summary>
    /// <returns>The number, or null where nothing is to be released.</returns>
    public long? WantOf(Holder holder)
    {
        lock (_guard)
            return _wanted.TryGetValue(holder, out var entry) ? entry.Want : null;
    }

    /// <summary>All holders whose release isn't met yet, the longest waiting first.</summary>
    public IReadOnlyList<Holder> Releasing()
    {
        lock (_guard)
            return [.. _wanted.OrderBy(pair => pair.Value.Want).Select(pair => pair.Key)];
    }

    /// <summary>Takes in one entry that is on the disk.</summary>
    /// <returns>False where it isn't one the format knows.</returns>
    public bool Apply(JournalEntry entry)
    {
        if (!ResourceId.TryParse(entry.Network, out var network))
            return false;
        var holder = new Holder(network, entry.ContainerId, entry.Interface);
        lock (_guard)
        {
            switch (entry)
            {
                // A grant behind a wish that isn't met is what that wish releases: the DEL came while the ADD was unanswered.
                case { Did: JournalEntry.Granted, Lease.IsWhole: true }:
                    if (!_wanted.ContainsKey(holder))
                        _held[holder] = entry;
                    return true;
                case { Did: JournalEntry.ReleaseWanted, Want: { } want }:
                    _held.Remove(holder);
                    _wanted[holder] = entry;
                    if (want > Interlocked.Read(ref _lastWant))
                        Interlocked.Exchange(ref _lastWant, want);
                    return true;

                // Only the wish that was sent is met: one that came meanwhile is still to be sent.
                case { Did: JournalEntry.Released, Want: { } met }:
                    if (_wanted.TryGetValue(holder, out var pending) && pending.Want <= met)
                        _wanted.Remove(holder);
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>The shortest list of entries that amounts to this book.</summary>
    public IReadOnlyList<JournalEntry> Entries()
    {
        lock (_guard)
            return [.. _held.Values, .. _wanted.Values.OrderBy(entry => entry.Want)];
    }
}
