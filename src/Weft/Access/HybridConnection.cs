using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The kind of hybrid connections that people make themselves; those of clusters, nodes and machines are computed
/// (<see cref="TargetConnection"/>).
/// </summary>
internal sealed class HybridConnection : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.Namespace, "namespaces/hybridConnections");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "hybrid connection";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["hc"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[A-Za-z0-9]([A-Za-z0-9._~-]{0,258}[A-Za-z0-9])?$";

    /// <inheritdoc/>
    public override bool IsSynchronous => true;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember.Boolean("requiresClientAuthorization", true, "whether a sender must show a token").Immutable(),
            SchemaMember.Text("userMetadata", "any text of its owner").Range(0, 1024),
            SchemaMember.Text("createdAt").ReadOnly(),
            SchemaMember.Text("updatedAt").ReadOnly(),
            SchemaMember.Integer("listenerCount", "how many listeners wait there now").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The id of a namespace's hybrid connection.</summary>
    public static ResourceId IdOf(ResourceId relayNamespace, string name) =>
        relayNamespace.Child(ResourceType.Leaf, name);

    /// <summary>The path on the wire.</summary>
    /// <returns><c>{namespace}/{name}</c>.</returns>
    public static string PathOf(ResourceId id)
    {
        return $"{id.Parent!.Name}/{id.Name}";
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        RelayNamespace.WriteTimestamps(row, properties);
    }
}
