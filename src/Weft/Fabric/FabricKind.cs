using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>What the kinds of <c>Microsoft.ManagedNetworkFabric</c> have in common.</summary>
public abstract class FabricKind : ResourceKind
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Microsoft.ManagedNetworkFabric";

    /// <summary>The dates of the API, oldest first.</summary>
    public static readonly ImmutableArray<string> Versions =
        ["2023-06-15", "2024-02-15-preview", "2024-06-15-preview", "2025-07-15", "2026-01-15-preview"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => Versions;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z][a-zA-Z0-9_-]{2,127}$";

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        properties["configurationState"] = Provisioning.StateOf(row) == Provisioning.Failed ? "Failed" : "Succeeded";
        properties["administrativeState"] = AdministrativeState.Of(row);
    }

    /// <summary>Checks a VLAN against the limits and against every other VLAN of the fabric.</summary>
    private protected static void CheckVlan(Proposal proposal, ResourceId fabric, long vlan)
    {
        const string Path = "properties.vlanId";
        var limits = proposal.Limits;
        if (vlan < limits.VlanLowest || vlan > limits.VlanHighest)
        {
            proposal.Find(RefusalCode.InvalidMember, Path, $"'{Path}': {vlan} is outside of {limits.VlanLowest} to {limits.VlanHighest}");
            return;
        }

        foreach (var (owner, _) in FabricVlans.Of(proposal.Seen, fabric).Where(v => v.Vlan == vlan && !v.Owner.Equals(proposal.Id)))
            proposal.Find(RefusalCode.Overlap, Path, $"'{Path}': VLAN {vlan} is already carried by {owner}", owner);
    }

    /// <summary>Checks an MTU against the limits.</summary>
    /// <param name="mtu">The MTU in bytes.</param>
    private protected static void CheckMtu(Proposal proposal, long mtu)
    {
        const string Path = "properties.mtu";
        var limits = proposal.Limits;
        if (mtu < limits.MtuLowest || mtu > limits.MtuHighest)
            proposal.Find(RefusalCode.InvalidMember, Path, $"'{Path}': {mtu} is outside of {limits.MtuLowest} to {limits.MtuHighest} bytes");
    }
}

/// <summary>Every VLAN that a fabric carries, and whose it is.</summary>
internal static class FabricVlans
{
    public static IEnumerable<(ResourceId Owner, int Vlan)> Of(Snapshot seen, ResourceId fabric)
    {
        foreach (var row in seen.List(L2IsolationDomain.ResourceType))
        {
            if (L2IsolationDomain.Of(row) is var domain && domain.Fabric.Equals(fabric))
                yield return (domain.Id, domain.Vlan);
        }

        foreach (var row in seen.List(InternalNetwork.ResourceType))
        {
            var network = InternalNetwork.Of(row);
            if (seen.Get(network.Domain) is { } domain && L3IsolationDomain.Of(domain).Fabric.Equals(fabric))
                yield return (network.Id, network.Vlan);
        }
    }
}
