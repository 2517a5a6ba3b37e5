using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Ends operations: a change has succeeded once every agent whose picture it alters has applied it, at once where there is none. What
/// runs and what it waits for is in the store, so a restart loses nothing.
/// </summary>
public sealed class Settlement(Kinds kinds, Limits limits)
{
    /// <summary>The clusters' pictures.</summary>
    public Pictures Pictures { get; } = new(limits);

    /// <summary>Keeps the names of the operations that run beside their rows.</summary>
    public static readonly Fold RunningFold = new(partition => partition == Operation.Partition, (running, before, after) =>
    {
        var names = running as ImmutableSortedSet<string> ?? [];
        if (before is not null)
            names = names.Remove(Operation.Of(before).Name);
        return after is not null && !Operation.Of(after).IsTerminal ? names.Add(Operation.Of(after).Name) : names;
    });

    /// <summary>The operations that run.</summary>
    public static IEnumerable<Stored> Running(Image image)
    {
        return (image.Derived(Operation.Partition) as ImmutableSortedSet<string> ?? []).Select(name => image.Get(Operation.KeyOf(name))).OfType<Stored>();
    }

    /// <summary>Which agents a change concerns: those of clusters whose picture it alters.</summary>
    /// <param name="before">The image without the change.</param>
    public ImmutableArray<string> Concerned(Image before, Image after)
    {
        var agents = before.Range($"{StoreKey.PartitionOf(Agent.ResourceType)}|").Select(ResourceKind.IdOf).GroupBy(agent => agent.Parent!.Key);
        return [.. agents.Where(group => Pictures.Of(before, group.First().Parent!).Digest != Pictures.DigestIn(after, group.First().Parent!)).SelectMany(group => group.Select(agent => agent.Key))];
    }

    /// <summary>The changes that end every operation that can end now.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    /// <returns>The changes; none where everything still waits.</returns>
    public ImmutableArray<Change> Settle(Image image, string now)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        var changes = ImmutableArray.CreateBuilder<Change>();
        var next = image;
        foreach (var row in Running(image))
        {
            // Each sees what those before it have ended: what went with its parent must not be written again.
            List<Change> mine = [.. Settle(image, next, row, Operation.Of(row), now, digests)];
            changes.AddRange(mine);
            next = mine.Count == 0 ? next : next.Next(mine);
        }

        return changes.ToImmutable();
    }

    /// <summary>The agents that an operation still waits for.</summary>
    public IEnumerable<ResourceId> WaitingFor(Image image, Stored row)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        return Operation.Of(row).WaitsFor.Select(key => Waits(image, row, key, digests)).OfType<(ResourceId Agent, string? Failure)>().Select(w => w.Agent);
    }

    private IEnumerable<Change> Settle(Image image, Image next, Stored row, Operation operation, string now, Dictionary<string, string> digests)
    {
        var waiting = operation.WaitsFor.Select(key => Waits(image, row, key, digests)).OfType<(ResourceId Agent, string? Failure)>().ToList();
        var resource = next.Get(StoreKey.Of(operation.Resource));
        if (waiting.FirstOrDefault(w => w.Failure is not null) is { Agent: { } agent } failed)
            return Fail(resource, operation, now, RefusalCode.Conflict, $"agent {agent.Name} of {agent.Parent!.Name} couldn't apply it: {failed.Failure}");
        if (waiting.Count > 0)
            return [];
        if (resource is not null && Provisioning.IsDeleting(resource))
        {
            var removal = Removal(next, resource);
            return [.. removal, .. GivenBack(next.Next(removal), operation), operation.End(Provisioning.Succeeded, now).ToChange()];
        }

        if (resource is not null && Undrawn(next, operation.Resource) is { } refusal)
            return Fail(resource, operation, now, refusal.Code, refusal.Message);
        var done = operation.End(Provisioning.Succeeded, now).ToChange();
        var back = GivenBack(next, operation);
        return resource is null ? [.. back, done] : [.. back, Change.Put(operation.Resource, Provisioning.WithState(resource, Provisioning.Succeeded)), done];
    }

    /// <summary>The leases that end with an operation, but for those that are wanted again by now.</summary>
    private static IEnumerable<Change> GivenBack(Image image, Operation operation) => operation.GivesBack
        .Where(key => image.Get(key) is { } row && !MachineAddresses.IsWanted(image, NetworkPool.LeaseOf(row))).Select(Change.Remove);

    /// <summary>What an operation waits for at one agent: null for nothing, else the agent and, where it reported one, its failure.</summary>
    private (ResourceId Agent, string? Failure)? Waits(Image image, Stored operation, string key, Dictionary<string, string> digests)
    {
        if (!ResourceId.TryParse(key, out var agent) || image.Get(StoreKey.Of(agent)) is null)
            return null;
        var status = AgentStatus.Of(image, key);
        if (status is { IsApplied: true } && status.Revision >= operation.Revision)
            return null;
        if (status is { IsApplied: false } && status.Revision >= operation.Revision)
            return (agent, status.Message);
        // The picture may have changed there and back before the agent looked: then it never reports, and has what is wanted.
        if (!digests.TryGetValue(agent.Parent!.Key, out var today))
            digests[agent.Parent.Key] = today = Pictures.Of(image, agent.Parent).Digest;
        return status is { IsApplied: true } && status.Digest == today ? null : (agent, null);
    }

    private List<Change> Removal(Image image, Stored resource)
    {
        var changes = new List<Change>();
        var now = image;
        foreach (var (row, kind) in Usage.Family(kinds, kinds.Of(resource), resource, new Snapshot(image)).Reverse())
        {
            var id = ResourceKind.IdOf(row);
            List<Change> mine = [.. Leases(now, row, id), .. kind.RemovedWith(row, now), Change.Remove(row.Key)];
            changes.AddRange(mine);
            now = now.Next(mine);
        }

        return changes;
    }

    /// <summary>
    /// What a machine, node or cluster holds goes back to the pools with it. The leases themselves say whose they are: what it should have had
    /// can't be told any more once its cluster or networks are gone.
    /// </summary>
    private static IEnumerable<Change> Leases(Image image, Stored row, ResourceId id)
    {
        Func<Holder, bool>? mine = id.Type == Node.ResourceType || id.Type == VirtualMachine.ResourceType
            ? holder => holder.Id.StartsWith(MachineAddresses.HolderOf(id, "").Id, StringComparison.Ordinal)
            : id.Type == KubernetesCluster.ResourceType ? holder => id.ToString().Equals(holder.Cluster, StringComparison.OrdinalIgnoreCase) : null;
        return mine is null ? [] : image.Range($"{StoreKey.PartitionOf(L3Network.ResourceType)}|").Select(ResourceKind.IdOf)
            .SelectMany(network => NetworkPool.End(network, NetworkPool.HoldingsOf(image, network).Leases.Where(lease => mine(lease.Holder))));
    }

    private static IEnumerable<Change> Fail(Stored? resource, Operation operation, string now, RefusalCode code, string message)
    {
        var end = operation.End(Provisioning.Failed, now, code.ToString(), message).ToChange();
        return resource is null ? [end] : [Change.Put(operation.Resource, Provisioning.WithState(resource, Provisioning.Failed, message)), end];
    }

    private Refusal? Undrawn(Image image, ResourceId resource)
    {
        var cluster = resource.Type == KubernetesCluster.ResourceType ? resource : resource.Type == AgentPool.ResourceType ? resource.Parent : null;
        return cluster is null ? null : Pictures.Of(image, cluster).Undrawn is { IsEmpty: false } undrawn ? Refusal.Of(undrawn, resource.ToString()) : null;
    }
}
