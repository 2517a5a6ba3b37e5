using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>
/// A rule of an upper room on writes of a lower one. The kind that is written can't check it, since it doesn't know who
/// stands on it: a trunk that grows may no longer fit the ports of nodes that carry it.
/// </summary>
/// <param name="On">The types whose writes it guards.</param>
/// <param name="Check">Adds everything that is wrong in a state, whether the write did it or not; the context's
/// resource is the one that is written, as it is in this state.</param>
internal sealed record WriteGuard(ImmutableArray<ResourceType> On, Action<ValidationContext> Check)
{
    /// <summary>What is wrong after a write of a resource that was there before, and wasn't wrong before it.</summary>
    /// <param name="before">The store state without the write.</param>
    /// <returns>All findings of all guards, in their order; or null.</returns>
    public static Refusal? FindNewErrors(
        ImmutableArray<WriteGuard> guards,
        StoreState before,
        StoreState after,
        ResourceId written,
        Limits limits
    )
    {
        var key = StoreKey.ForResource(written);
        // Nobody stands yet on what is new.
        if (before.Get(key) is not { } old || after.Get(key) is not { } proposed)
            return null;
        var concerned = guards.Where(guard => guard.On.Contains(written.Type)).ToList();
        var known = concerned
            .SelectMany(guard => guard.FindErrors(before, old, limits))
            .Select(finding => finding.Message)
            .ToHashSet(StringComparer.Ordinal);
        List<Refusal> findings =
        [
            .. concerned
                .SelectMany(guard => guard.FindErrors(after, proposed, limits))
                .Where(finding => !known.Contains(finding.Message)),
        ];
        return findings.Count == 0 ? null : Refusal.Combine(findings, written.ToString());
    }

    private IReadOnlyList<Refusal> FindErrors(StoreState state, Row row, Limits limits)
    {
        var context = new ValidationContext(ResourceKind.IdOf(row), row, null, new ReadTransaction(state), limits);
        Check(context);
        return context.Findings;
    }
}
