using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The kind of networks that share a subnet between clusters, nodes, pods and machines. VLAN, prefixes, MTU and gateway
/// derive from the fabric's internal network; written again they must agree with it.
/// </summary>
internal sealed class L3Network : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.L3NetworkType;

    private static readonly (AddressFamily Family, string Member, string Only)[] Families =
    [
        (AddressFamily.IPv4, "ipv4ConnectedPrefix", "IPV6"),
        (AddressFamily.IPv6, "ipv6ConnectedPrefix", "IPV4"),
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L3 network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l3n"];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            [
                SchemaMember
                    .Id("l3IsolationDomainId", "the VRF it stands in", L3IsolationDomain.ResourceType)
                    .Required()
                    .Immutable(),
                SchemaMember
                    .Integer(
                        "vlan",
                        "the VLAN of one internal network of the VRF; may be left out where there is only one"
                    )
                    .Immutable()
                    .Range(VlanSet.Lowest, VlanSet.Highest),
                SchemaMember.Enum(
                    "ipAllocationType",
                    "IPV4|IPV6|DualStack",
                    "the families it leases; left out, those of the internal network"
                ),
                SchemaMember
                    .Text(
                        "ipv4ConnectedPrefix",
                        "an IPv4 subnet of the internal network; may be left out where there is only one"
                    )
                    .Range(1, 64),
                SchemaMember
                    .Text(
                        "ipv6ConnectedPrefix",
                        "an IPv6 subnet of the internal network; may be left out where there is only one"
                    )
                    .Range(1, 64),
                SchemaMember.BooleanString("hybridAksIpamEnabled", null, "deprecated and ignored"),
                InterfaceName,
                DeprecatedPlugin,
                .. ReadOnlyMembers,
            ]
        );

    /// <summary>The subnets of a network, IPv4 first: those its <c>ipAllocationType</c> names.</summary>
    /// <returns>One prefix per family.</returns>
    public static ImmutableArray<Prefix> PrefixesOf(Row row) => Read(row).Prefixes;

    /// <summary>The VLAN of a network.</summary>
    public static int VlanOf(Row row) => Read(row).Vlan;

    /// <summary>The VRF of a network.</summary>
    /// <returns>The L3 isolation domain.</returns>
    public static ResourceId DomainOf(Row row) => Read(row).Domain;

    /// <inheritdoc/>
    public override void ApplyDefaults(ResourceId id, JsonObject body, ReadTransaction transaction)
    {
        base.ApplyDefaults(id, body, transaction);
        if (body["properties"] is not JsonObject properties)
            return;
        properties.Remove("hybridAksIpamEnabled");
        if (!ResourceId.TryParse(properties["l3IsolationDomainId"]?.ToString(), out var domain))
            return;
        var candidates = InternalNetwork
            .ListIn(transaction, domain)
            .Where(n =>
                properties["vlan"] is not { } vlan
                || vlan.ToString() == n.Vlan.ToString(System.Globalization.CultureInfo.InvariantCulture)
            )
            .ToList();
        if (candidates is [var network])
        {
            properties["vlan"] = network.Vlan;
            properties["ipAllocationType"] ??= (
                network.PrefixesOf(AddressFamily.IPv4).IsEmpty,
                network.PrefixesOf(AddressFamily.IPv6).IsEmpty
            ) switch
            {
                (false, true) => "IPV4",
                (true, false) => "IPV6",
                _ => "DualStack",
            };
            foreach (var (family, member, only) in Families)
            {
                if (
                    properties[member] is null
                    && properties["ipAllocationType"]!.ToString() != only
                    && network.PrefixesOf(family) is [var prefix]
                )
                    properties[member] = prefix.ToString();
            }
        }

        properties["ipAllocationType"] ??= "DualStack";
        KeepPrefixes(properties, transaction.Get(id));
    }

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var cluster = NexusCluster.CheckHost(context);
        var domain = context.Transaction.Get(DomainOf(context.Proposed))!;
        CheckDomain(context, "properties.l3IsolationDomainId", domain, L3IsolationDomain.Read(domain).Fabric, cluster);
        var properties = PropertiesOf(context.Proposed);
        if (CheckVlan(context, domain, properties.Integer("vlan")) is { } network)
        {
            foreach (var (family, member, only) in Families)
                CheckPrefix(
                    context,
                    network,
                    family,
                    member,
                    properties.Text(member),
                    properties.Text("ipAllocationType") != only
                );
        }

        CheckOverlaps(context);
        CheckLeases(context);
        CheckChange(context);
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> DependentsOf(Row row, ReadTransaction transaction)
    {
        var id = IdOf(row);
        // A pod's or node's address outlives the attachment that gave it until the pod is gone; its network must
        // outlive them.
        return ClustersOfHolders(transaction, id);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Its pool goes with it: a machine that is removed in the same step finds no network any more to give back to.
    /// </remarks>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        [
            .. NetworkPool.RemoveHoldings(state, IdOf(row), NetworkPool.HoldingsOf(state, IdOf(row)).All),
            .. NetworkPool.RemoveClaims(state, IdOf(row), _ => true),
            .. BlockBook.Of(state, IdOf(row)).Blocks.Select(block => Mutation.Remove(block.Key)),
        ];

    /// <inheritdoc/>
    public override Refusal? FindRunningUsers(Row row, ReadTransaction transaction) =>
        BlockBook.Of(transaction, IdOf(row)).Blocks.ToList() is [var first, ..] blocks
            ? new Refusal(
                RefusalCode.InUse,
                $"{blocks.Count} blocks of {IdOf(row).Name} are out, {first.Text} among them; they come back once their agents are "
                    + $"within reach: weft ipam blocks {IdOf(row).Name}. To delete it all the same: --force",
                IdOf(row).ToString()
            )
            {
                BlocksOf = IdOf(row).Key,
                Discloses = [.. blocks.Select(block => block.Agent.ToString())],
            }
            : null;

    /// <summary>A prefix that is left out, and doesn't follow from the fabric, stays as it is.</summary>
    private static void KeepPrefixes(JsonObject properties, Row? old)
    {
        foreach (var (_, member, only) in Families)
        {
            if (
                old is not null
                && PropertiesOf(old).Text(member) is { } before
                && properties["ipAllocationType"]!.ToString() != only
            )
                properties[member] ??= before;
        }
    }

    private static Declared Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var properties = PropertiesOf(r);
            var only = properties.Text("ipAllocationType");
            var prefixes = Families
                .Where(f => f.Only != only)
                .Select(f => Prefix.TryParse(properties.Text(f.Member), out var prefix) ? prefix : (Prefix?)null)
                .OfType<Prefix>();
            return new Declared(
                properties.Id("l3IsolationDomainId")!,
                (int)(properties.Integer("vlan") ?? 0),
                [.. prefixes]
            );
        });
    }

    private static IEnumerable<ResourceId> ClustersOfHolders(ReadTransaction transaction, ResourceId id) =>
        NetworkPool
            .HoldingsOf(transaction, id)
            .Counts.Clusters.Select(text => ResourceId.TryParse(text, out var cluster) ? cluster : null)
            .OfType<ResourceId>()
            .OrderBy(cluster => cluster.Key, StringComparer.Ordinal);

    private static FabricSubnets? CheckVlan(ValidationContext context, Row domain, long? vlan)
    {
        const string Path = "properties.vlan";
        var id = IdOf(domain);
        var networks = InternalNetwork.ListIn(context.Transaction, id).ToList();
        var list =
            networks.Count == 0
                ? "it has none"
                : $"it has {string.Join(", ", networks.Select(n => $"{n.Vlan} ({n.Id.Name})"))}";
        var about = context.About(networks.Select(n => n.Id));
        if (vlan is null)
        {
            about.AddError(
                RefusalCode.MissingMember,
                Path,
                $"'{Path}' is required: {id.Name} has no single internal network to take it from; {list}",
                id
            );
            return null;
        }

        var network = networks.Find(n => n.Vlan == vlan);
        if (network is null)
            about.AddError(RefusalCode.Mismatch, Path, $"'{Path}': {vlan} is no VLAN of {id.Name}; {list}", id);
        return network;
    }

    private static void CheckPrefix(
        ValidationContext context,
        FabricSubnets network,
        AddressFamily family,
        string member,
        string? text,
        bool needed
    )
    {
        var path = $"properties.{member}";
        var expected = network.PrefixesOf(family) is { IsEmpty: false } prefixes
            ? string.Join(" or ", prefixes)
            : $"no {family} subnet";
        if (text is null)
        {
            if (needed)
                context.AddError(
                    RefusalCode.MissingMember,
                    path,
                    $"'{path}' is required by ipAllocationType; {network.Id.Name} has {expected}",
                    network.Id
                );
            return;
        }

        if (!Prefix.Parse(text, path).TryGet(out var prefix, out var refusal))
            context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
        else if (!network.PrefixesOf(family).Contains(prefix))
            context.AddError(
                RefusalCode.Mismatch,
                path,
                $"'{path}': {prefix} is no subnet of {network.Id.Name}, which has {expected}",
                network.Id
            );
        else if (context.Old is not { } old || !PrefixesOf(old).Contains(prefix))
            CheckLeasable(context, path, prefix);
    }

    /// <summary>A prefix that is new to the network must have something to lease.</summary>
    private static void CheckLeasable(ValidationContext context, string path, Prefix prefix)
    {
        if (SpecialPurpose.ReasonNotLeasable(prefix) is { } special)
            context.AddError(RefusalCode.InvalidMember, path, $"'{path}': {special}");
        else if (
            NetworkSubnets
                .Create(context.Proposed, PoolSpec.Find(context.Transaction, context.Id), context.Limits)
                .FirstOrDefault(subnet => subnet.Prefix == prefix)
                is { Size: var size } subnet
            && size == 0
        )
            context.AddError(RefusalCode.InvalidMember, path, $"'{path}': {NetworkSubnets.ReasonEmpty(subnet)}");
    }

    /// <summary>Two networks on one subnet would be two pools over the same addresses.</summary>
    private static void CheckOverlaps(ValidationContext context)
    {
        foreach (var prefix in PrefixesOf(context.Proposed))
        {
            var path = MemberOf(prefix.Family);
            foreach (
                var (other, taken) in NetworkSubnets.OverlapsInDomain(context.Transaction, context.Proposed, prefix)
            )
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {prefix} overlaps with {taken} of {other.Name}: one subnet has one pool; share that network",
                    other
                );
        }
    }

    /// <summary>A prefix that changes must leave those who hold something of it what they have.</summary>
    private static void CheckChange(ValidationContext context)
    {
        if (context.Old is not { } old)
            return;
        var pool = PoolSpec.Find(context.Transaction, context.Id);
        var before = PoolChange.PoolOf(old, pool, context.Limits);
        var after = PoolChange.PoolOf(context.Proposed, pool, context.Limits);
        foreach (var family in after.Families.Where(f => before.PrefixesOf(f) != after.PrefixesOf(f)))
            PoolChange.CheckGateway(context, context.Id, Of(before, family), Of(after, family), MemberOf(family));
        var kept = before with { Subnets = [.. before.Subnets.Where(s => after.Families.Contains(s.Prefix.Family))] };
        PoolChange.Check(context, context.Id, kept, after, (_, address) => MemberOf(address.Family));
    }

    private static AddressPool Of(AddressPool pool, AddressFamily family) =>
        pool with
        {
            Subnets = [.. pool.SubnetsOf(family)],
        };

    private static string MemberOf(AddressFamily family) =>
        $"properties.{Families.First(f => f.Family == family).Member}";

    /// <summary>A family with leases can't be dropped.</summary>
    private static void CheckLeases(ValidationContext context)
    {
        const string Path = "properties.ipAllocationType";
        if (context.Old is not { } old)
            return;
        foreach (
            var gone in PrefixesOf(old).Select(p => p.Family).Except(PrefixesOf(context.Proposed).Select(p => p.Family))
        )
        {
            var holder = NetworkPool
                .HoldingsOf(context.Transaction, context.Id)
                .Leases.FirstOrDefault(l => l.Address.Family == gone);
            if (holder is not null)
                context.AddError(
                    new Refusal(
                        RefusalCode.InUse,
                        $"'{Path}': {gone} can't be dropped while {holder.Address} is held by {holder.Holder.Text}",
                        Path
                    )
                    {
                        Discloses = [holder.Holder.Owner],
                    }
                );
        }
    }

    private sealed record Declared(ResourceId Domain, int Vlan, ImmutableArray<Prefix> Prefixes);
}
