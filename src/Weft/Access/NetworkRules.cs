using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What the network rules say to a caller, and why.</summary>
/// <param name="Evaluations">Each rule set that was looked at, the widest first; all of them, also behind one that
/// refuses.</param>
/// <param name="Refusal">What the caller is told; null where it may come in.</param>
internal sealed record AccessDecision(bool IsAllowed, ImmutableArray<RuleEvaluation> Evaluations, string? Refusal)
{
    /// <summary>
    /// What decided: the widest set that refuses, or the narrowest where all let pass; null where there is no set.
    /// </summary>
    public RuleEvaluation? DecidedBy =>
        Evaluations.FirstOrDefault(evaluation => !evaluation.Allows) ?? Evaluations.LastOrDefault();

    /// <summary>What decided, in a few words for the audit log.</summary>
    public string Summary => DecidedBy?.ToString() ?? "no network rules";
}

/// <summary>
/// Who may come in from where. A caller must pass every rule set between the site and the target: a set further in may
/// narrow what one further out lets in, and can't widen it. Where there is no set, everybody may come who has a token.
/// </summary>
/// <remarks>docs/specs/relay-rules.md.</remarks>
internal static class NetworkRules
{
    /// <summary>Judges a caller.</summary>
    /// <param name="target">What the caller wants to reach: a cluster, node, machine, hybrid connection, or what hosts
    /// these.</param>
    /// <param name="caller">Senders or Listeners.</param>
    /// <param name="service">The service it wants; of a path with slashes its first segment counts. Empty for
    /// none.</param>
    public static AccessDecision Evaluate(
        StoreState state,
        ResourceId target,
        AppliesTo caller,
        string service,
        Address source
    )
    {
        return Evaluate(RelayTargets.RuleSetsOf(state, target), target.Name, caller, service, source);
    }

    /// <summary>Judges a caller by rule sets that were looked up before.</summary>
    public static AccessDecision Evaluate(
        ImmutableArray<RuleSet> sets,
        string name,
        AppliesTo caller,
        string service,
        Address source
    )
    {
        var wanted = service.Split('/', 2)[0].ToLowerInvariant();
        var looks = ImmutableArray.CreateRange(sets, set => set.Evaluate(caller, wanted, source));
        return looks.FirstOrDefault(evaluation => !evaluation.Allows) is { } denied
            ? new AccessDecision(false, looks, DescribeRefusal(denied, name, caller, wanted, source))
            : new AccessDecision(true, looks, null);
    }

    private static string DescribeRefusal(
        RuleEvaluation evaluation,
        string name,
        AppliesTo caller,
        string service,
        Address source
    )
    {
        var what =
            caller == AppliesTo.Listeners ? " to listen"
            : service.Length > 0 ? $" to {service}"
            : "";
        if (evaluation.RuleSet.IsClosed)
            return $"your address {source} can't reach {name}: {evaluation}";
        return evaluation.RuleIndex is { } at
            ? $"your address {source} is in {evaluation.RuleSet.Rules[at].Prefix}, "
                + $"which {evaluation.RuleSet.ScopeName} doesn't let in{what} ({evaluation})"
            : $"your address {source} is not in the networks that {name} lets in{what} ({evaluation})";
    }
}
