using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>
/// Who asks for a plan, and would apply it: they are told what they may see, and warned of what they may not do.
/// </summary>
/// <param name="sees">Whether they may be told of what has an id.</param>
internal sealed class PlanCaller(Func<string, bool> sees, Func<ResourceId, bool> writes)
{
    /// <summary>Whether they may refer to what the documents name.</summary>
    public required JoinCheck CheckJoin { get; init; }

    /// <summary>Their name.</summary>
    public string Name { get; init; } = "plan";

    /// <summary>
    /// The address that they ask from, in its canonical text: rules that would shut it out are refused as the write
    /// would be. Null where it is unknown.
    /// </summary>
    public string? CallerAddress { get; init; }

    /// <summary>Whether they insist on what would shut them out. Default: no.</summary>
    public bool Force { get; init; }

    /// <summary>A write of theirs.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    public WriteRequest CreateRequest(ResourceId id, string now, string operationName) =>
        new(id, Name, "User", now, operationName)
        {
            CallerAddress = CallerAddress,
            Force = Force,
            // Who may only read reviews what others would apply, as far as they see it.
            CheckJoin = (path, linked) => !writes(id) && MayRead(linked) ? null : CheckJoin(path, linked),
        };

    /// <summary>Whether a resource may be shown to them.</summary>
    public bool MayRead(ResourceId id) => sees(id.ToString());

    /// <summary>Whether they may be told of what has an id.</summary>
    public bool MayRead(string id) => sees(id);

    /// <summary>
    /// Warns of what they may not change: an apply would be refused there, a plan isn't, so that who may only read can
    /// review.
    /// </summary>
    internal IEnumerable<PlanNotice> PermissionWarnings(IEnumerable<ResourceId> written) =>
        written
            .DistinctBy(id => id.Key)
            .Where(id => !writes(id))
            .Select(id =>
                PlanNotice.For(
                    id,
                    $"{Name} may not change it: to apply this takes the role Contributor there or further up"
                )
            );
}
