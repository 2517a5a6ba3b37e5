using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>What the kinds of <c>Microsoft.ManagedNetworkFabric</c> have in common.</summary>
internal abstract class FabricKind : ResourceKind
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Microsoft.ManagedNetworkFabric";

    /// <summary>The dates of the API, oldest first.</summary>
    public static readonly ImmutableArray<string> Versions =
    [
        "2023-06-15",
        "2024-02-15-preview",
        "2024-06-15-preview",
        "2025-07-15",
        "2026-01-15-preview",
    ];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => Versions;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z][a-zA-Z0-9_-]{2,127}$";

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        properties["configurationState"] = Provisioning.StateOf(row) == Provisioning.Failed ? "Failed" : "Succeeded";
        properties["administrativeState"] = AdministrativeState.Read(row);
    }

    /// <summary>Checks a VLAN against the limits and against every other VLAN of the fabric.</summary>
    private protected static void CheckVlan(ValidationContext context, ResourceId fabric, long vlan)
    {
        const string Path = "properties.vlanId";
        var limits = context.Limits;
        if (vlan < limits.VlanLowest || vlan > limits.VlanHighest)
        {
            context.AddError(
                RefusalCode.InvalidMember,
                Path,
                $"'{Path}': {vlan} is outside of {limits.VlanLowest} to {limits.VlanHighest}"
            );
            return;
        }

        foreach (
            var (owner, _) in FabricVlans
                .List(context.Transaction, fabric)
                .Where(v => v.Vlan == vlan && !v.Owner.Equals(context.Id))
        )
            context.AddError(RefusalCode.Overlap, Path, $"'{Path}': VLAN {vlan} is already carried by {owner}", owner);
    }

    /// <summary>Checks an MTU against the limits.</summary>
    /// <param name="mtu">The MTU in bytes.</param>
    private protected static void CheckMtu(ValidationContext context, long mtu)
    {
        const string Path = "properties.mtu";
        var limits = context.Limits;
        if (mtu < limits.MtuLowest || mtu > limits.MtuHighest)
            context.AddError(
                RefusalCode.InvalidMember,
                Path,
                $"'{Path}': {mtu} is outside of {limits.MtuLowest} to {limits.MtuHighest} bytes"
            );
    }
}

/// <summary>Every VLAN that a fabric carries, and whose it is.</summary>
internal static class FabricVlans
{
    public static IEnumerable<(ResourceId Owner, int Vlan)> List(ReadTransaction transaction, ResourceId fabric)
    {
        foreach (var row in transaction.List(L2IsolationDomain.ResourceType))
        {
            if (L2IsolationDomain.Read(row) is var domain && domain.Fabric.Equals(fabric))
                yield return (domain.Id, domain.Vlan);
        }

        foreach (var row in transaction.List(InternalNetwork.ResourceType))
        {
            var network = InternalNetwork.Read(row);
            if (transaction.Get(network.Domain) is { } domain && L3IsolationDomain.Read(domain).Fabric.Equals(fabric))
                yield return (network.Id, network.Vlan);
        }
    }
}
