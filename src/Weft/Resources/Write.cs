using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// What a verb is told that isn't in the store: who, when, and what was generated at random outside of the pure code.
/// </summary>
/// <param name="Caller">Who writes, for <c>systemData</c>.</param>
/// <param name="CallerType"><c>User</c>, <c>Application</c> or <c>Key</c>.</param>
/// <param name="Now">The time, RFC 3339.</param>
/// <param name="OperationName">The id of the operation that may begin; unguessable.</param>
internal sealed record WriteRequest(ResourceId Id, string Caller, string CallerType, string Now, string OperationName)
{
    /// <summary>Whether the caller may refer to what the body names.</summary>
    public required JoinCheck CheckJoin { get; init; }

    /// <summary>The request's body; empty for DELETE.</summary>
    public JsonObject Body { get; init; } = [];

    /// <summary>The entity tag the resource must have, <c>*</c> for any, null for no condition.</summary>
    public string? IfMatch { get; init; }

    /// <summary>The address that the caller writes from, in its canonical text; null where that is unknown.</summary>
    public string? CallerAddress { get; init; }

    /// <summary>
    /// Whether the caller insists on what would shut them out, or on deleting what is in use. Default: no.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>
    /// Keys generated at random outside of the pure code, for kinds that keep some; empty where nothing is going to be
    /// written.
    /// </summary>
    public ImmutableArray<string> RandomKeys { get; init; } = [];

    /// <summary>Whether the resource must not be there (<c>If-None-Match: *</c>).</summary>
    public bool IfNoneMatch { get; init; }
}

/// <summary>Whether a caller may refer to a resource, which may not be there.</summary>
/// <param name="path">The member that names it.</param>
/// <returns>Why not, or null.</returns>
internal delegate Refusal? JoinCheck(string path, ResourceId id);

/// <summary>What a write means for agents.</summary>
/// <param name="Agents">Those whose desired state it alters.</param>
/// <param name="Changes">What is written besides, so that they take nothing away that is in use.</param>
/// <param name="Warnings">What happens to those who use it.</param>
internal sealed record AgentEffects(
    ImmutableArray<string> Agents,
    ImmutableArray<Mutation> Changes,
    ImmutableArray<Refusal> Warnings
)
{
    /// <summary>Nothing.</summary>
    public static readonly AgentEffects None = new([], [], []);

    /// <summary>With one change more.</summary>
    public AgentEffects Keep(Mutation change) => this with { Changes = Changes.Add(change) };

    /// <summary>With one warning more.</summary>
    public AgentEffects Warn(Refusal warning) => this with { Warnings = Warnings.Add(warning) };

    /// <summary>Together with others.</summary>
    public AgentEffects With(AgentEffects others) =>
        new([.. Agents, .. others.Agents], [.. Changes, .. others.Changes], [.. Warnings, .. others.Warnings]);
}

/// <summary>What a write means for agents, or why it can't be made while something is in use.</summary>
/// <param name="before">The state without the write.</param>
/// <param name="changes">The write itself.</param>
internal delegate Outcome<AgentEffects> FindAgentEffects(
    StoreState before,
    StoreState after,
    IReadOnlyList<Mutation> changes,
    WriteRequest request
);

/// <summary>What it means that somebody insists on a write that was made before, and waits for those who use something.</summary>
internal delegate AgentEffects InsistOnWrite(StoreState state, ResourceId written);

/// <summary>
/// What else a write brings with it beyond its own kind: the leases of machines and nodes, taken and given back.
/// </summary>
/// <param name="before">The state without the write.</param>
/// <param name="now">The time, RFC 3339.</param>
/// <returns>Further changes, or what stands in the way.</returns>
internal delegate Outcome<ImmutableArray<Mutation>> LeaseEffects(
    StoreState before,
    StoreState after,
    ResourceId written,
    string now
);

/// <summary>What was decided: one commit.</summary>
/// <param name="Mutations">The rows to write; none if nothing changes.</param>
/// <param name="Row">The resource as it is then; null where it is gone, or never was.</param>
/// <param name="Operation">The operation that begins; null if nothing changes, or all is done with the commit.</param>
internal sealed record Decision(
    ImmutableArray<Mutation> Mutations,
    Row? Row,
    StoreState After,
    bool Created,
    Operation? Operation
)
{
    /// <summary>The resource as it was; null where it is new, or nothing changes.</summary>
    public Row? Before { get; init; }

    /// <summary>What the write does to others, who may have to be told; each for who may read what it tells of.</summary>
    public ImmutableArray<Refusal> Warnings { get; init; } = [];

    /// <summary>Whether the write changes nothing: no commit, no operation, nobody is woken.</summary>
    public bool Unchanged => Mutations.IsEmpty;
}
