namespace Weft.Relay.Hosting;

/// <summary>Where listeners come to meet a sender: <c>sb-hc-action=accept</c> and <c>request</c>.</summary>
internal sealed class RendezvousDoor(RelayState state)
{
    /// <summary>Serves a listener until its sender's side has done with it.</summary>
    public async Task Serve(Caller caller)
    {
        if (!state.Rendezvous.TryFind(caller.Query.Id, caller.Query.Action, caller.Path.Path, out var rendezvous))
        {
            await state.Refuse(caller, RelayRole.Listener, Refusal.BadRendezvous);
            return;
        }

        // The network rules come before the place is taken: somebody who may not be here mustn't end what waits there.
        Pass? pass = null;
        if ((Handshake.Check(caller.Context) ?? state.Gate.EnterRendezvous(caller, rendezvous.Sender, out pass)) is { } refusal)
        {
            await state.Refuse(caller, RelayRole.Listener, refusal);
            return;
        }

        state.Passes.Add(pass!);
        try
        {
            if (!state.Rendezvous.TryTake(rendezvous))
            {
                await state.Refuse(caller, RelayRole.Listener, Refusal.BadRendezvous);
                return;
            }

            var arrival = new Arrival(caller, pass!);
            rendezvous.Arrive(arrival);
            await arrival.Released;
        }
        finally
        {
            state.Passes.Remove(pass!);
        }
    }
}
