using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>How a sender and a listener meet: a listener is picked and asked, and another one if that one goes away first.</summary>
internal sealed class Meeting(RelayState state, Caller caller, Pass pass)
{
    private readonly HashSet<Listener> _tried = [];
    private readonly ListenerCriteria _criteria = ListenerCriteria.Of(caller.Context.Request.Headers);

    /// <summary>Why nobody came, where the sender has left: there is nobody to tell.</summary>
    public static readonly Refusal SenderLeft = new(499, "The sender went away");

    /// <summary>The listener that was picked last.</summary>
    public Listener? Listener { get; private set; }

    /// <summary>Whether a listener was handed the message.</summary>
    public bool WasHanded { get; private set; }

    /// <summary>Hands the listener that was picked a message.</summary>
    /// <param name="body">The body that follows it; null for none.</param>
    /// <param name="late">Cancelled when it has taken too long.</param>
    public async Task<bool> Hand(byte[] message, byte[]? body, CancellationToken late)
        // Said in full: a null array would become an empty body.
        => WasHanded = await Listener!.Hand(message, body is null ? default(ReadOnlyMemory<byte>?) : body, late);

    /// <summary>Picks a listener that wasn't tried yet.</summary>
    /// <param name="none">The status where there is no listener at all.</param>
    /// <returns>Why there is none; null where there is.</returns>
    public Refusal? Pick(int none)
    {
        if (state.Listeners.TryPick(pass.Connection.Path, _criteria, _tried, out var listener))
        {
            _tried.Add(listener);
            (Listener, WasHanded) = (listener, false);
            return null;
        }

        if (_tried.Count > 0)
            return Refusal.ListenerLost;
        return _criteria.IsEmpty || state.Listeners.Of(pass.Connection.Path).IsEmpty ? new(none, "There are no listeners connected for the endpoint") : Refusal.NoCriteria;
    }

    /// <summary>The address of a rendezvous, for the listener.</summary>
    public string AddressOf(Rendezvous rendezvous)
        => HybridConnectionAddress.Rendezvous(state.Options.Root, caller.Path.Path, caller.Query.UserQuery, rendezvous.Action, rendezvous.Capability);

    /// <summary>Waits until a task ends that the listener is to end, the listener or the sender goes, or it takes too long.</summary>
    /// <param name="late">Cancelled when it has taken too long.</param>
    /// <returns>Why it didn't end; null where it did.</returns>
    public async Task<Refusal?> Await(Task awaited, CancellationToken late)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(late, Listener!.Gone, pass.Cut, caller.Context.RequestAborted);
        try
        {
            await awaited.WaitAsync(over.Token);
            return null;
        }
        catch (OperationCanceledException)
        {
            return awaited.IsCompletedSuccessfully ? null
                : caller.Context.RequestAborted.IsCancellationRequested ? SenderLeft
                : pass.Ending is { } ending ? Sent(ending)
                : late.IsCancellationRequested ? Refusal.TooSlow
                : Refusal.ListenerLost;
        }
    }

    /// <summary>Waits no longer at a rendezvous; a listener that comes at the same moment is told so.</summary>
    public async Task Dismiss(Rendezvous rendezvous)
    {
        if (state.Rendezvous.TryTake(rendezvous))
            return;
        var arrival = await rendezvous.Arrived;
        try
        {
            await RelayState.Answer(arrival.Caller.Context, 410, ReasonPhrase.Write("The sender doesn't wait any longer", pass.Connection.Path, arrival.Caller.Tracking));
        }
        finally
        {
            arrival.Release();
        }
    }

    private Refusal Sent(Ending ending) => ending.Code == 1008 ? new(pass.Key is null ? 401 : 403, ending.Reason) : ending.Code == 1001 && !state.IsDraining ? Refusal.NoSuchEndpoint : Refusal.Draining;
}
