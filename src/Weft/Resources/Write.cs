using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What a verb is told that isn't in the store: who, when, and what was drawn by lot at the edge.</summary>
/// <param name="Caller">Who writes, for <c>systemData</c>.</param>
/// <param name="CallerType"><c>User</c>, <c>Application</c> or <c>Key</c>.</param>
/// <param name="Now">The time, RFC 3339.</param>
/// <param name="OperationName">The id of the operation that may begin; unguessable.</param>
public sealed record WriteRequest(ResourceId Id, string Caller, string CallerType, string Now, string OperationName)
{
    /// <summary>The request's body; empty for DELETE.</summary>
    public JsonObject Body { get; init; } = [];

    /// <summary>The entity tag the resource must have, <c>*</c> for any, null for no condition.</summary>
    public string? IfMatch { get; init; }

    /// <summary>The address that the caller writes from, in its canonical text; null where that is unknown.</summary>
    public string? From { get; init; }

    /// <summary>Whether the caller insists on what would shut them out. Default: no.</summary>
    public bool Force { get; init; }

    /// <summary>Keys drawn by lot at the edge, for kinds that keep some; empty where nothing is going to be written.</summary>
    public ImmutableArray<string> Keys { get; init; } = [];

    /// <summary>Whether the resource must not be there (<c>If-None-Match: *</c>).</summary>
    public bool IfNoneMatch { get; init; }
}

/// <summary>Which agents a change concerns: those whose picture differs between two images.</summary>
/// <param name="before">The image without the change.</param>
public delegate ImmutableArray<string> Concerned(Image before, Image after);

/// <summary>What else a write brings with it beyond its own kind: the leases of machines and nodes, taken and given back.</summary>
/// <param name="before">The image without the write.</param>
/// <param name="now">The time, RFC 3339.</param>
/// <returns>Further changes, or what stands in the way.</returns>
public delegate Outcome<ImmutableArray<Change>> Follows(Image before, Image after, ResourceId written, string now);

/// <summary>What was decided: one commit.</summary>
/// <param name="Changes">The rows to write; none if nothing changes.</param>
/// <param name="Row">The resource as it is then; null where it is gone, or never was.</param>
/// <param name="Operation">The operation that begins; null if nothing changes, or all is done with the commit.</param>
public sealed record Decision(ImmutableArray<Change> Changes, Stored? Row, Image After, bool Created, Operation? Operation)
{
    /// <summary>Whether the write changes nothing: no commit, no operation, nobody is woken.</summary>
    public bool Unchanged => Changes.IsEmpty;
}
