using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Fleet.Blocks;
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
            SchemaMember.Text("enrolledFrom", "the address that it came from when it enrolled").ReadOnly(),
            SchemaMember.Text("enrolledBy", "who made the token it enrolled with").ReadOnly(),
            SchemaMember.Text(AgentCredential.SinceMember, "since when its credential is in force").ReadOnly(),
            SchemaMember
                .Text(
                    AgentCredential.NextExpiresMember,
                    "until when the credential that it has announced must be used; absent where it has announced none"
                )
                .ReadOnly(),
            SchemaMember.Text(AgentCredential.HashMember) with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Text(AgentCredential.NextHashMember) with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember
                .Any(
                    SharedCredential.MemberName,
                    "since when and from where two processes use its credential; absent where one does"
                )
                .ReadOnly(),
            SchemaMember.Any("status", "its last report").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The node that an agent serves; null where it serves the cluster as a whole.</summary>
    public static string? NodeOf(Row agent) => PropertiesOf(agent).Text("node") is { Length: > 0 } node ? node : null;

    /// <summary>An agent, unless it is gone or being deleted.</summary>
    public static Row? Find(StoreState state, ResourceId agent) =>
        state.Get(StoreKey.ForResource(agent)) is { } row && !Provisioning.IsDeleting(row) ? row : null;

    /// <summary>Why an agent that was deleted while it asked is answered nothing.</summary>
    public static Refusal Deleted(ResourceId agent) =>
        new(RefusalCode.AuthenticationFailed, $"agent {agent.Name} was deleted; its credential is good for nothing");

    /// <summary>Why an agent can't be enrolled under a name that another has.</summary>
    public static Refusal NameInUse(Row agent)
    {
        var (id, properties) = (IdOf(agent), PropertiesOf(agent));
        var from = properties.Text("enrolledFrom") is { } address ? $" from {address}" : "";
        return new Refusal(
            RefusalCode.Conflict,
            $"agent {id.Name} of {id.Parent!.Name} is enrolled since {properties.Text("enrolledAt")}{from}. To put another "
                + $"in its place: weft agent token --cluster {id.Parent.Name} --name {id.Name} --replace; to end it: "
                + $"weft agent forget {id.Name} --cluster {id.Parent.Name}",
            "name",
            id.ToString()
        );
    }

    /// <summary>When an agent was enrolled, RFC 3339.</summary>
    public static string EnrolledAt(Row agent) => PropertiesOf(agent).Text("enrolledAt") ?? "";

    private static readonly ImmutableDictionary<string, ImmutableArray<ResourceId>> NoClusters =
        ImmutableDictionary.Create<string, ImmutableArray<ResourceId>>(StringComparer.Ordinal);

    private static readonly string Partition = StoreKey.PartitionOf(ResourceType);

    /// <summary>Keeps the agents of each cluster beside their rows.</summary>
    public static readonly MaterializedView ByClusterView = new(
        partition => partition == Partition,
        (value, before, after) =>
        {
            var all = value as ImmutableDictionary<string, ImmutableArray<ResourceId>> ?? NoClusters;
            if (before is not null && after is not null)
                return all;
            var agent = (after ?? before)!.Id!;
            var left = all.GetValueOrDefault(agent.Parent!.Key, []).Remove(agent);
            if (after is not null)
                left = left.Add(agent);
            return left.IsEmpty ? all.Remove(agent.Parent.Key) : all.SetItem(agent.Parent.Key, left);
        }
    )
    {
        Name = "agentsbycluster",
    };

    /// <summary>The agents of all clusters that have some, by the key of the cluster.</summary>
    public static IReadOnlyDictionary<string, ImmutableArray<ResourceId>> ByCluster(StoreState state) =>
        state.View(ByClusterView.Name!) as ImmutableDictionary<string, ImmutableArray<ResourceId>> ?? NoClusters;

    /// <summary>The agents of a cluster.</summary>
    public static IEnumerable<Row> ListIn(StoreState state, ResourceId cluster)
    {
        return state.Range($"{StoreKey.PartitionOf(ResourceType)}|{cluster.Key}/");
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        [
            Mutation.Remove(AgentStatus.KeyOf(IdOf(row).Key)),
            Mutation.Remove(SharedCredential.KeyOf(IdOf(row).Key)),
            Mutation.Remove(Registration.KeyOf(IdOf(row))),
            .. InventoryRows.RemovedWithAgent(state, IdOf(row)),
            Mutation.Remove(BlockOwner.KeyOf(IdOf(row))),
            .. BlockReturn.Forget(state, IdOf(row)),
        ];

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        if (AgentStatus.Find(state, IdOf(row).Key) is { } status)
            properties["status"] = status.ToJson();
        // An agent of before has the credential that it was enrolled with.
        if (properties[AgentCredential.SinceMember] is null && properties["enrolledAt"] is { } enrolled)
            properties[AgentCredential.SinceMember] = enrolled.DeepClone();
        if (SharedCredential.Find(state, IdOf(row).Key) is { } shared)
            properties[SharedCredential.MemberName] = shared.ToJson();
    }
}
