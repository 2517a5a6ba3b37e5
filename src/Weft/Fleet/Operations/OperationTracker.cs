using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Operations;

/// <summary>
/// Ends operations: a change has succeeded once every agent whose desired state it alters has applied it, at once where
/// there is none. What runs and what it waits for is in the store, so a restart loses nothing.
/// </summary>
internal sealed class OperationTracker(Kinds kinds, Limits limits, WatcherGroup watchers)
{
    /// <summary>The clusters' desired states.</summary>
    public DesiredStateCache DesiredStates { get; } = new(limits, watchers);

    /// <summary>Keeps the names of the operations that run beside their rows.</summary>
    public static readonly MaterializedView PendingView = new(
        partition => partition == Operation.Partition,
        (running, before, after) =>
        {
            var names = running as ImmutableSortedSet<string> ?? [];
            if (before is not null)
                names = names.Remove(Operation.Read(before).Name);
            return after is not null && !Operation.Read(after).IsTerminal
                ? names.Add(Operation.Read(after).Name)
                : names;
        }
    );

    /// <summary>The operations that run.</summary>
    public static IEnumerable<Row> Pending(StoreState state)
    {
        return (state.View(Operation.Partition) as ImmutableSortedSet<string> ?? [])
            .Select(name => state.Get(Operation.KeyOf(name)))
            .OfType<Row>();
    }

    /// <summary>
    /// What a write of the newest stored state means for agents: which it concerns, those of clusters whose desired state it
    /// alters, and what must be kept. Asked are those clusters alone that read what it writes, and those of which nobody
    /// knows yet what they read.
    /// </summary>
    /// <param name="before">The store state without the write.</param>
    public Outcome<AgentEffects> EffectsOf(
        StoreState before,
        StoreState after,
        IReadOnlyList<Mutation> changes,
        WriteRequest request
    )
    {
        var agents = Agent.ByCluster(before);
        var readers = DesiredStates.FindReaders(changes).Select(cluster => cluster.Key);
        var unknown = agents.Keys.Where(cluster => !DesiredStates.IsCurrent(cluster));
        return EffectsOn(
            readers.Concat(unknown).Distinct(StringComparer.Ordinal),
            agents,
            cluster => DesiredStates.Get(before, cluster),
            after,
            request
        );
    }

    /// <summary>The same for a state that is only planned: all clusters are asked, and nothing is kept in memory.</summary>
    public Outcome<AgentEffects> EffectsInPlan(
        StoreState before,
        StoreState after,
        IReadOnlyList<Mutation> changes,
        WriteRequest request
    )
    {
        var agents = Agent.ByCluster(before);
        return EffectsOn(agents.Keys, agents, cluster => DesiredStates.Preview(before, cluster), after, request);
    }

    private Outcome<AgentEffects> EffectsOn(
        IEnumerable<string> clusters,
        IReadOnlyDictionary<string, ImmutableArray<ResourceId>> agents,
        Func<ResourceId, DesiredState> before,
        StoreState after,
        WriteRequest request
    )
    {
        var effects = AgentEffects.None;
        foreach (var key in clusters.Where(agents.ContainsKey).Order(StringComparer.Ordinal))
        {
            var cluster = agents[key][0].Parent!;
            var (was, becomes) = (before(cluster), DesiredStates.Preview(after, cluster));
            if (was.Digest == becomes.Digest)
                continue;
            if (!Draining.Keep(was, becomes, after, request).TryGet(out var kept, out var refusal))
                return refusal;
            effects = effects.With(
                kept with
                {
                    Agents = [.. agents[key].Select(agent => agent.Key).Order(StringComparer.Ordinal)],
                }
            );
        }

        return effects;
    }

