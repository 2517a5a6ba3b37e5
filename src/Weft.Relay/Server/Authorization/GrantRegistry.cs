using System.Collections.Concurrent;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Authorization;

/// <summary>The grants of everybody who is connected. They are checked again whenever the directory changes.</summary>
internal sealed class GrantRegistry(Authorizer authorizer, IRelayDirectory directory)
{
    private readonly ConcurrentDictionary<Grant, byte> _grants = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _reauthorizedVersion = long.MinValue;
    private volatile bool _isClosing;

    public int Count => _grants.Count;

    /// <summary>
    /// Adds a grant. If the directory has changed since it was given, it is checked here: nobody else would notice.
    /// </summary>
    public void Add(Grant grant)
    {
        _grants.TryAdd(grant, 0);
        if (directory.Version != grant.Version)
            Reauthorize(grant);
    }

    /// <summary>Removes a grant.</summary>
    public void Remove(Grant grant)
    {
        _grants.TryRemove(grant, out _);
        grant.Dispose();
        if (_isClosing && _grants.IsEmpty)
            _empty.TrySetResult();
    }

    /// <summary>Completes when everybody has gone. Nobody may be admitted any more.</summary>
    public Task WhenEmpty()
    {
        _isClosing = true;
        if (_grants.IsEmpty)
            _empty.TrySetResult();
        return _empty.Task;
    }

    /// <summary>Checks everybody, if the directory has changed since it was last done.</summary>
    public void Reauthorize()
    {
        var version = directory.Version;
        if (Interlocked.Exchange(ref _reauthorizedVersion, version) == version || !directory.IsReady)
            return;
        foreach (var (grant, _) in _grants)
        {
            if (grant.Version != version)
                Reauthorize(grant);
        }
    }

    /// <summary>Revokes the grants of a role.</summary>
    /// <param name="role">The role; null for both.</param>
    public void RevokeAll(ClientRole? role, CloseStatus closeStatus)
    {
        foreach (var (grant, _) in _grants)
        {
            if (role is null || grant.Role == role)
                grant.Revoke(closeStatus);
        }
    }

    private void Reauthorize(Grant grant)
    {
        if (authorizer.Reauthorize(grant) is { } closeStatus)
            grant.Revoke(closeStatus);
    }
}
