using System.Collections.Immutable;
using Weft.Fabric;

namespace Weft.Access;

/// <summary>Verbs on kinds: what a role is made of.</summary>
/// <param name="Verbs">Verbs, or <see cref="AccessVerb.Any"/>.</param>
/// <param name="Kinds">Resource types, or <see cref="AnyKind"/>, which holds also what is the whole site's.</param>
internal sealed record RoleRule(ImmutableArray<string> Verbs, ImmutableArray<string> Kinds)
{
    /// <summary>Stands for every kind, and for the site itself.</summary>
    public const string AnyKind = "*";

    /// <summary>Whether it gives a verb on a kind.</summary>
    /// <param name="verb">A verb; <see cref="AccessVerb.Any"/> is given by a rule that has it alone.</param>
    /// <param name="kind">A type, or <see cref="AnyKind"/>, which is given by a rule that has it alone.</param>
    public bool Allows(string verb, string kind) =>
        (Has(Verbs, verb) || (verb != AccessVerb.Administer && Has(Verbs, AccessVerb.Any)))
        && (Has(Kinds, AnyKind) || Has(Kinds, kind));

    private static bool Has(ImmutableArray<string> words, string word) =>
        words.Contains(word, StringComparer.OrdinalIgnoreCase);
}

/// <summary>What somebody may be in a scope: rules that add up.</summary>
internal sealed record Role(string Name, string Description, ImmutableArray<RoleRule> Rules)
{
    /// <summary>The roles that are always there, those that give least first.</summary>
    public static readonly ImmutableArray<Role> BuiltIn =
    [
        new("Reader", "reads everything", [OnAll(AccessVerb.Read)]),
        new(
            "NetworkUser",
            "reads and joins networks, and the clusters that they are of",
            [
                new(
                    [AccessVerb.Read, AccessVerb.Join],
                    [
                        $"{NetworkCloudProvider.L2NetworkType}",
                        $"{NetworkCloudProvider.L3NetworkType}",
                        $"{NetworkCloudProvider.TrunkedNetworkType}",
                        $"{NetworkCloudProvider.CloudServicesNetworkType}",
                        $"{NetworkCloudProvider.ClusterType}",
                    ]
                ),
            ]
        ),
        new(
            "RelayUser",
            "reads, and connects to clusters, nodes and machines through the relay",
            [OnAll(AccessVerb.Read, AccessVerb.Connect)]
        ),
        new(
            "RelayListener",
            "reads, and stands in at the relay for clusters, nodes and machines",
            [OnAll(AccessVerb.Read, AccessVerb.Listen)]
        ),
        new(
            "Contributor",
            "reads, joins, writes and connects; keys and network rules are of what it writes",
            [OnAll(AccessVerb.Any)]
        ),
        Owner,
    ];

    /// <summary>A contributor that also says who there is, where its scope is the whole site.</summary>
    public static Role Owner =>
        new(
            "Owner",
            "a contributor; of the whole site it also says who there is",
            [OnAll(AccessVerb.Any, AccessVerb.Administer)]
        );

    /// <summary>The built-in role of a name.</summary>
    /// <returns>The role, or null; names compare without regard to case.</returns>
    public static Role? FindBuiltIn(string name) =>
        BuiltIn.FirstOrDefault(role => role.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The built-in role that gives a verb on a kind and least besides.</summary>
    public static string LeastFor(string verb, string kind) => BuiltIn.First(role => role.Allows(verb, kind)).Name;

    /// <summary>Whether it gives a verb on a kind.</summary>
    /// <param name="kind">A type, or <see cref="RoleRule.AnyKind"/> for what is the whole site's.</param>
    public bool Allows(string verb, string kind) => Rules.Any(rule => rule.Allows(verb, kind));

    private static RoleRule OnAll(params ImmutableArray<string> verbs) => new(verbs, [RoleRule.AnyKind]);
}
