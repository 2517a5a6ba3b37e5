using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>A VLAN that the fabric carries without taking part in layer 3, as a record.</summary>
/// <param name="Mtu">The MTU in bytes.</param>
public sealed record L2Domain(ResourceId Id, ResourceId Fabric, int Vlan, int Mtu);

/// <summary>The kind of layer-2 isolation domains.</summary>
public sealed class L2IsolationDomain : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l2IsolationDomains");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L2 isolation domain";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l2isd", "l2domain", "l2domains"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(false,
        Member.Id("networkFabricId", "the fabric that carries it", NetworkFabric.ResourceType).Demanded().AtCreation(),
        Member.Whole("vlanId", "the VLAN; the fabric has it once").Demanded().AtCreation(),
        Member.Whole("mtu", "bytes of payload a frame may carry").Or("1500").ByPatch(),
        Member.Choice("extendedVlan", "Enabled|*Disabled").ByPatch(),
        Member.Any("networkToNetworkInterconnectId").ByPatch(),
        Member.Text("annotation").ByPatch(),
        Member.Any("lastOperation").Drawn(),
        Member.Text("administrativeState", "Enabled or Disabled; changed by updateAdministrativeState").Drawn(),
        Member.Text("configurationState").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>Reads a domain.</summary>
    public static L2Domain Of(Stored row)
    {
        return row.As(r =>
        {
            var properties = PropertiesOf(r);
            return new L2Domain(IdOf(r), properties.Id("networkFabricId")!, (int)properties.Whole("vlanId")!, (int)(properties.Whole("mtu") ?? 1500));
        });
    }

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        // The record holds 32 bits; the numbers as they were sent are what must be in range.
        var properties = PropertiesOf(proposal.Wanted);
        CheckVlan(proposal, Of(proposal.Wanted).Fabric, properties.Whole("vlanId")!.Value);
        CheckMtu(proposal, properties.Whole("mtu")!.Value);
    }

    /// <inheritdoc/>
    public override Outcome<JsonObject>? Act(string action, JsonObject arguments, Stored row, Snapshot seen)
    {
        if (!action.Equals(AdministrativeState.Action, StringComparison.OrdinalIgnoreCase))
            return null;
        return AdministrativeState.Change(arguments, row, DomainUsers.Of(row, seen));
    }
}
