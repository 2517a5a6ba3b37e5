using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>
/// The endpoint for the listener's side of a rendezvous: <c>sb-hc-action=accept</c> and <c>request</c>.
/// </summary>
internal sealed class RendezvousEndpoint(RelayState state)
{
    /// <summary>Serves a listener until its sender's side has done with it.</summary>
    public async Task Serve(RelayRequest request)
    {
        if (!state.Rendezvous.TryFind(request.Query.Id, request.Query.Action, request.Path.Path, out var rendezvous))
        {
            await state.Refuse(request, ClientRole.Listener, HttpRefusal.BadRendezvous);
            return;
        }

        // The network rules are checked before the rendezvous is claimed, so that a caller who isn't allowed can't use it
        // up.
        Grant? grant = null;
        if (
            (
                WebSocketHandshake.Check(request.Context)
                ?? state.Authorizer.AuthorizeRendezvous(request, rendezvous.Sender, out grant)
            ) is
            { } refusal
        )
        {
            await state.Refuse(request, ClientRole.Listener, refusal);
            return;
        }

        state.Grants.Add(grant!);
        try
        {
            if (!state.Rendezvous.TryClaim(rendezvous))
            {
                await state.Refuse(request, ClientRole.Listener, HttpRefusal.BadRendezvous);
                return;
            }

            var arrival = new ListenerArrival(request, grant!);
            rendezvous.SetArrived(arrival);
            await arrival.Released;
        }
        finally
        {
            state.Grants.Remove(grant!);
        }
    }
}
