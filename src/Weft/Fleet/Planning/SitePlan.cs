using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Formats;
using Weft.Contracts;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>
/// What an apply would do: the same decisions on a store state that is never committed, and then the difference of two
/// renderings. So a plan can't promise what an apply would refuse.
/// </summary>
internal sealed class SitePlan(Kinds kinds, ResourceVerbs verbs, Limits limits)
{
    /// <summary>Plans documents.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    /// <returns>The plan, or why the documents can't be put in order.</returns>
    public Outcome<PlanResponse> Create(
        IReadOnlyList<JsonObject> documents,
        StoreState state,
        string now,
        PlanCaller planCaller
    )
    {
        if (!ApplyOrder.Sort(documents).TryGet(out var steps, out var refusal))
            return refusal;
        var (after, changes, warnings) = Apply(steps, state, now, planCaller);
        var manifests = ManifestChanges(state, after, planCaller);
        var scope = PlanScope.Create(state, after, steps.Select(step => step.Id), limits, planCaller);
        var desired = scope.Clusters.ToDictionary(
            cluster => cluster.Key,
            cluster => ClusterRenderer.Render(after, cluster, limits),
            StringComparer.Ordinal
        );
        return new PlanResponse(
            state.Revision,
            changes,
            [.. AddressChanges(state, after, planCaller)],
            [.. VlanChanges(state, after, planCaller)],
            [.. manifests.Select(m => m.Planned)],
            [
                .. warnings,
                .. manifests.Where(m => m.Disruption is not null).Select(m => PlanNotice.For(m.Scope, m.Disruption!)),
            ],
            PlanCapacity.Render(scope, desired),
            [.. planCaller.PermissionWarnings(steps.Select(step => step.Id)), .. PlanWarnings.Render(scope, desired)]
        );
    }

