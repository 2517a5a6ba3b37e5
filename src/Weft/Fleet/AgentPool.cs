using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The kind of agent pools: nodes of a cluster that are alike.</summary>
public sealed class AgentPool : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "kubernetesClusters/agentPools");

    /// <summary>Who may log in to nodes.</summary>
    internal static readonly Member Administrators = Member.Group("administratorConfiguration",
        Member.Text("adminUsername").AtCreation(),
        Member.List("sshPublicKeys", Member.Group("", Member.Text("keyData").Demanded().Within(1, null))).ByPatch());

    /// <summary>What a pool is configured with, as a resource and in a new cluster's list.</summary>
    internal static readonly ImmutableArray<Member> Members =
    [
        Administrators.ByPatch(),
        Member.Group("agentOptions", Member.Whole("hugepagesCount").Demanded().Within(0, null), Member.Choice("hugepagesSize", "*2M|1G")).AtCreation(),
        Attachment.Shape,
        Member.List("availabilityZones", Member.Text("")).AtCreation(),
        Member.Whole("count", "how many nodes it is meant to have").Demanded().Within(0, null).ByPatch(),
        Labels("labels"),
        Labels("taints"),
        Member.Choice("mode", "System|User|NotApplicable").Demanded().AtCreation(),
        Member.Group("upgradeSettings", Member.Whole("drainTimeout").Within(60, 86400), Member.Text("maxSurge"), Member.Text("maxUnavailable")).ByPatch(),
        Member.Text("vmSkuName").Demanded().AtCreation().Within(1, null),
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "agent pool";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["pool", "pools", "ap"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => CloudVersions.All;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Shape Shape { get; } = PoolShape();

    /// <summary>The attachments of a pool itself.</summary>
    /// <returns>The attachments; none where it inherits the cluster's.</returns>
    public static ImmutableArray<Attachment> AttachmentsOf(Stored row) =>
        Attachment.Read(PropertiesOf(row).Member("attachedNetworkConfiguration"), "properties.attachedNetworkConfiguration");

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        ClusterAttachments.Check(proposal, proposal.Id.Parent!, AttachmentsOf(proposal.Wanted));
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> UsersOf(Stored row, Snapshot seen)
    {
        // A node names its pool, and has addresses on what the pool attaches.
        var id = IdOf(row);
        return seen.List(Node.ResourceType, id.Parent!).Select(Node.Of).Where(node => id.Equals(node.Cluster.Child("agentPools", node.Pool))).Select(node => node.Id);
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        if (now.Get(StoreKey.Of(IdOf(row).Parent!)) is { } cluster)
            properties["kubernetesVersion"] = PropertiesOf(cluster).Text("kubernetesVersion");
        Status.Draw(row, properties, "Agent pool is operational");
    }

    private static Shape PoolShape()
    {
        var tracked = Tracked(false,
            [.. Members, Member.Text("kubernetesVersion").Drawn(), Member.Text("detailedStatus").Drawn(), Member.Text("detailedStatusMessage").Drawn(), Member.Text("provisioningState").Drawn()]);
        return new Shape(tracked.Members.Add(Member.Group("extendedLocation", Member.Text("name").Demanded(), Member.Choice("type", "CustomLocation|EdgeZone").Demanded()).AtCreation()));
    }

    private static Member Labels(string name) =>
        Member.List(name, Member.Group("", Member.Text("key").Demanded(), Member.Text("value").Demanded())).AtCreation();
}