    /// <summary>The changes that end every operation that can end now.</summary>
    /// <param name="now">The time, RFC 3339.</param>
    /// <returns>The changes; none where everything still waits.</returns>
    public ImmutableArray<Mutation> Complete(StoreState state, string now)
    {
        // First what pods no longer stand on: an operation that waited for them waits for the agents then.
        if (Draining.Settle(state) is { IsEmpty: false } settled)
            return settled;
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        var changes = ImmutableArray.CreateBuilder<Mutation>();
        var next = state;
        foreach (var row in Pending(state))
        {
            // Each sees what those before it have ended: what went with its parent must not be written again.
            List<Mutation> mine = [.. CompleteOne(state, next, row, Operation.Read(row), now, digests)];
            changes.AddRange(mine);
            next = mine.Count == 0 ? next : next.Next(mine);
        }

        return changes.ToImmutable();
    }

    /// <summary>The agents that an operation still waits for.</summary>
    public IEnumerable<ResourceId> WaitingFor(StoreState state, Row row)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        return Operation
            .Read(row)
            .PendingAgents.Select(key => FindWaitingAgent(state, row, key, digests))
            .OfType<(ResourceId Agent, string? Failure)>()
            .Select(w => w.Agent);
    }

    private IEnumerable<Mutation> CompleteOne(
        StoreState state,
        StoreState next,
        Row row,
        Operation operation,
        string now,
        Dictionary<string, string> digests
    )
    {
        var waiting = operation
            .PendingAgents.Select(key => FindWaitingAgent(state, row, key, digests))
            .OfType<(ResourceId Agent, string? Failure)>()
            .ToList();
        var resource = next.Get(StoreKey.ForResource(operation.Resource));
        if (waiting.FirstOrDefault(w => w.Failure is not null) is { Agent: { } agent } failed)
            return Fail(
                resource,
                operation,
                now,
                RefusalCode.Conflict,
                $"agent {agent.Name} of {agent.Parent!.Name} couldn't apply it: {failed.Failure}",
                agent.ToString()
            );
        if (waiting.Count > 0 || Draining.PodsHolding(state, operation.Resource).Any())
            return [];
        if (resource is not null && Provisioning.IsDeleting(resource))
        {
            var removal = RemovalOf(next, resource);
            return
            [
                .. removal,
                .. ReleasedLeases(next.Next(removal), operation),
                operation.Complete(Provisioning.Succeeded, now).ToMutation(),
            ];
        }

        if (resource is not null && RenderErrorOf(next, operation.Resource) is { } refusal)
            return Fail(resource, operation, now, refusal.Code, refusal.Message);
        var done = operation.Complete(Provisioning.Succeeded, now).ToMutation();
        var back = ReleasedLeases(next, operation);
        return resource is null
            ? [.. back, done]
            :
            [
                .. back,
                Mutation.Put(operation.Resource, Provisioning.WithState(resource, Provisioning.Succeeded)),
                done,
            ];
    }

    /// <summary>The leases that end with an operation, but for those that are wanted again by now.</summary>
    private static IEnumerable<Mutation> ReleasedLeases(StoreState state, Operation operation) =>
        operation
            .ReleasesOnCompletion.Select(NetworkPool.ParseKey)
            .OfType<(string NetworkKey, Address Address)>()
            .GroupBy(at => at.NetworkKey, at => at.Address)
            .SelectMany(group =>
                NetworkPool.RemoveLeases(
                    state,
                    group.Key,
                    group.Where(address =>
                        NetworkPool.FindLease(state, NetworkPool.KeyOf(group.Key, address)) is { } lease
                        && !AddressClaims.IsClaimed(state, lease)
                    )
                )
            );

    /// <summary>
    /// What an operation waits for at one agent: null for nothing, else the agent and, where it reported one, its
    /// failure.
    /// </summary>
    private (ResourceId Agent, string? Failure)? FindWaitingAgent(
        StoreState state,
        Row operation,
        string key,
        Dictionary<string, string> digests
    )
    {
        if (!ResourceId.TryParse(key, out var agent) || state.Get(StoreKey.ForResource(agent)) is null)
            return null;
        var status = AgentStatus.Find(state, key);
        if (status is { IsApplied: true } && status.Revision >= operation.Revision)
            return null;
        if (status is { IsApplied: false } && status.Revision >= operation.Revision)
            return (agent, status.Message);
        // The desired state may have changed there and back before the agent looked: then it never reports, and has
        // what is wanted.
        if (!digests.TryGetValue(agent.Parent!.Key, out var today))
            digests[agent.Parent.Key] = today = DesiredStates.Get(state, agent.Parent).Digest;
        return status is { IsApplied: true } && status.Digest == today ? null : (agent, null);
    }

    private List<Mutation> RemovalOf(StoreState state, Row resource)
    {
        var changes = new List<Mutation>();
        var remaining = state;
        foreach (
            var (row, kind) in Dependents
                .WithDescendants(kinds, kinds.KindOf(resource), resource, new ReadTransaction(state))
                .Reverse()
        )
        {
            var id = ResourceKind.IdOf(row);
            List<Mutation> mine =
            [
                .. LeaseReleasesOf(remaining, row, id),
                .. kind.RemovalSideEffects(row, remaining),
                Mutation.Remove(row.Key),
            ];
            changes.AddRange(mine);
            remaining = remaining.Next(mine);
        }

        return changes;
    }

    /// <summary>
    /// What a machine, node or cluster holds goes back to the pools with it. The leases themselves say whose they are:
    /// what it should have had can't be told any more once its cluster or networks are gone.
    /// </summary>
    private static IEnumerable<Mutation> LeaseReleasesOf(StoreState state, Row row, ResourceId id)
    {
        if (id.Type == KubernetesCluster.ResourceType)
            return ReleasesOf(
                state,
                held => held.Counts.OfCluster(id.ToString()).Total > 0,
                held => held.All,
                holder => id.ToString().Equals(holder.Cluster, StringComparison.OrdinalIgnoreCase)
            );
        return id.Type == Node.ResourceType || id.Type == VirtualMachine.ResourceType
            ? ReleasesOf(
                state,
                _ => true,
                held => held.Others,
                holder => holder.Id.StartsWith(AddressClaims.HolderOf(id, "").Id, StringComparison.Ordinal)
            )
            : [];
    }

    /// <param name="mayHold">Whether it may have something of a network; asked before anything is looked at.</param>
    /// <param name="among">What is looked at.</param>
    private static IEnumerable<Mutation> ReleasesOf(
        StoreState state,
        Func<Holdings, bool> mayHold,
        Func<Holdings, IEnumerable<Holding>> among,
        Func<Holder, bool> mine
    ) =>
        state
            .Range($"{StoreKey.PartitionOf(L3Network.ResourceType)}|")
            .Select(ResourceKind.IdOf)
            .SelectMany(network =>
                (
                    NetworkPool.HoldingsOf(state, network) is var held && mayHold(held)
                        ? NetworkPool.RemoveHoldings(
                            state,
                            network,
                            among(held).Where(holding => mine(holding.Holder)).ToList()
                        )
                        : []
                ).Concat(NetworkPool.RemoveClaims(state, network, mine))
            );

    private static IEnumerable<Mutation> Fail(
        Row? resource,
        Operation operation,
        string now,
        RefusalCode code,
        string message,
        string? discloses = null
    )
    {
        var end = operation.Complete(Provisioning.Failed, now, code.ToString(), message, discloses).ToMutation();
        return resource is null
            ? [end]
            :
            [
                Mutation.Put(
                    operation.Resource,
                    Provisioning.WithState(resource, Provisioning.Failed, message, discloses)
                ),
                end,
            ];
    }

    private Refusal? RenderErrorOf(StoreState state, ResourceId resource)
    {
        var cluster =
            resource.Type == KubernetesCluster.ResourceType ? resource
            : resource.Type == AgentPool.ResourceType ? resource.Parent
            : null;
        return cluster is null ? null
            : DesiredStates.Get(state, cluster).RenderErrors is { IsEmpty: false } undrawn
                ? Refusal.Combine(undrawn, resource.ToString())
            : null;
    }
}
