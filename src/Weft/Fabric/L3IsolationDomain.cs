using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>A VRF of the fabric, as a record.</summary>
public sealed record L3Domain(ResourceId Id, ResourceId Fabric);

/// <summary>The kind of layer-3 isolation domains.</summary>
public sealed class L3IsolationDomain : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l3IsolationDomains");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L3 isolation domain";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l3isd", "l3domain", "l3domains"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(false,
        Member.Id("networkFabricId", "the fabric that carries it", NetworkFabric.ResourceType).Demanded().AtCreation(),
        Member.Flag("redistributeConnectedSubnets", true).ByPatch(),
        Member.Flag("redistributeStaticRoutes", false).ByPatch(),
        Member.Any("aggregateRouteConfiguration").ByPatch(),
        Member.Any("connectedSubnetRoutePolicy").ByPatch(),
        Member.Any("staticRouteRoutePolicy").ByPatch(),
        Member.Any("v4routePrefixLimit").ByPatch(),
        Member.Any("v6routePrefixLimit").ByPatch(),
        Member.Any("routePrefixLimit").ByPatch(),
        Member.Any("uniqueRdConfiguration").ByPatch(),
        Member.Any("exportPolicyConfiguration").ByPatch(),
        Member.Text("annotation").ByPatch(),
        Member.Any("lastOperation").Drawn(),
        Member.Text("administrativeState", "Enabled or Disabled; changed by updateAdministrativeState").Drawn(),
        Member.Text("configurationState").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>Reads a domain.</summary>
    public static L3Domain Of(Stored row)
    {
        return row.As(r => new L3Domain(IdOf(r), PropertiesOf(r).Id("networkFabricId")!));
    }

    /// <inheritdoc/>
    public override Outcome<JsonObject>? Act(string action, JsonObject arguments, Stored row, Snapshot seen)
    {
        if (!action.Equals(AdministrativeState.Action, StringComparison.OrdinalIgnoreCase))
            return null;
        var id = IdOf(row);
        var enabling = string.Equals(arguments["state"]?.ToString(), "Enable", StringComparison.OrdinalIgnoreCase);
        return enabling && !seen.List(InternalNetwork.ResourceType, id).Any()
            ? new Refusal(RefusalCode.Conflict, $"{id.Name} has no internal network yet; an L3 isolation domain needs one before it can be enabled", id.ToString())
            : AdministrativeState.Change(arguments, row, DomainUsers.Of(row, seen));
    }
}
