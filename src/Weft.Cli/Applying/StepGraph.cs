using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Planning;
using Weft.Contracts;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Cli.Applying;

/// <summary>Which steps wait for which: what can go in parallel, does.</summary>
/// <remarks>
/// The plan gives one good order. A step depends on an earlier step only where its document says so; since every
/// dependence points backwards in that order, there are no rings.
/// </remarks>
internal static class StepGraph
{
    private static readonly ResourceType LocationType = new("Microsoft.ExtendedLocation", "customLocations");
    private static readonly ResourceType[] AddressClaimants =
    [
        KubernetesCluster.ResourceType,
        AgentPool.ResourceType,
        Node.ResourceType,
        VirtualMachine.ResourceType,
    ];

    /// <summary>The steps of a plan.</summary>
    /// <param name="plan">A plan without refusals.</param>
    /// <exception cref="CliError">The plan speaks of other resources than the documents.</exception>
    public static ImmutableArray<Step> FromPlan(Plan plan, IReadOnlyList<Document> documents)
    {
        var byId = documents.ToDictionary(document => document.Id);
        var planned = plan
            .Changes.Select(change =>
                byId.TryGetValue(change.Id, out var document)
                    ? (document, change.Action)
                    : throw new CliError(
                        $"the server's plan has a step for {Label.For(change.Id)}, which no document declares"
                    )
            )
            .ToList();
        if (documents.Except(planned.Select(step => step.document)).FirstOrDefault() is { } forgotten)
            throw new CliError($"the server's plan has no step for {Label.For(forgotten.Id)}");
        return BuildSteps(planned);
    }

    /// <summary>The steps that delete documents: dependants first.</summary>
    /// <returns>The steps in an order in which they can be done.</returns>
    public static ImmutableArray<Step> ForDeletion(IReadOnlyList<Document> documents)
    {
        // Nobody planned this order, so the kinds' own order stands in: made first, deleted last.
        var forward = BuildSteps([
            .. documents
                .OrderBy(document => KindTable.Rank(document.Id.Type))
                .Select(document => (document, PlanAction.Create)),
        ]);
        var last = forward.Length - 1;
        return
        [
            .. forward
                .Reverse()
                .Select(
                    (step, i) =>
                        step with
                        {
                            Index = i,
                            SentAfter = null,
                            DependsOn =
                            [
                                .. forward
                                    .Where(other => other.DependsOn.Contains(step.Index))
                                    .Select(other => last - other.Index),
                            ],
                        }
                ),
        ];
    }

    private static ImmutableArray<Step> BuildSteps(List<(Document Document, PlanAction Action)> planned)
    {
        var needs = planned.Select(step => FindReferences(step.Document).ToHashSet()).ToList();
        return
        [
            .. planned.Select(
                (step, i) =>
                    new Step(
                        i,
                        step.Document,
                        step.Action,
                        [.. Enumerable.Range(0, i).Where(j => DependsOn(step, needs[i], planned[j]))]
                    )
                    {
                        SentAfter =
                            ClaimsAddresses(step) && planned[..i].FindLastIndex(ClaimsAddresses) is >= 0 and var before
                                ? before
                                : null,
                    }
            ),
        ];
    }

    // Addresses are given out in the order in which they are asked for. Asked for in the plan's order, they are those
    // the plan has shown.
    private static bool ClaimsAddresses((Document Document, PlanAction Action) step) =>
        step.Action is PlanAction.Create or PlanAction.Update && AddressClaimants.Contains(step.Document.Id.Type);

    private static bool DependsOn(
        (Document Document, PlanAction Action) step,
        HashSet<ResourceId> needs,
        (Document Document, PlanAction Action) earlier
    )
    {
        var (id, other) = (step.Document.Id, earlier.Document.Id);
        if (id.Equals(other))
            return true;

        // Enabling comes after all that stands in the domain.
        if (step.Action == PlanAction.Enable && other.IsUnder(id))
            return true;

        // A child waits for its parent's PUT, and not for the parent to be enabled: that waits for the child.
        if (id.IsUnder(other))
            return earlier.Action != PlanAction.Enable;

        // A node names its agent pool by name, not by id.
        if (id.Type == Node.ResourceType && other.Type == AgentPool.ResourceType && id.IsUnder(other.Parent!))
            return true;
        return needs.Contains(other) || (IsDomain(other.Parent) && needs.Contains(other.Parent!));
    }

    // A network names the domain and means one of the internal networks in it.
    private static bool IsDomain(ResourceId? id) => id is not null && id.Type == L3IsolationDomain.ResourceType;

    private static IEnumerable<ResourceId> FindReferences(Document document)
    {
        foreach (var text in EnumerateStrings(document.Body))
        {
            if (!ResourceId.TryParse(text, out var id))
                continue;
            yield return id;

            // The custom location of a site is made with its cluster, and bears its name.
            if (id.Type == LocationType && id.Parent is { } scope)
                yield return scope.Extend(NexusCluster.ResourceType, id.Name);
        }
    }

    private static IEnumerable<string> EnumerateStrings(JsonNode? node) =>
        node switch
        {
            JsonObject map => map.SelectMany(member => EnumerateStrings(member.Value)),
            JsonArray list => list.SelectMany(EnumerateStrings),
            JsonValue value when value.GetValueKind() == JsonValueKind.String => [value.GetValue<string>()],
            _ => [],
        };
}
