using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Renderers;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// What an apply would do: the same decisions on an image that is never stored, and then the difference of two drawings. So a plan
/// can't promise what an apply would refuse.
/// </summary>
public sealed class SitePlan(Kinds kinds, Verbs verbs, Limits limits)
{
    /// <summary>Plans documents.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    /// <returns>The plan as the API answers it, or why the documents can't be put in order.</returns>
    public Outcome<JsonObject> Draw(IReadOnlyList<JsonObject> documents, Image image, string now, PlanAsker asker)
    {
        if (!ApplyOrder.Of(documents).TryGet(out var steps, out var refusal))
            return refusal;
        var after = image;
        var changes = new List<JsonNode>();
        foreach (var (step, i) in steps.Select((s, i) => (s, i)))
        {
            var request = new WriteRequest(step.Id, asker.Name, "User", now, string.Create(CultureInfo.InvariantCulture, $"plan-{i}")) { From = asker.From, Force = asker.Force };
            var seen = new Snapshot(after);
            var outcome = step.IsEnabling
                ? verbs.Act(request with { Body = new JsonObject { ["state"] = "Enable" } }, AdministrativeState.Action, seen)
                : verbs.Put(request with { Body = step.Body! }, seen);
            changes.Add(Change(step, after, outcome));
            if (outcome.TryGet(out var decision, out _))
                after = decision.Operation is { GivesBack.IsEmpty: false } operation ? decision.After.Next(operation.GivesBack.Select(Resources.Change.Remove)) : decision.After;
        }

        var manifests = Manifests(image, after, asker);
        var scope = PlanScope.Of(image, after, steps.Select(step => step.Id), limits, asker);
        var pictures = scope.Clusters.ToDictionary(cluster => cluster.Key, cluster => ClusterPicture.Draw(after, cluster, limits), StringComparer.Ordinal);
        return new JsonObject
        {
            ["revision"] = image.Revision,
            ["changes"] = new JsonArray([.. changes]),
            ["addresses"] = new JsonArray([.. Addresses(image, after, asker)]),
            ["vlans"] = new JsonArray([.. Vlans(image, after, asker)]),
            ["manifests"] = new JsonArray([.. manifests.Select(m => m.Body)]),
            ["disruptions"] = new JsonArray([.. manifests.Where(m => m.Disruption is not null).Select(m => (JsonNode)new JsonObject { ["id"] = m.Scope, ["what"] = m.Disruption })]),
            ["capacity"] = PlanCapacity.Draw(scope, pictures),
            ["warnings"] = new JsonArray([.. asker.Warnings(steps.Select(step => step.Id)), .. PlanWarnings.Draw(scope, pictures)]),
        };
    }

    private JsonObject Change(ApplyStep step, Image before, Outcome<Decision> outcome)
    {
        var change = new JsonObject { ["id"] = step.Id.ToString() };
        if (!outcome.TryGet(out var decision, out var refusal))
        {
            change["action"] = "Refused";
            change["error"] = refusal.ToErrorBody()["error"]!.DeepClone();
            return change;
        }

        change["action"] = decision.Unchanged ? "Unchanged" : step.IsEnabling ? "Enable" : decision.Created ? "Create" : "Update";
        if (!decision.Unchanged && !step.IsEnabling)
        {
            var old = before.Get(StoreKey.Of(step.Id)) is { } row ? StoredForm.Writable(row) : null;
            change["members"] = new JsonArray([.. Members(null, kinds.Find(step.Id.Type)?.Shape.Members ?? [], old, StoredForm.Writable(decision.Row!), "")]);
        }

        return change;
    }

    /// <summary>The members that differ, secrets by name only.</summary>
    private static List<JsonNode> Members(Member? member, ImmutableArray<Member> inner, JsonNode? before, JsonNode? after, string path)
    {
        if (JsonNode.DeepEquals(before, after))
            return [];
        if (member?.Mutability == Mutability.Secret)
            return [new JsonObject { ["path"] = path, ["after"] = "(secret)" }];
        if (after is JsonObject wanted && before is JsonObject or null)
        {
            var names = wanted.Select(m => m.Key).Concat((before as JsonObject ?? []).Select(m => m.Key)).Distinct(StringComparer.Ordinal);
            return [.. names.SelectMany(name =>
            {
                var row = inner.FirstOrDefault(m => m.Name == name);
                return Members(row, row?.Members ?? [], before?[name], wanted[name], path.Length == 0 ? name : $"{path}.{name}");
            })];
        }

        var change = new JsonObject { ["path"] = path };
        if (before is not null)
            change["before"] = Secrets.Concealed(member, before);
        if (after is not null)
            change["after"] = Secrets.Concealed(member, after);
        return [change];
    }

    private static IEnumerable<JsonNode> Addresses(Image before, Image after, PlanAsker asker)
    {
        foreach (var network in Ids(before, L3Network.ResourceType).Concat(Ids(after, L3Network.ResourceType)).DistinctBy(id => id.Key).Where(asker.Sees))
        {
            var (old, held) = (NetworkPool.HoldingsOf(before, network), NetworkPool.HoldingsOf(after, network));
            foreach (var lease in old.Leases.Where(l => held.Of(l.Address)?.Holder.Id != l.Holder.Id).OrderBy(l => l.Address))
                yield return Address("Give", network, lease);
            foreach (var lease in held.Leases.Where(l => old.Of(l.Address)?.Holder.Id != l.Holder.Id).OrderBy(l => l.Address))
                yield return Address("Take", network, lease);
        }
    }

