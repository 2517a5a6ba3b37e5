using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>A resource group: a name under which resources stand. It exists by PUT.</summary>
internal sealed class ResourceGroup : ResourceKind
{
    /// <summary>
    /// The dates of ARM's own API; later ones are taken too, because a group's schema has not changed since.
    /// </summary>
    public static readonly ImmutableArray<string> Versions =
    [
        "2020-01-01",
        "2020-06-01",
        "2020-10-01",
        "2021-01-01",
        "2021-04-01",
        "2022-09-01",
        "2023-07-01",
        "2024-03-01",
        "2024-07-01",
        "2024-11-01",
        "2025-03-01",
        "2025-04-01",
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceId.ResourceGroupType;

    /// <inheritdoc/>
    public override string Noun => "resource group";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["groups", "group", "rg"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => Versions;

    /// <inheritdoc/>
    /// <remarks>Every release of ARM that has resource groups in use today knows it.</remarks>
    public override string PreferredVersion => "2021-04-01";

    /// <inheritdoc/>
    public override string NamePattern => @"^[-\w._()]{0,89}[-\w_()]$";

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        new([
            SchemaMember.Text("location", "the region the group is filed under").Required().Immutable().Range(1, 90),
            new SchemaMember("tags", MemberType.Map, "free labels; PATCH replaces all of them").Patchable(),
            SchemaMember.Text("managedBy").Immutable(),
            SchemaMember.Object("properties", SchemaMember.Text("provisioningState").ReadOnly()),
        ]);
}
