using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Sessions;

/// <summary>
/// A listener that has come to a rendezvous. Its request belongs to the sender's side until that releases it.
/// </summary>
internal sealed class ListenerArrival(RelayRequest request, Grant grant)
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RelayRequest Request { get; } = request;

    public Grant Grant { get; } = grant;

    /// <summary>Completes when the sender's side has released it.</summary>
    public Task Released => _released.Task;

    public void Release() => _released.TrySetResult();
}

/// <summary>A place where one listener may come, once.</summary>
/// <param name="Capability">What the listener must know: 256 random bits, and nothing that a client chose.</param>
/// <param name="Action"><c>accept</c> or <c>request</c>.</param>
internal sealed record Rendezvous(string Capability, string Action, Grant Sender)
{
    private readonly TaskCompletionSource<ListenerArrival> _arrived = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    /// <summary>The listener, when it comes.</summary>
    public Task<ListenerArrival> ListenerArrived => _arrived.Task;

    public void SetArrived(ListenerArrival arrival) => _arrived.SetResult(arrival);
}

/// <summary>The rendezvous that are open.</summary>
internal sealed class RendezvousRegistry
{
    private readonly ConcurrentDictionary<string, Rendezvous> _open = new(StringComparer.Ordinal);

    public int Count => _open.Count;

    /// <summary>Opens a rendezvous.</summary>
    /// <param name="action"><c>accept</c> or <c>request</c>.</param>
    public Rendezvous Open(string action, Grant sender)
    {
        var rendezvous = new Rendezvous(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), action, sender);
        _open[rendezvous.Capability] = rendezvous;
        return rendezvous;
    }

    /// <summary>Finds a rendezvous without claiming it.</summary>
    public bool TryFind(
        string? capability,
        string action,
        string path,
        [NotNullWhen(true)] out Rendezvous? rendezvous
    ) =>
        _open.TryGetValue(capability ?? "", out rendezvous)
        && rendezvous.Action == action
        // Without regard to case: the listener's host names the namespace in lower case.
        && rendezvous.Sender.Path.Equals(path, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Claims a rendezvous, so that nobody else can: the listener that came, or the sender that doesn't wait any
    /// longer.
    /// </summary>
    public bool TryClaim(Rendezvous rendezvous) => _open.TryRemove(rendezvous.Capability, out _);
}
