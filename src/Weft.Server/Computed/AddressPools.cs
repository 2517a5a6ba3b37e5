using Weft.Access;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Planning;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Computed;

/// <summary>The pool of an L3 network, and its leases.</summary>
internal sealed class AddressPools(ControlPlane controlPlane)
{
    /// <summary>Serves the pool of a network that declares none.</summary>
    public Task ServePool(HttpContext http, ResourceId id)
    {
        if (!controlPlane.FindScope(http, id).TryGet(out var scope, out var refusal))
            return http.Refuse(refusal);
        return id.Name.Equals(DeclaredPool.DefaultName, StringComparison.OrdinalIgnoreCase)
            ? http.Respond(200, controlPlane.Holders.RenderPool(scope.State, scope.Row))
            : http.Refuse(NotFound(id, $"a network has one pool, '{DeclaredPool.DefaultName}'"));
    }

    public Task ServeLease(HttpContext http, ResourceId id)
    {
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
                state.Range($"{NetworkPool.PartitionOf(network)}|", http.SkipToken()),
                row => row.Key,
                row => HolderLookup.RenderLease(network, NetworkPool.LeaseOf(row), http.Sight().Invoke)
            );
    }

    private static Refusal NotFound(ResourceId id, string because) =>
        new(RefusalCode.ResourceNotFound, because, id.ToString());
}
