using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The kind of hybrid connections that people make themselves; those of clusters, nodes and machines are drawn (<see cref="TargetConnection"/>).</summary>
public sealed class HybridConnection : ResourceKind
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
    public override bool EndsAtOnce => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Boolean("requiresClientAuthorization", true, "whether a sender must show a token").AtCreation(),
        Member.Text("userMetadata", "any text of its owner").Within(0, 1024),
        Member.Text("createdAt").Drawn(),
        Member.Text("updatedAt").Drawn(),
        Member.Whole("listenerCount", "how many listeners wait there now").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>The path on the wire.</summary>
    /// <returns><c>{namespace}/{name}</c>.</returns>
    public static string PathOf(ResourceId id)
    {
        return $"{id.Parent!.Name}/{id.Name}";
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        RelayNamespace.Stamp(row, properties);
    }
}
