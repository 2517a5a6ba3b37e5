using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W2: which definitions a pod names.</summary>
internal static class ReferenceRules
{
    public static readonly LintRule Missing = new("W201", Severity.Error, "the cluster has no such definition");
    public static readonly LintRule OtherNamespace = new(
        "W202",
        Severity.Error,
        "the definition is in another namespace"
    );
    public static readonly LintRule Isolated = new(
        "W203",
        Severity.Error,
        "Multus' namespace isolation forbids the namespace"
    );
    public static readonly LintRule NotListed = new(
        "W204",
        Severity.Warning,
        "the definition isn't among those that were given, which aren't all"
    );
    public static readonly LintRule NamedTwice = new(
        "W205",
        Severity.Warning,
        "a definition is named twice without names for the interfaces"
    );

    public static ImmutableArray<LintRule> All => [Missing, OtherNamespace, Isolated, NotListed, NamedTwice];

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        var lintContext = pod.Context;
        foreach (var selection in pod.Selections)
        {
            var isForeign = selection.Namespace != pod.Namespace;
            if (
                lintContext.NamespaceIsolation
                && isForeign
                && !lintContext.GlobalNamespaces.Contains(selection.Namespace)
                && selection.Namespace != "default"
            )
            {
                findings.Add(
                    Isolated,
                    selection.Path,
                    $"the pod is in namespace {pod.Namespace} and names {selection.Title}; "
                        + "Multus runs with namespaceIsolation and fails the pod",
                    $"use a definition of namespace {pod.Namespace}, or add {selection.Namespace} to Multus' globalNamespaces"
                );
            }

            if (selection.Definition is null)
                CheckMissing(pod, selection, findings);
        }

        foreach (var same in pod.Selections.GroupBy(s => s.Title).Where(g => g.Count(s => s.Interface is null) > 1))
        {
            var names = string.Join(" and ", same.Select(s => s.InterfaceOrDefault));
            findings.Add(
                NamedTwice,
                same.Last().Path,
                $"{same.Key} is named {same.Count()} times: the pod gets {names} on one network",
                "take one away, or name the interfaces (name@interface)"
            );
        }
    }

    private static void CheckMissing(PodView pod, NetworkSelection selection, Findings findings)
    {
        var all = pod.Context.Definitions;
        if (TrunkRules.CheckOutsideTrunk(pod, selection, findings))
            return;
        if (all.Where(d => d.Name == selection.Name).Select(d => d.Title).ToArray() is { Length: > 0 } elsewhere)
        {
            findings.Add(
                OtherNamespace,
                selection.Path,
                $"there is no definition {selection.Title}; {string.Join(" and ", elsewhere)} "
                    + (elsewhere.Length == 1 ? "is one" : "are some"),
                $"write {elsewhere[0]}"
            );
            return;
        }

        var next = SuggestDefinition(selection, all);
        if (pod.Context.IsComplete)
            findings.Add(Missing, selection.Path, $"there is no definition {selection.Title}", next);
        else
            findings.Add(
                NotListed,
                selection.Path,
                $"no definition {selection.Title} is known here; the cluster may have one of another's making",
                next
            );
    }

    private static string SuggestDefinition(NetworkSelection selection, ImmutableArray<NetworkAttachmentDefinition> all)
    {
        var names = all.Where(d => d.Namespace == selection.Namespace).Select(d => d.Name);
        var titles = all.Select(d => d.Title);
        var near = Suggestions.Find(selection.Name, names.Concat(titles).Distinct());
        return near.Count > 0 ? $"did you mean {string.Join(" or ", near)}?"
            : all.IsEmpty ? "attach the network to the cluster first"
            : $"definitions: {string.Join(", ", titles.Order(StringComparer.Ordinal).Take(10))}";
    }
}
