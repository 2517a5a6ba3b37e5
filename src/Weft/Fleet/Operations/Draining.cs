using System.Collections.Immutable;
using System.Globalization;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Fleet.Operations;

/// <summary>
/// Takes nothing away under running pods: what a write would take out of a node's declaration, and pods stand on, is kept
/// until they are gone, and the operation waits for that. Who insists is told what breaks.
/// </summary>
internal static class Draining
{
    private const int MaxNamed = 5;

    /// <summary>What is kept of a cluster's nodes with a write, and what those who stand on it are told.</summary>
    /// <param name="before">The desired state without the write.</param>
    /// <param name="after">The desired state with it.</param>
    /// <param name="state">The store state with it.</param>
    public static Outcome<AgentEffects> Keep(
        DesiredState before,
        DesiredState after,
        StoreState state,
        WriteRequest request
    )
    {
        var effects = AgentEffects.None;
        var findings = new List<Refusal>();
        foreach (var node in before.Nodes.Where(node => node.Id is not null))
        {
            var left = after.Nodes.FirstOrDefault(one => one.Name == node.Name);
            effects = effects.With(KeepOn(node, left?.Declared ?? [], state, request, findings));
        }

        return findings.Count > 0 ? Refusal.Combine(findings, request.Id.ToString()) : effects;
    }

    /// <summary>The same of one node.</summary>
    /// <param name="left">The interfaces that are declared with the write.</param>
    /// <param name="findings">Is told what can't be kept.</param>
    private static AgentEffects KeepOn(
        RenderedNode node,
        ImmutableArray<NodeLink> left,
        StoreState state,
        WriteRequest request,
        List<Refusal> findings
    )
    {
        var effects = AgentEffects.None;
        var known = Drain.Of(state, node.Id!);
        var parents = known.Parents.Where(parent => left.All(link => link.Name != parent.Parent.Link.Name)).ToList();
        foreach (var parent in node.Parents.Concat(known.Parents.Select(drained => drained.Parent)))
        {
            var same = left.FirstOrDefault(link => link.Name == parent.Link.Name);
            if (same is not null && StandsAlike(same, parent.Link))
                continue;
            if (Drain.PodsOn(state, node.Id!, parent) is not { IsEmpty: false } pods)
                continue;
            if (request.Force)
                effects = effects.Warn(Broken(node.Id!, parent, pods));
            else if (same is not null)
                findings.Add(Moved(node.Id!, parent, same, pods, request.Id));
            else if (parents.TrueForAll(drained => drained.Parent.Link.Name != parent.Link.Name))
            {
                parents.Add(new DrainedParent(parent, request.Id, request.Now));
                effects = effects.Warn(Kept(node.Id!, parent, pods));
            }
        }

        if (request.Force)
            parents.RemoveAll(parent => parent.By.Equals(request.Id));
        return parents.SequenceEqual(known.Parents)
            ? effects
            : effects.Keep((known with { Parents = [.. parents] }).ToMutation());
    }

    /// <summary>Ends the waits of a resource's write whatever stands there; none where it waits for no pods.</summary>
    public static AgentEffects Insist(StoreState state, ResourceId by)
    {
        var effects = End(state, (_, parent) => parent.By.Equals(by));
        foreach (var drain in Drain.ListAll(state))
        {
            foreach (var parent in drain.Parents.Where(parent => parent.By.Equals(by)))
            {
                if (drain.PodsOn(state, parent) is { IsEmpty: false } pods)
                    effects = effects.Warn(Broken(drain.Node, parent.Parent, pods));
            }
        }

        return effects;
    }

    /// <summary>The changes that forget what no pod stands on any more: agents may take it away now.</summary>
    public static ImmutableArray<Mutation> Settle(StoreState state) =>
        End(state, (drain, parent) => drain.PodsOn(state, parent).IsEmpty).Changes;

    /// <summary>The pods that the operation of a resource waits for.</summary>
    public static IEnumerable<(ResourceId Node, string Interface, PodHold Pod)> PodsHolding(
        StoreState state,
        ResourceId written
    ) =>
        from drain in Drain.ListAll(state)
        from parent in drain.Parents
        where parent.By.Equals(written)
        from pod in drain.PodsOn(state, parent)
        select (drain.Node, parent.Parent.Link.Name, pod);

