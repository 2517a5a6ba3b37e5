using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The kind of agent pools: nodes of a cluster that are alike.</summary>
internal sealed class AgentPool : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.AgentPoolType;

    /// <summary>Who may log in to nodes.</summary>
    internal static readonly SchemaMember AdministratorMember = SchemaMember.Object(
        "administratorConfiguration",
        SchemaMember.Text("adminUsername").Immutable(),
        SchemaMember
            .List("sshPublicKeys", SchemaMember.Object("", SchemaMember.Text("keyData").Required().Range(1, null)))
            .Patchable()
    );

    /// <summary>What a pool is configured with, as a resource and in a new cluster's list.</summary>
    internal static readonly ImmutableArray<SchemaMember> ConfigurationMembers =
    [
        AdministratorMember.Patchable(),
        SchemaMember
            .Object(
                "agentOptions",
                SchemaMember.Integer("hugepagesCount").Required().Range(0, null),
                SchemaMember.Enum("hugepagesSize", "*2M|1G")
            )
            .Immutable(),
        Attachment.Schema,
        SchemaMember.List("availabilityZones", SchemaMember.Text("")).Immutable(),
        SchemaMember.Integer("count", "how many nodes it is meant to have").Required().Range(0, null).Patchable(),
        LabelsMember("labels"),
        LabelsMember("taints"),
        SchemaMember.Enum("mode", "System|User|NotApplicable").Required().Immutable(),
        SchemaMember
            .Object(
                "upgradeSettings",
                SchemaMember.Integer("drainTimeout").Range(60, 86400),
                SchemaMember.Text("maxSurge"),
                SchemaMember.Text("maxUnavailable")
            )
            .Patchable(),
        SchemaMember.Text("vmSkuName").Required().Immutable().Range(1, null),
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "agent pool";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["ap", "pool", "pools"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => NetworkCloudProvider.ApiVersions;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } = CreateSchema();

    /// <summary>The id of a cluster's pool.</summary>
    public static ResourceId IdOf(ResourceId cluster, string name) => cluster.Child(ResourceType.Leaf, name);

    /// <summary>The attachments of a pool itself.</summary>
    /// <returns>The attachments; none where it inherits the cluster's.</returns>
    public static ImmutableArray<Attachment> AttachmentsOf(Row row) =>
        Attachment.Read(
            PropertiesOf(row).Member("attachedNetworkConfiguration"),
            "properties.attachedNetworkConfiguration"
        );

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        ClusterAttachments.Check(context, context.Id.Parent!, AttachmentsOf(context.Proposed));
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> DependentsOf(Row row, ReadTransaction transaction)
    {
        // A node names its pool, and has addresses on what the pool attaches.
        var id = IdOf(row);
        return transaction
            .List(Node.ResourceType, id.Parent!)
            .Select(Node.Read)
            .Where(node => id.Equals(IdOf(node.Cluster, node.Pool)))
            .Select(node => node.Id);
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        if (state.Get(StoreKey.ForResource(IdOf(row).Parent!)) is { } cluster)
            properties["kubernetesVersion"] = PropertiesOf(cluster).Text("kubernetesVersion");
        DetailedStatus.AddTo(row, properties, "Agent pool is operational");
    }

    private static Schema CreateSchema()
    {
        var tracked = Tracked(
            false,
            [
                .. ConfigurationMembers,
                SchemaMember.Text("kubernetesVersion").ReadOnly(),
                SchemaMember.Text("detailedStatus").ReadOnly(),
                SchemaMember.Text("detailedStatusMessage").ReadOnly(),
                SchemaMember.Text("provisioningState").ReadOnly(),
            ]
        );
        return new Schema(
            tracked.Members.Add(
                SchemaMember
                    .Object(
                        "extendedLocation",
                        SchemaMember.Text("name").Required(),
                        SchemaMember.Enum("type", "CustomLocation|EdgeZone").Required()
                    )
                    .Immutable()
            )
        );
    }

    private static SchemaMember LabelsMember(string name) =>
        SchemaMember
            .List(
                name,
                SchemaMember.Object("", SchemaMember.Text("key").Required(), SchemaMember.Text("value").Required())
            )
            .Immutable();
}
