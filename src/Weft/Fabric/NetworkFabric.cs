using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// The switch fabric of a site. Weft asks of it only that it is there: what the switches need to be set up is kept and given back,
/// so that documents written for Azure are taken as they are.
/// </summary>
public sealed class NetworkFabric : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "networkFabrics");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "network fabric";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["fabric", "fabrics", "nf"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(false,
        Member.Text("annotation").ByPatch(),
        Member.Any("networkFabricSku"),
        Member.Any("networkFabricControllerId"),
        Member.Whole("fabricASN", "the fabric's BGP autonomous system").Within(1, 4294967295),
        Member.Text("fabricVersion"),
        Member.Any("ipv4Prefix"),
        Member.Any("ipv6Prefix"),
        Member.Whole("rackCount").Within(1, 64),
        Member.Whole("serverCountPerRack").Within(1, 64),
        Member.Any("terminalServerConfiguration"),
        Member.Any("managementNetworkConfiguration"),
        Member.Any("hardwareAlertThreshold"),
        Member.Any("storageAccountConfiguration"),
        Member.Any("controlPlaneAcls"),
        Member.Any("trustedIpPrefixes"),
        Member.Any("uniqueRdConfiguration"),
        Member.Whole("storageArrayCount").Within(0, 64),
        Member.Any("featureFlags"),
        Member.Text("administrativeState").Drawn(),
        Member.Text("configurationState").Drawn(),
        Member.Text("provisioningState").Drawn(),
        Member.Any("lastOperation").Drawn());
}
