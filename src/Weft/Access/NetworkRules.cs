using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What the network rules say to a caller, and why.</summary>
/// <param name="Looks">Each rule set that was looked at, the widest first; all of them, also behind one that refuses.</param>
/// <param name="Refusal">What the caller is told; null where it may come in.</param>
public sealed record Verdict(bool IsAllowed, ImmutableArray<Look> Looks, string? Refusal)
{
    /// <summary>What decided: the widest set that refuses, or the narrowest where all let pass; null where there is no set.</summary>
    public Look? Deciding => Looks.FirstOrDefault(look => !look.Allows) ?? Looks.LastOrDefault();

    /// <summary>What decided, in a few words for the audit log.</summary>
    public string Words => Deciding?.ToString() ?? "no network rules";
}

/// <summary>
/// Who may come in from where. A caller must pass every rule set between the site and the target: a set further in may narrow what one
/// further out lets in, and can't widen it. Where there is no set, everybody may come who has a token.
/// </summary>
/// <remarks>docs/specs/relay-rules.md.</remarks>
public static class NetworkRules
{
    /// <summary>Judges a caller.</summary>
    /// <param name="target">What the caller wants to reach: a cluster, node, machine, hybrid connection, or what hosts these.</param>
    /// <param name="service">The service it wants; of a path with slashes its first segment counts. Empty for none.</param>
    public static Verdict Judge(Image image, ResourceId target, Party party, string service, Address source)
    {
        return Judge(Targets.RuleSetsOf(image, target), target.Name, party, service, source);
    }

    /// <summary>Judges a caller by rule sets that were looked up before.</summary>
    public static Verdict Judge(ImmutableArray<RuleSet> sets, string name, Party party, string service, Address source)
    {
        var wanted = service.Split('/', 2)[0].ToLowerInvariant();
        var looks = ImmutableArray.CreateRange(sets, set => set.Judge(party, wanted, source));
        return looks.FirstOrDefault(look => !look.Allows) is { } shut ? new Verdict(false, looks, Say(shut, name, party, wanted, source)) : new Verdict(true, looks, null);
    }

    private static string Say(Look look, string name, Party party, string service, Address source)
    {
        var what = party == Party.Listener ? " to listen" : service.Length > 0 ? $" to {service}" : "";
        if (look.Set.IsShut)
            return $"your address {source} can't reach {name}: {look}";
        return look.Rule is { } at
            ? $"your address {source} is in {look.Set.Rules[at].Networks}, which {look.Set.Place} doesn't let in{what} ({look})"
            : $"your address {source} is not in the networks that {name} lets in{what} ({look})";
    }
}
