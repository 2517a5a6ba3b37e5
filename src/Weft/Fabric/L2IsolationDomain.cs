using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>A VLAN that the fabric carries without taking part in layer 3, as a record.</summary>
/// <param name="Mtu">The MTU in bytes.</param>
internal sealed record L2Domain(ResourceId Id, ResourceId Fabric, int Vlan, int Mtu);

/// <summary>The kind of layer-2 isolation domains.</summary>
internal sealed class L2IsolationDomain : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l2IsolationDomains");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L2 isolation domain";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l2isd"];

    /// <inheritdoc/>
    public override ImmutableArray<string> Actions => [AdministrativeState.Action];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            false,
            SchemaMember
                .Id("networkFabricId", "the fabric that carries it", NetworkFabric.ResourceType)
                .Required()
                .Immutable(),
            SchemaMember.Integer("vlanId", "the VLAN; the fabric has it once").Required().Immutable(),
            SchemaMember.Integer("mtu", "bytes of payload a frame may carry").Default("1500").Patchable(),
            SchemaMember.Enum("extendedVlan", "Enabled|*Disabled").Patchable(),
            SchemaMember.Any("networkToNetworkInterconnectId").Patchable(),
            SchemaMember.Text("annotation").Patchable(),
            SchemaMember.Any("lastOperation").ReadOnly(),
            SchemaMember
                .Text("administrativeState", "Enabled or Disabled; changed by updateAdministrativeState")
                .ReadOnly(),
            SchemaMember.Text("configurationState").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>Reads a domain.</summary>
    public static L2Domain Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var properties = PropertiesOf(r);
            return new L2Domain(
                IdOf(r),
                properties.Id("networkFabricId")!,
                (int)properties.Integer("vlanId")!,
                (int)(properties.Integer("mtu") ?? 1500)
            );
        });
    }

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        // The record holds 32 bits; the numbers as they were sent are what must be in range.
        var properties = PropertiesOf(context.Proposed);
        CheckVlan(context, Read(context.Proposed).Fabric, properties.Integer("vlanId")!.Value);
        CheckMtu(context, properties.Integer("mtu")!.Value);
    }

    /// <inheritdoc/>
    public override Outcome<JsonObject>? InvokeAction(
        string action,
        JsonObject arguments,
        Row row,
        ReadTransaction transaction
    )
    {
        if (!action.Equals(AdministrativeState.Action, StringComparison.OrdinalIgnoreCase))
            return null;
        return AdministrativeState.WithState(arguments, row, DomainDependents.Find(row, transaction));
    }
}
