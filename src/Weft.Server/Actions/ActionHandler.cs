using System.Collections.Immutable;
using Weft.Resources;
using Weft.Server.Identity;

namespace Weft.Server.Actions;

/// <summary>A POST of an action, whose caller may write the resource.</summary>
/// <param name="Id">The resource, which may not be there.</param>
/// <param name="Action">The action's name as the caller spelt it.</param>
internal sealed record ActionRequest(HttpContext Http, Caller Caller, ResourceId Id, string Action);

/// <summary>
/// An action that does more than change its resource: it draws random bits, keeps something in memory, or answers what
/// no body may show. Actions that only change their resource are <see cref="ResourceKind.InvokeAction"/>.
/// </summary>
/// <param name="Type">The type of resources that have it.</param>
/// <param name="Name">Its name, the last segment of the path; or <see cref="AnyOther"/>.</param>
internal sealed record ActionHandler(ResourceType Type, string Name, Func<ActionRequest, Task> Serve)
{
    /// <summary>Stands for the actions of the type that have no handler of their own.</summary>
    public const string AnyOther = "*";

    /// <summary>What the resource must stand on; empty for anything.</summary>
    public ImmutableArray<ResourceType> ScopeTypes { get; init; } = [];

    /// <summary>Whether it is for the actions of a resource.</summary>
    public bool IsFor(ResourceId id) =>
        Type == id.Type && (ScopeTypes.IsEmpty || (id.Parent is { } scope && ScopeTypes.Contains(scope.Type)));
}
