using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Computed;

/// <summary>What something is computed from: a state of the store, and the row in it that it stands on.</summary>
internal sealed record ComputedScope(StoreState State, Row Row);

/// <summary>What the computed types of Weft's own providers ask of every request.</summary>
internal static class ScopeLookup
{
    /// <summary>Checks that a request reads, in a version that is known, and that what it reads of is there.</summary>
    public static Outcome<ComputedScope> FindScope(this ControlPlane controlPlane, HttpContext http, ResourceId id)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
            return ComputedType.OnlyRead(id);
        if (ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All) is { } version)
            return version;
        var state = controlPlane.Store.Current;
        return state.Get(StoreKey.ForResource(id.Parent!)) is { } row
            ? new ComputedScope(state, row)
            : new Refusal(RefusalCode.ResourceNotFound, $"{id.Parent} doesn't exist", id.Parent!.ToString());
    }
}