    /// <summary>The topics of all leases that something waits for the end of.</summary>
    public static IEnumerable<string> Topics(StoreState state)
    {
        var tracker = new DependencyTracker();
        _ = Settle(state.TrackedBy(tracker));
        return tracker.Topics.Append($"{Drain.Partition}|").Distinct(StringComparer.Ordinal);
    }

    /// <summary>Whether two interfaces of one name are the same to what stands on them.</summary>
    private static bool StandsAlike(NodeLink one, NodeLink other) =>
        one.Vlan == other.Vlan
        && one.Uplink.Name == other.Uplink.Name
        && one.Uplink.MacAddress == other.Uplink.MacAddress
        && (one.Parent ?? one.Uplink.Name) == (other.Parent ?? other.Uplink.Name);

    private static AgentEffects End(StoreState state, Func<Drain, DrainedParent, bool> hasEnded)
    {
        var effects = AgentEffects.None;
        var ended = new HashSet<string>(StringComparer.Ordinal);
        foreach (var drain in Drain.ListAll(state))
        {
            var gone = drain.Parents.Where(parent => hasEnded(drain, parent)).ToList();
            if (gone.Count == 0)
                continue;
            ended.UnionWith(gone.Select(parent => parent.By.Key));
            effects = effects.Keep((drain with { Parents = drain.Parents.RemoveRange(gone) }).ToMutation());
        }

        if (ended.Count == 0)
            return effects;
        // Written anew, an operation waits until the agents have applied what is left after this.
        foreach (var operation in OperationTracker.Pending(state).Select(Operation.Read))
        {
            if (ended.Contains(operation.Resource.Key))
                effects = effects.Keep(operation.ToMutation());
        }

        return effects;
    }

    private static Refusal Kept(ResourceId node, PodParent parent, ImmutableArray<PodHold> pods) =>
        About(
            node,
            pods,
            $"{parent.Link.Name} stays on node {node.Name} of {node.Parent!.Name} until its pods are gone: {ListPods(pods)}; "
                + "the operation waits for them"
        );

    private static Refusal Broken(ResourceId node, PodParent parent, ImmutableArray<PodHold> pods) =>
        About(
            node,
            pods,
            $"{parent.Link.Name} is taken away on node {node.Name} of {node.Parent!.Name} under running pods: {ListPods(pods)}; "
                + "they may be cut off, and then can't be deleted nor give their addresses back until it is declared again"
        );

    private static Refusal Moved(
        ResourceId node,
        PodParent parent,
        NodeLink link,
        ImmutableArray<PodHold> pods,
        ResourceId written
    ) =>
        About(
            node,
            pods,
            $"{parent.Link.Name} of node {node.Name} of {node.Parent!.Name} would move from {Place(parent.Link)} to {Place(link)} "
                + $"under running pods: {ListPods(pods)}; delete them first, or insist with force=true (weft --force): "
                + "then they are cut off"
        ) with
        {
            Target = written.ToString(),
        };

    private static string Place(NodeLink link) =>
        link.Vlan is { } vlan
            ? string.Create(CultureInfo.InvariantCulture, $"VLAN {vlan} of {link.Parent ?? link.Uplink.Name}")
            : $"port {link.Uplink.Name}";

    private static Refusal About(ResourceId node, ImmutableArray<PodHold> pods, string message) =>
        new(RefusalCode.InUse, message, node.ToString())
        {
            Discloses =
            [
                node.ToString(),
                .. pods.Select(pod => pod.Network.ToString()).Distinct(),
                .. pods.Select(pod => pod.Lease.Holder.Owner).Distinct(),
            ],
        };

    private static string ListPods(ImmutableArray<PodHold> pods) =>
        string.Join(", ", pods.Take(MaxNamed).Select(pod => pod.Text))
        + (pods.Length > MaxNamed ? $" and {pods.Length - MaxNamed} more" : "");
}
