using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>A VRF of the fabric, as a record.</summary>
internal sealed record L3Domain(ResourceId Id, ResourceId Fabric);

/// <summary>The kind of layer-3 isolation domains.</summary>
internal sealed class L3IsolationDomain : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l3IsolationDomains");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L3 isolation domain";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l3isd"];

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
            SchemaMember.BooleanString("redistributeConnectedSubnets", true).Patchable(),
            SchemaMember.BooleanString("redistributeStaticRoutes", false).Patchable(),
            SchemaMember.Any("aggregateRouteConfiguration").Patchable(),
            SchemaMember.Any("connectedSubnetRoutePolicy").Patchable(),
            SchemaMember.Any("staticRouteRoutePolicy").Patchable(),
            SchemaMember.Any("v4routePrefixLimit").Patchable(),
            SchemaMember.Any("v6routePrefixLimit").Patchable(),
            SchemaMember.Any("routePrefixLimit").Patchable(),
            SchemaMember.Any("uniqueRdConfiguration").Patchable(),
            SchemaMember.Any("exportPolicyConfiguration").Patchable(),
            SchemaMember.Text("annotation").Patchable(),
            SchemaMember.Any("lastOperation").ReadOnly(),
            SchemaMember
                .Text("administrativeState", "Enabled or Disabled; changed by updateAdministrativeState")
                .ReadOnly(),
            SchemaMember.Text("configurationState").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>Reads a domain.</summary>
    public static L3Domain Read(Row row)
    {
        return row.ReadAs(r => new L3Domain(IdOf(r), PropertiesOf(r).Id("networkFabricId")!));
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
        var id = IdOf(row);
        var enabling = string.Equals(arguments["state"]?.ToString(), "Enable", StringComparison.OrdinalIgnoreCase);
        return enabling && !transaction.List(InternalNetwork.ResourceType, id).Any()
            ? new Refusal(
                RefusalCode.Conflict,
                $"{id.Name} has no internal network yet; an L3 isolation domain needs one before it can be enabled",
                id.ToString()
            )
            : AdministrativeState.WithState(arguments, row, DomainDependents.Find(row, transaction));
    }
}
