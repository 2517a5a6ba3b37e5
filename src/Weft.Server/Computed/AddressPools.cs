using Weft.Access;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Planning;
using Weft.Fleet.Reclaim;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Reclaim;

namespace Weft.Server.Computed;

/// <summary>The pool of an L3 network, and its leases.</summary>
internal sealed class AddressPools(ControlPlane controlPlane, LeaseReclaimer reclaimer)
{
    /// <summary>Serves the pool of a network that declares none.</summary>
    public Task ServePool(HttpContext http, ResourceId id)
    {
        if (!controlPlane.FindScope(http, id).TryGet(out var scope, out var refusal))
            return http.Refuse(refusal);
        return id.Name.Equals(DeclaredPool.DefaultName, StringComparison.OrdinalIgnoreCase)
            ? http.Respond(200, controlPlane.Holders.RenderPool(scope.State, scope.Row, http.Sight().Invoke))
            : http.Refuse(NotFound(id, $"a network has one pool, '{DeclaredPool.DefaultName}'"));
    }

    public Task ServeLease(HttpContext http, ResourceId id)
    {
        if (HttpMethods.IsDelete(http.Request.Method))
            return DeleteLease(http, id);
        if (!controlPlane.FindScope(http, id).TryGet(out var scope, out var refusal))
            return http.Refuse(refusal);
        var network = id.Parent!;
        return
            Address.TryParse(id.Name, out var address)
            && NetworkPool.HoldingsOf(scope.State, network).LeaseOf(address) is { } lease
            ? http.Respond(200, HolderLookup.RenderLease(network, lease, http.Sight().Invoke))
            : http.Refuse(NotFound(id, $"nobody holds {id.Name} in {network.Name}"));
    }

    public Task ServeLeases(HttpContext http, Caller caller, ResourceId lease)
    {
        var network = lease.Parent!;
        if (
            (
                ApiVersion.Check(http, lease.Type.ToString(), FleetVersions.All)
                ?? Authorization.Require(caller, AccessVerb.Read, network)
            ) is
            { } refusal
        )
            return http.Refuse(refusal);
        var state = controlPlane.Store.Current;
        return state.Get(StoreKey.ForResource(network)) is null
            ? http.Refuse(new Refusal(RefusalCode.ResourceNotFound, $"{network} doesn't exist", network.ToString()))
            : http.RespondPage(
                NetworkPool
                    .HoldingsOf(state, network)
                    .LeasesAfter(NetworkPool.ParseKey(http.SkipToken() ?? "")?.Address),
                held => NetworkPool.KeyOf(network, held.Address),
                held => HolderLookup.RenderLease(network, held, http.Sight().Invoke)
            );
    }

    /// <summary>
    /// Ends all that the holder of an address has in its network: by an operator's word, and only what a pod has. What a
    /// machine or a node has follows from what is declared.
    /// </summary>
    private async Task DeleteLease(HttpContext http, ResourceId id)
    {
        if (ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All) is { } version)
        {
            await http.Refuse(version);
            return;
        }

        var (state, network) = (controlPlane.Store.Current, id.Parent!);
        if (
            !Address.TryParse(id.Name, out var address)
            || NetworkPool.HoldingsOf(state, network).LeaseOf(address) is not { } lease
        )
        {
            await http.Respond(204);
            return;
        }

        http.Audit().Note("holder", lease.Holder.Text);
        http.Audit().Note("force", http.IsForced() ? "True" : null);
        if (HeldAddresses.Find(state, network, lease.Holder.Id) is not { } held)
            await http.Refuse(
                new Refusal(
                    RefusalCode.InUse,
                    $"{address} is {lease.Holder.Text}'s, as it is declared: take the network, or the address, out of that",
                    id.ToString(),
                    lease.Holder.Owner
                )
            );
        else if (await reclaimer.Release(held, http.IsForced(), http.Audit().Who, http.RequestAborted) is { } refusal)
            await http.Refuse(refusal with { Discloses = [.. refusal.Discloses, lease.Holder.Owner] });
        else
            await http.Respond(200, HolderLookup.RenderLease(network, lease, http.Sight().Invoke));
    }

    private static Refusal NotFound(ResourceId id, string because) =>
        new(RefusalCode.ResourceNotFound, because, id.ToString());
}
