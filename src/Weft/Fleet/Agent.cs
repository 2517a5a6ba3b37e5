using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What an agent reported last.</summary>
/// <param name="Digest">The picture it tried to apply.</param>
/// <param name="Revision">The revision that picture was drawn at.</param>
/// <param name="IsApplied">Whether it is in force.</param>
/// <param name="Message">Why not, where it isn't.</param>
/// <param name="At">When, RFC 3339.</param>
public sealed record AgentStatus(string Digest, long Revision, bool IsApplied, string Message, string At)
{
    /// <summary>The partition of agents' reports. They are rows of their own, so that a report changes no resource.</summary>
    public const string Partition = "agentstatus";

    /// <summary>The key of an agent's report.</summary>
    /// <param name="agent">The key of the agent's id.</param>
    /// <returns>The key.</returns>
    public static string KeyOf(string agent) => $"{Partition}|{agent}";

    /// <summary>Reads an agent's report.</summary>
    /// <param name="image">What is stored.</param>
    /// <param name="agent">The key of the agent's id.</param>
    /// <returns>The report, or null where there is none yet.</returns>
    public static AgentStatus? Of(Image image, string agent)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Get(KeyOf(agent))?.As(row => new AgentStatus(
            row.Json.Text("digest") ?? "", row.Json.Whole("revision") ?? 0, row.Json.Text("state") == "Applied", row.Json.Text("message") ?? "", row.Json.Text("at") ?? ""));
    }

    /// <summary>The change that writes a report.</summary>
    /// <param name="agent">The key of the agent's id.</param>
    /// <returns>The change.</returns>
    public Change ToChange(string agent) => Change.Put(KeyOf(agent), new JsonObject
    {
        ["digest"] = Digest,
        ["revision"] = Revision,
        ["state"] = IsApplied ? "Applied" : "Failed",
        ["message"] = Message,
        ["at"] = At,
    });
}

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
    /// <param name="image">What is stored.</param>
    /// <param name="cluster">The cluster.</param>
    /// <returns>The agents' rows.</returns>
    public static IEnumerable<Stored> In(Image image, ResourceId cluster)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(cluster);
        return image.Range($"{StoreKey.PartitionOf(ResourceType)}|{cluster.Key}/");
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> RemovedWith(Stored row, Image now) =>
        [Change.Remove(AgentStatus.KeyOf(IdOf(row).Key)), .. Inventories.RemovedWithAgent(now, IdOf(row))];

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        ArgumentNullException.ThrowIfNull(properties);
        if (AgentStatus.Of(now, IdOf(row).Key) is { } status)
            properties["status"] = new JsonObject { ["state"] = status.IsApplied ? "Applied" : "Failed", ["message"] = status.Message, ["digest"] = status.Digest, ["revision"] = status.Revision, ["at"] = status.At };
    }
}
