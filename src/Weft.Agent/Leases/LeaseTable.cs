using System.Diagnostics.CodeAnalysis;
using Weft.Agent.Blocks;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>
/// What the journal amounts to: who holds what, and what is still to be released. Entries come in by
/// <see cref="Apply"/> alone, in the order they stand on the disk, so that what was lived through and what is read back
/// after a crash can't differ.
/// </summary>
internal sealed class LeaseTable
{
    private readonly Lock _guard = new();
    private readonly Dictionary<LeaseHolder, JournalEntry> _leases = [];
    private readonly Dictionary<LeaseHolder, JournalEntry> _requests = [];
    private readonly Dictionary<LeaseHolder, JournalEntry> _releases = [];
    private long _lastReleaseNumber;

    /// <summary>The blocks that the journal owns.</summary>
    public BlockTable Blocks { get; } = new();

    /// <summary>How many entries a journal of this table alone would have.</summary>
    public int Count
    {
        get
        {
            lock (_guard)
                return _leases.Count + _requests.Count + _releases.Count + Blocks.Blocks.Length;
        }
    }

    /// <summary>A number for a new request to release, higher than every one before it.</summary>
    public long NextReleaseNumber()
    {
        lock (_guard)
            return ++_lastReleaseNumber;
    }

    /// <summary>The lease of a holder, unless it is to be released.</summary>
    public bool TryGet(LeaseHolder holder, [NotNullWhen(true)] out PodLease? lease)
    {
        lock (_guard)
            lease = _leases.TryGetValue(holder, out var entry) ? entry.Lease : null;
        return lease is not null;
    }

    /// <summary>Whether a lease was requested for a holder, and nobody knows yet what came of it.</summary>
    public bool IsRequested(LeaseHolder holder)
    {
        lock (_guard)
            return _requests.ContainsKey(holder);
    }

    /// <summary>All for whom a lease was requested without a word of what came of it.</summary>
    public IReadOnlyList<(LeaseHolder Holder, JournalEntry Entry)> Requests()
    {
        lock (_guard)
            return [.. _requests.Select(pair => (pair.Key, pair.Value))];
    }

    /// <summary>The number of the holder's latest request to release that isn't met yet.</summary>
    /// <returns>The number, or null where nothing is to be released.</returns>
    public long? ReleaseNumberOf(LeaseHolder holder)
    {
        lock (_guard)
            return _releases.TryGetValue(holder, out var entry) ? entry.Want : null;
    }

    /// <summary>All holders whose release isn't met yet, the longest waiting first.</summary>
    public IReadOnlyList<LeaseHolder> PendingReleases()
    {
        lock (_guard)
            return [.. _releases.OrderBy(pair => pair.Value.Want).Select(pair => pair.Key)];
    }

    /// <summary>All that is held, and by whom.</summary>
    public IReadOnlyList<(LeaseHolder Holder, JournalEntry Entry)> Grants()
    {
        lock (_guard)
            return [.. _leases.Select(pair => (pair.Key, pair.Value))];
    }

    /// <summary>Takes in one entry that is on the disk.</summary>
    /// <returns>False where it isn't one the format knows.</returns>
    public bool Apply(JournalEntry entry)
    {
        if (entry is { Did: JournalEntry.BlocksOwned, Owner: { } owner })
        {
            Blocks.Apply(owner);
            return true;
        }

        if (!ResourceId.TryParse(entry.Network, out var network))
            return false;
        if (entry is { Did: JournalEntry.BlockHeld, Block: { } block })
        {
            Blocks.Apply(network, block);
            return true;
        }

        var holder = new LeaseHolder(network, entry.ContainerId, entry.Interface);
        lock (_guard)
        {
            switch (entry)
            {
                // A grant behind a release request that isn't met is what that request releases: the DEL came while the
                // ADD was unanswered.
                case { Did: JournalEntry.Granted, Lease.IsComplete: true }:
                    _requests.Remove(holder);
                    if (!_releases.ContainsKey(holder))
                        Replace(holder, entry);
                    return true;
                case { Did: JournalEntry.Requested }:
                    if (!_releases.ContainsKey(holder) && !_leases.ContainsKey(holder))
                        _requests[holder] = entry;
                    return true;
                case { Did: JournalEntry.Refused }:
                    _requests.Remove(holder);
                    return true;
                case { Did: JournalEntry.ReleaseWanted, Want: { } want }:
                    Replace(holder, null);
                    _requests.Remove(holder);
                    _releases[holder] = entry;
                    _lastReleaseNumber = Math.Max(_lastReleaseNumber, want);
                    return true;

                // Only the request that was sent is met: one that came meanwhile is still to be sent.
                case { Did: JournalEntry.Released, Want: { } met }:
                    if (_releases.TryGetValue(holder, out var pending) && pending.Want <= met)
                        _releases.Remove(holder);
                    return true;
                default:
                    return false;
            }
        }
    }

    /// <summary>The shortest list of entries that amounts to this table.</summary>
    public IReadOnlyList<JournalEntry> Entries()
    {
        var (owner, blocks) = Blocks.Entries();
        lock (_guard)
            return
            [
                .. owner is null ? (JournalEntry[])[] : [JournalEntry.Create(owner, default)],
                .. blocks.Select(block => JournalEntry.Create(block.Network, block.Block, default)),
                .. _leases.Values,
                .. _requests.Values,
                .. _releases.Values.OrderBy(entry => entry.Want),
            ];
    }

    /// <param name="entry">What the holder has from now on; null for nothing.</param>
    private void Replace(LeaseHolder holder, JournalEntry? entry)
    {
        if (_leases.Remove(holder, out var old))
            Blocks.Free(holder.Network, old.Lease!);
        if (entry is null)
            return;
        _leases[holder] = entry;
        Blocks.Hold(holder.Network, entry.Lease!);
    }
}
