using Weft.Resources;
using Weft.Server.Identity;

namespace Weft.Server.Computed;

/// <summary>Resources of a type that are never stored: they are computed when they are asked for.</summary>
/// <param name="ExistsOn">Whether resources of a type have them; asked with null for what stands on nothing.</param>
/// <param name="Serve">Serves a request for one of them, whatever its method.</param>
internal sealed record ComputedType(
    ResourceType Type,
    Func<ResourceType?, bool> ExistsOn,
    Func<HttpContext, ResourceId, Task> Serve
)
{
    public bool Contains(ResourceId id) => Type == id.Type && ExistsOn(id.Parent?.Type);

    /// <summary>Why a method other than those that read is refused.</summary>
    public static Refusal OnlyRead(ResourceId id) =>
        new(RefusalCode.MethodNotAllowed, $"{id.Type} are drawn; they are only read", id.ToString());
}

/// <summary>A collection of resources that are never stored.</summary>
/// <param name="ExistsOn">Whether resources of a type have the collection.</param>
/// <param name="Serve">Serves a GET of all that stand beside a resource, which may not be there itself.</param>
internal sealed record ComputedCollection(
    ResourceType Type,
    Func<ResourceType, bool> ExistsOn,
    Func<HttpContext, Caller, ResourceId, Task> Serve
)
{
    public bool Contains(ResourceId id) => Type == id.Type && id.Parent is { } scope && ExistsOn(scope.Type);
}