    private static JsonObject Address(string action, ResourceId network, Lease lease) => new()
    {
        ["action"] = action,
        ["network"] = network.ToString(),
        ["address"] = lease.Address.ToString(),
        ["holder"] = lease.Holder.Text,
    };

    private IEnumerable<JsonNode> Vlans(Image before, Image after, PlanAsker asker)
    {
        var (old, open) = (VlanPorts.Of(before, limits).ToHashSet(), VlanPorts.Of(after, limits).ToHashSet());
        return old.Except(open).Select(port => (Action: "Close", Port: port)).Concat(open.Except(old).Select(port => (Action: "Open", Port: port)))
            .Where(p => asker.Sees(p.Port.Id)).OrderBy(p => p.Port.Machine, StringComparer.Ordinal).ThenBy(p => p.Port.Vlan)
            .Select(p => (JsonNode)new JsonObject { ["action"] = p.Action, ["vlan"] = p.Port.Vlan, ["machine"] = p.Port.Machine, ["network"] = p.Port.Network });
    }

    private List<(JsonNode Body, string Scope, string? Disruption)> Manifests(Image before, Image after, PlanAsker asker)
    {
        var list = new List<(JsonNode Body, string Scope, string? Disruption)>();
        foreach (var scope in new[] { KubernetesCluster.ResourceType, VirtualMachine.ResourceType }.SelectMany(type => Ids(before, type).Concat(Ids(after, type))).DistinctBy(id => id.Key).Where(asker.Sees))
        {
            var (old, wanted) = (Texts(before, scope), Texts(after, scope));
            foreach (var name in old.Keys.Concat(wanted.Keys).Distinct(StringComparer.Ordinal))
            {
                var (was, is_) = (old.GetValueOrDefault(name), wanted.GetValueOrDefault(name));
                if (was == is_)
                    continue;
                var body = new JsonObject { ["action"] = was is null ? "Add" : is_ is null ? "Remove" : "Change", ["scope"] = scope.ToString(), ["name"] = name };
                if (was is not null)
                    body["before"] = was;
                if (is_ is not null)
                    body["after"] = is_;
                list.Add((body, scope.ToString(), was is null ? null : Disruption(scope, name, is_ is null)));
            }
        }

        return list;
    }

    private static string Disruption(ResourceId scope, string name, bool removed) => (scope.Type == VirtualMachine.ResourceType, name.StartsWith("NetworkAttachmentDefinition", StringComparison.Ordinal)) switch
    {
        (true, _) => $"{name} of virtual machine {scope.Name} changes: it takes effect when the machine is imaged again",
        (_, true) when removed => $"{name} goes: new pods that name it in {scope.Name} will not start; running pods keep their interfaces",
        (_, true) => $"{name} changes: running pods in {scope.Name} keep what they have until they are started again",
        _ => $"{name} changes: the node's network in {scope.Name} is configured anew",
    };

    private Dictionary<string, string> Texts(Image image, ResourceId scope)
    {
        var picture = scope.Type == VirtualMachine.ResourceType ? MachinePicture.Draw(image, scope, limits) : ClusterPicture.Draw(image, scope, limits);
        var texts = picture.Manifests.ToDictionary(m => m.Title, m => Yaml.Write(m.Body));
        foreach (var file in picture.Nodes.Where(_ => scope.Type == VirtualMachine.ResourceType).SelectMany(n => n.Files))
            texts[file.Path] = file.Content;
        return texts;
    }

    private static IEnumerable<ResourceId> Ids(Image image, ResourceType type) => new Snapshot(image).List(type).Select(ResourceKind.IdOf);
}

/// <summary>Which VLANs are open on the ports of which machines.</summary>
internal static class VlanPorts
{
    public static IEnumerable<(int Vlan, string Machine, string Network, ResourceId Id)> Of(Image image, Limits limits)
    {
        var seen = new Snapshot(image);
        foreach (var node in seen.List(Node.ResourceType).Select(Node.Of))
        {
            var networks = ClusterAttachments.Of(seen, node.Cluster, node.Pool).Select(a => a.Network);
            if (seen.Get(node.Cluster) is { } cluster)
                networks = networks.Prepend(KubernetesCluster.CniNetworkOf(cluster));
            foreach (var port in networks.DistinctBy(n => n.Key).Where(n => node.Carrying(n) is not null).SelectMany(n => Ports(image, n, $"{node.Cluster.Name}/{node.Id.Name}", node.Id, limits)))
                yield return port;
        }

        foreach (var machine in seen.List(VirtualMachine.ResourceType))
        {
            foreach (var port in VirtualMachine.AttachmentsOf(machine, image).SelectMany(a => Ports(image, a.Network, ResourceKind.IdOf(machine).Name, ResourceKind.IdOf(machine), limits)).Distinct())
                yield return port;
        }
    }

    private static IEnumerable<(int Vlan, string Machine, string Network, ResourceId Id)> Ports(Image image, ResourceId id, string machine, ResourceId machineId, Limits limits) =>
        Network.Of(image, id, limits) is { } network ? network.Vlans.Select(vlan => (vlan, machine, network.Id.ToString(), machineId)) : [];
}
