using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// The switch fabric of a site. Weft asks of it only that it is there: what the switches need to be set up is kept and
/// given back, so that documents written for Azure are taken as they are.
/// </summary>
internal sealed class NetworkFabric : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "networkFabrics");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "network fabric";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["nf", "fabrics", "fabric"];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            false,
            SchemaMember.Text("annotation").Patchable(),
            SchemaMember.Any("networkFabricSku"),
            SchemaMember.Any("networkFabricControllerId"),
            SchemaMember.Integer("fabricASN", "the fabric's BGP autonomous system").Range(1, 4294967295),
            SchemaMember.Text("fabricVersion"),
            SchemaMember.Any("ipv4Prefix"),
            SchemaMember.Any("ipv6Prefix"),
            SchemaMember.Integer("rackCount").Range(1, 64),
            SchemaMember.Integer("serverCountPerRack").Range(1, 64),
            SchemaMember.Any("terminalServerConfiguration"),
            SchemaMember.Any("managementNetworkConfiguration"),
            SchemaMember.Any("hardwareAlertThreshold"),
            SchemaMember.Any("storageAccountConfiguration"),
            SchemaMember.Any("controlPlaneAcls"),
            SchemaMember.Any("trustedIpPrefixes"),
            SchemaMember.Any("uniqueRdConfiguration"),
            SchemaMember.Integer("storageArrayCount").Range(0, 64),
            SchemaMember.Any("featureFlags"),
            SchemaMember.Text("administrativeState").ReadOnly(),
            SchemaMember.Text("configurationState").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly(),
            SchemaMember.Any("lastOperation").ReadOnly()
        );
}
