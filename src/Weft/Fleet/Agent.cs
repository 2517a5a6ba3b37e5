using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The kind of agents, an extension of Kubernetes clusters. They are made by enrolment; deleting one revokes its credential.</summary>
public sealed class Agent : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "agents");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "agent";

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => FleetVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => [KubernetesCluster.ResourceType];

    /// <inheritdoc/>
    public override bool MadeByServer => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Text("node", "the node it serves; absent where it serves the cluster as a whole").Drawn(),
        Member.Text("version").Drawn(),
        Member.Text("enrolledAt").Drawn(),
        Member.Text("credentialHash") with { Mutability = Mutability.Secret },
        Member.Any("status", "its last report").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>The agents of a cluster.</summary>
    public static IEnumerable<Stored> In(Image image, ResourceId cluster)
    {
        return image.Range($"{StoreKey.PartitionOf(ResourceType)}|{cluster.Key}/");
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> RemovedWith(Stored row, Image now) =>
        [Change.Remove(AgentStatus.KeyOf(IdOf(row).Key)), .. Inventories.RemovedWithAgent(now, IdOf(row))];

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        if (AgentStatus.Of(now, IdOf(row).Key) is { } status)
            properties["status"] = status.ToJson();
    }
}
