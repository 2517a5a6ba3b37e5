using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>The turns of several holders, taken without waiting and given back together.</summary>
internal sealed class HolderTurns(KeyedLock locks) : IDisposable
{
    private readonly List<KeyedLock.Entry> _entries = [];
    private readonly List<LeaseHolder> _holders = [];

    /// <summary>Whose turn it is now, in the order they were taken.</summary>
    public IReadOnlyList<LeaseHolder> Holders => _holders;

    /// <summary>Takes the turn of a holder, unless somebody has it.</summary>
    public bool TryTake(LeaseHolder holder)
    {
        var entry = locks.Open(holder);
        if (!entry.TryEnter())
        {
            entry.Dispose();
            return false;
        }

        _entries.Add(entry);
        _holders.Add(holder);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var entry in _entries)
        {
            entry.Exit();
            entry.Dispose();
        }
    }
}
