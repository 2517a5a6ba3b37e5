using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Sessions;

/// <summary>
/// Matches a sender with a listener: a listener is picked and invited, and another one if that one goes away first.
/// </summary>
internal sealed class Matchmaker(RelayState state, RelayRequest request, Grant grant)
{
    private readonly HashSet<Listener> _tried = [];
    private readonly ListenerCriteria _criteria = ListenerCriteria.FromHeaders(request.Context.Request.Headers);

    /// <summary>The sender has left: there is nobody to answer.</summary>
    public static readonly HttpRefusal SenderLeft = new(499, "The sender went away");

    /// <summary>The listener that was picked last.</summary>
    public Listener? Listener { get; private set; }

    /// <summary>Whether the message was delivered to a listener.</summary>
    public bool WasDelivered { get; private set; }

    /// <summary>Delivers a message to the listener that was picked.</summary>
    /// <param name="body">The body that follows it; null for none.</param>
    /// <param name="deadline">Cancelled when it has taken too long.</param>
    public async Task<bool> Deliver(byte[] message, byte[]? body, CancellationToken deadline)
        // Written out, because a null array would convert to an empty body.
        =>
        WasDelivered = await Listener!.Deliver(message, body is null ? default(ReadOnlyMemory<byte>?) : body, deadline);

    /// <summary>Picks a listener that wasn't tried yet.</summary>
    /// <param name="none">The status where there is no listener at all.</param>
    /// <returns>Why there is none; null where there is.</returns>
    public HttpRefusal? Pick(int none)
    {
        if (state.Listeners.TryPick(grant.Connection.Path, _criteria, _tried, out var listener))
        {
            _tried.Add(listener);
            (Listener, WasDelivered) = (listener, false);
            return null;
        }

        if (_tried.Count > 0)
            return HttpRefusal.ListenerLost;
        return _criteria.IsEmpty || state.Listeners.ListenersOf(grant.Connection.Path).IsEmpty
            ? new(none, "There are no listeners connected for the endpoint")
            : HttpRefusal.NoMatchingListener;
    }

    /// <summary>The address of a rendezvous, for the listener: by the name of the relay that it came by itself.</summary>
    public string AddressOf(Rendezvous rendezvous) =>
        HybridConnectionAddress.RendezvousAddress(
            Listener!.Target.Root,
            Listener.Target.PathWithinHost(request.Path.Path),
            request.Query.UserQuery,
            rendezvous.Action,
            rendezvous.Capability
        );

    /// <summary>
    /// Waits for a task that the listener completes, until the listener or the sender leaves, or it takes too long.
    /// </summary>
    /// <param name="deadline">Cancelled when it has taken too long.</param>
    /// <returns>Why it didn't end; null where it did.</returns>
    public async Task<HttpRefusal?> WaitFor(Task awaited, CancellationToken deadline)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(
            deadline,
            Listener!.Disconnected,
            grant.Revoked,
            request.Context.RequestAborted
        );
        try
        {
            await awaited.WaitAsync(over.Token);
            return null;
        }
        catch (OperationCanceledException)
        {
            return awaited.IsCompletedSuccessfully ? null
                : request.Context.RequestAborted.IsCancellationRequested ? SenderLeft
                : grant.CloseStatus is { } closeStatus ? RefusalOf(closeStatus)
                : deadline.IsCancellationRequested ? HttpRefusal.ListenerTimeout
                : HttpRefusal.ListenerLost;
        }
    }

    /// <summary>Cancels a rendezvous; a listener that arrives at the same moment gets 410.</summary>
    public async Task CancelRendezvous(Rendezvous rendezvous)
    {
        if (state.Rendezvous.TryClaim(rendezvous))
            return;
        var arrival = await rendezvous.ListenerArrived;
        try
        {
            await RelayState.WriteResponse(
                arrival.Request.Context,
                410,
                ReasonPhrase.Format(
                    "The sender doesn't wait any longer",
                    grant.Connection.Path,
                    arrival.Request.TrackingId
                )
            );
        }
        finally
        {
            arrival.Release();
        }
    }

    private HttpRefusal RefusalOf(CloseStatus closeStatus) =>
        closeStatus.Code == 1008 ? new(grant.Key is null ? 401 : 403, closeStatus.Reason)
        : closeStatus.Code == 1001 && !state.IsDraining ? HttpRefusal.NoSuchEndpoint
        : HttpRefusal.Draining;
}