    /// <summary>The state after all steps that aren't refused, what becomes of each, and what that does to pods.</summary>
    private (StoreState After, List<PlannedChange> Changes, List<PlanNotice> Warnings) Apply(
        IEnumerable<ApplyStep> steps,
        StoreState state,
        string now,
        PlanCaller planCaller
    )
    {
        var changes = new List<PlannedChange>();
        var warnings = new List<PlanNotice>();
        foreach (var (step, i) in steps.Select((step, i) => (step, i)))
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"plan-{i}");
            var outcome = Decide(step, new ReadTransaction(state), planCaller.CreateRequest(step.Id, now, name));
            changes.Add(RenderChange(step, state, outcome, planCaller));
            if (!outcome.TryGet(out var decision, out _))
                continue;
            state = StateWhenComplete(decision);
            warnings.AddRange(
                decision.Warnings.Select(warning =>
                    PlanNotice.For(step.Id, warning.VisibleTo(planCaller.MayRead).Message)
                )
            );
        }

        return (state, changes, warnings);
    }

    private Outcome<Decision> Decide(ApplyStep step, ReadTransaction transaction, WriteRequest request) =>
        step.IsEnabling
            ? verbs.InvokeAction(
                request with
                {
                    Body = new JsonObject { ["state"] = "Enable" },
                },
                AdministrativeState.Action,
                transaction
            )
            : verbs.Put(request with { Body = step.Body! }, transaction);

    /// <summary>The state once the operation of a decision has ended, and given back what it still holds.</summary>
    private static StoreState StateWhenComplete(Decision decision) =>
        decision.Operation is { ReleasesOnCompletion.IsEmpty: false } operation
            ? decision.After.Next(operation.ReleasesOnCompletion.Select(Mutation.Remove))
            : decision.After;

    private PlannedChange RenderChange(
        ApplyStep step,
        StoreState before,
        Outcome<Decision> outcome,
        PlanCaller planCaller
    )
    {
        var id = step.Id.ToString();
        if (!outcome.TryGet(out var decision, out var refusal))
        {
            var told = refusal.VisibleTo(planCaller.MayRead);
            return new PlannedChange(id, PlanAction.Refused, Error: told.ToErrorBody()["error"]!.DeepClone());
        }

        if (decision.Unchanged || step.IsEnabling)
            return new PlannedChange(id, decision.Unchanged ? PlanAction.Unchanged : PlanAction.Enable);
        var old = before.Get(StoreKey.ForResource(step.Id)) is { } row ? StoredDocument.CallerFields(row) : null;
        var members = DiffMembers(
            null,
            kinds.Find(step.Id.Type)?.Schema.Members ?? [],
            old,
            StoredDocument.CallerFields(decision.Row!),
            ""
        );
        return new PlannedChange(id, decision.Created ? PlanAction.Create : PlanAction.Update, members);
    }

    /// <summary>The members that differ, secrets by name only.</summary>
    private static List<MemberChange> DiffMembers(
        SchemaMember? member,
        ImmutableArray<SchemaMember> inner,
        JsonNode? before,
        JsonNode? after,
        string path
    )
    {
        if (JsonNode.DeepEquals(before, after))
            return [];
        if (member?.Mutability == Mutability.Secret)
            return [new MemberChange(path, After: "(secret)")];
        if (after is JsonObject wanted && before is JsonObject or null)
        {
            var names = wanted
                .Select(m => m.Key)
                .Concat((before as JsonObject ?? []).Select(m => m.Key))
                .Distinct(StringComparer.Ordinal);
            return
            [
                .. names.SelectMany(name =>
                {
                    var row = inner.FirstOrDefault(m => m.Name == name);
                    return DiffMembers(
                        row,
                        row?.Members ?? [],
                        before?[name],
                        wanted[name],
                        path.Length == 0 ? name : $"{path}.{name}"
                    );
                }),
            ];
        }

        return
        [
            new MemberChange(
                path,
                before is null ? null : Secrets.Redacted(member, before),
                after is null ? null : Secrets.Redacted(member, after)
            ),
        ];
    }

    private static IEnumerable<PlannedAddress> AddressChanges(
        StoreState before,
        StoreState after,
        PlanCaller planCaller
    )
    {
        foreach (
            var network in IdsOf(before, L3Network.ResourceType)
                .Concat(IdsOf(after, L3Network.ResourceType))
                .DistinctBy(id => id.Key)
                .Where(planCaller.MayRead)
        )
        {
            var (old, held) = (NetworkPool.HoldingsOf(before, network), NetworkPool.HoldingsOf(after, network));
            foreach (var lease in old.Except(held))
                yield return RenderAddressChange(AddressAction.Give, network, lease, planCaller);
            foreach (var lease in held.Except(old))
                yield return RenderAddressChange(AddressAction.Take, network, lease, planCaller);
        }
    }

    private static PlannedAddress RenderAddressChange(
        AddressAction action,
        ResourceId network,
        Lease lease,
        PlanCaller planCaller
    ) => new(action, network.ToString(), lease.Address.ToString(), lease.VisibleTo(planCaller.MayRead).Holder.Text);

    private IEnumerable<PlannedVlan> VlanChanges(StoreState before, StoreState after, PlanCaller planCaller)
    {
        var changes = SwitchPortRenderer.Render(before, limits).ChangesTo(SwitchPortRenderer.Render(after, limits));
        return changes
            .Where(change => planCaller.MayRead(change.Port.Id))
            .Select(change => new PlannedVlan(
                change.Opens ? VlanAction.Open : VlanAction.Close,
                change.Port.Vlan,
                change.Port.Machine,
                change.Port.Network
            ));
    }

    private List<ManifestChange> ManifestChanges(StoreState before, StoreState after, PlanCaller planCaller)
    {
        var list = new List<ManifestChange>();
        foreach (
            var scope in new[] { KubernetesCluster.ResourceType, VirtualMachine.ResourceType }
                .SelectMany(type => IdsOf(before, type).Concat(IdsOf(after, type)))
                .DistinctBy(id => id.Key)
                .Where(planCaller.MayRead)
        )
        {
            var (old, wanted) = (RenderTexts(before, scope), RenderTexts(after, scope));
            foreach (var name in old.Keys.Concat(wanted.Keys).Distinct(StringComparer.Ordinal))
            {
                var (was, becomes) = (old.GetValueOrDefault(name), wanted.GetValueOrDefault(name));
                if (was != becomes)
                    list.Add(RenderManifestChange(scope, name, was, becomes));
            }
        }

        return list;
    }

    private static ManifestChange RenderManifestChange(ResourceId scope, string name, string? was, string? becomes)
    {
        var action =
            was is null ? ManifestAction.Add
            : becomes is null ? ManifestAction.Remove
            : ManifestAction.Change;
        return new ManifestChange(
            new PlannedManifest(action, scope.ToString(), name, was, becomes),
            scope,
            was is null ? null : DescribeDisruption(scope, name, becomes is null)
        );
    }

    private static string DescribeDisruption(ResourceId scope, string name, bool removed) =>
        (
            scope.Type == VirtualMachine.ResourceType,
            name.StartsWith("NetworkAttachmentDefinition", StringComparison.Ordinal)
        ) switch
        {
            (true, _) =>
                $"{name} of virtual machine {scope.Name} changes: it takes effect when the machine is imaged again",
            (_, true) when removed =>
                $"{name} goes: new pods that name it in {scope.Name} will not start; running pods keep their interfaces",
            (_, true) =>
                $"{name} changes: running pods in {scope.Name} keep what they have until they are started again",
            _ => $"{name} changes: the node's network in {scope.Name} is configured anew",
        };

    private Dictionary<string, string> RenderTexts(StoreState state, ResourceId scope)
    {
        var desired =
            scope.Type == VirtualMachine.ResourceType
                ? MachineRenderer.Render(state, scope, limits)
                : ClusterRenderer.Render(state, scope, limits);
        var texts = desired.Manifests.ToDictionary(m => m.Title, m => Yaml.Write(m.Body));
        foreach (
            var file in desired.Nodes.Where(_ => scope.Type == VirtualMachine.ResourceType).SelectMany(n => n.Files)
        )
            texts[file.Path] = file.Content;
        return texts;
    }

    private static IEnumerable<ResourceId> IdsOf(StoreState state, ResourceType type) =>
        new ReadTransaction(state).List(type).Select(ResourceKind.IdOf);

    /// <summary>A manifest that differs.</summary>
    /// <param name="Disruption">What running pods or the node notice; null for nothing.</param>
    private sealed record ManifestChange(PlannedManifest Planned, ResourceId Scope, string? Disruption);
}
