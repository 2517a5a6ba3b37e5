using System.Collections.Concurrent;

namespace Weft.Relay.Hosting;

/// <summary>Everybody who is here. Judged again whenever the directory changes.</summary>
internal sealed class PassBook(Gate gate, IRelayDirectory directory)
{
    private readonly ConcurrentDictionary<Pass, byte> _passes = new();
    private readonly TaskCompletionSource _emptied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _judged = long.MinValue;
    private volatile bool _isClosing;

    public int Count => _passes.Count;

    /// <summary>Takes a pass in. It was given by an earlier look at the directory; what has changed since, nobody else would notice.</summary>
    public void Add(Pass pass)
    {
        _passes.TryAdd(pass, 0);
        if (directory.Version != pass.Version)
            Judge(pass);
    }

    /// <summary>Gives a pass back.</summary>
    public void Remove(Pass pass)
    {
        _passes.TryRemove(pass, out _);
        pass.Dispose();
        if (_isClosing && _passes.IsEmpty)
            _emptied.TrySetResult();
    }

    /// <summary>Ends when everybody has gone, now that nobody comes any more.</summary>
    public Task Emptied()
    {
        _isClosing = true;
        if (_passes.IsEmpty)
            _emptied.TrySetResult();
        return _emptied.Task;
    }

    /// <summary>Judges everybody, if the directory has changed since it was last done.</summary>
    public void Judge()
    {
        var version = directory.Version;
        if (Interlocked.Exchange(ref _judged, version) == version || !directory.IsReady)
            return;
        foreach (var (pass, _) in _passes)
        {
            if (pass.Version != version)
                Judge(pass);
        }
    }

    /// <summary>Sends everybody of a role away.</summary>
    /// <param name="role">The role; null for both.</param>
    public void End(RelayRole? role, Ending ending)
    {
        foreach (var (pass, _) in _passes)
        {
            if (role is null || pass.Role == role)
                pass.End(ending);
        }
    }

    private void Judge(Pass pass)
    {
        if (gate.Judge(pass) is { } ending)
            pass.End(ending);
    }
}
