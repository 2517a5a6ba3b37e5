using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The kind of networks by which workloads reach platform services: a list of endpoints that may be reached.
/// </summary>
internal sealed class CloudServicesNetwork : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.CloudServicesNetworkType;

    /// <summary>The name of its interface in machines and nodes, as published samples have it.</summary>
    public const string Interface = "cloudservices";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "cloud services network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["csn"];

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            [
                Endpoints("additionalEgressEndpoints").Patchable(),
                SchemaMember.BooleanString("enableDefaultEgressEndpoints", true).Patchable(),
                SchemaMember.Object(
                    "storageOptions",
                    SchemaMember.Enum("mode", "None|*Standard").Patchable(),
                    SchemaMember.Integer("sizeMiB").Range(1, null).Patchable(),
                    SchemaMember.Any("storageApplianceId").Patchable()
                ),
                SchemaMember.Any("storageStatus").ReadOnly(),
                Endpoints("enabledEgressEndpoints").ReadOnly(),
                SchemaMember.Text("interfaceName").ReadOnly(),
                DeprecatedPlugin,
                .. ReadOnlyMembers,
            ]
        );

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        _ = NexusCluster.CheckHost(context);
        foreach (
            var (group, i) in PropertiesOf(context.Proposed)
                .Elements("additionalEgressEndpoints")
                .Select((g, i) => (g, i))
        )
        {
            foreach (var (endpoint, j) in group.Elements("endpoints").Select((e, j) => (e, j)))
            {
                var path = $"properties.additionalEgressEndpoints[{i}].endpoints[{j}].domainName";
                var name = endpoint.Text("domainName")!;
                if (
                    Uri.CheckHostName(name.StartsWith('.') ? name[1..] : name) != UriHostNameType.Dns
                    || name.Length > 254
                )
                    context.AddError(
                        RefusalCode.InvalidMember,
                        path,
                        $"'{path}': '{name}' is no domain name (RFC 1123); a leading dot stands for all names below it"
                    );
            }
        }
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        base.AddComputedFields(row, properties, state);
        properties["interfaceName"] = Interface;
        // Weft has no platform endpoints of its own, so the effective list is what the operator wrote.
        properties["enabledEgressEndpoints"] = properties["additionalEgressEndpoints"]?.DeepClone() ?? new JsonArray();
    }

    private static SchemaMember Endpoints(string name) =>
        SchemaMember.List(
            name,
            SchemaMember.Object(
                "",
                SchemaMember.Text("category").Required().Range(1, null),
                SchemaMember
                    .List(
                        "endpoints",
                        SchemaMember.Object(
                            "",
                            SchemaMember.Text("domainName").Required().Range(1, 254),
                            SchemaMember.Integer("port").Range(1, 65535)
                        )
                    )
                    .Required()
                    .Range(1, null)
            )
        );
}
