using System.Text.RegularExpressions;
using Weft.Access;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Testing;

/// <summary>
/// Resources that a refusal names and doesn't say that it tells of: who may not read them would be told all the same.
/// </summary>
internal static class UntoldNames
{
    /// <summary>Sees that there are none.</summary>
    /// <param name="own">What the caller has said or written before: what stands there is no secret to them.</param>
    public static void AssertNone(StoreState state, Refusal finding, string own)
    {
        var told = $"{own} {finding.ConflictsWith} {string.Join(' ', finding.Discloses)}";
        var untold = AllKinds
            .List.All.SelectMany(kind => state.Range($"{StoreKey.PartitionOf(kind.Type)}|"))
            .Select(ResourceKind.IdOf)
            // Of each target there is one rule set and one connection by this name: a word, and nobody's name.
            .Where(id =>
                id.Name != NetworkRuleSet.DefaultName
                && !told.Contains(id.Name, StringComparison.OrdinalIgnoreCase)
                && Regex.IsMatch(finding.Message, $@"(?<![\w-]){Regex.Escape(id.Name)}(?![\w/-])")
            )
            .Select(id => id.ToString())
            .ToList();
        Assert.True(
            untold.Count == 0,
            $"'{finding.Message}' tells of {string.Join(" and ", untold)}, and doesn't say so"
        );
    }
}
