using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// The kind of agents, an extension of Kubernetes clusters. They are made by enrolment; deleting one revokes its
/// credential.
/// </summary>
internal sealed class Agent : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "agents");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "agent";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["ag"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => FleetVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => [KubernetesCluster.ResourceType];

    /// <inheritdoc/>
    public override bool IsCreatedByServer => true;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember.Text("node", "the node it serves; absent where it serves the cluster as a whole").ReadOnly(),
            SchemaMember.Text("version").ReadOnly(),
            SchemaMember.Text("enrolledAt").ReadOnly(),
            SchemaMember.Text("credentialHash") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Any("status", "its last report").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The agents of a cluster.</summary>
    public static IEnumerable<Row> ListIn(StoreState state, ResourceId cluster)
    {
        return state.Range($"{StoreKey.PartitionOf(ResourceType)}|{cluster.Key}/");
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        [Mutation.Remove(AgentStatus.KeyOf(IdOf(row).Key)), .. InventoryRows.RemovedWithAgent(state, IdOf(row))];

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        if (AgentStatus.Find(state, IdOf(row).Key) is { } status)
            properties["status"] = status.ToJson();
    }
}
