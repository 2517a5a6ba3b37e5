using System.Collections.Immutable;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The kind of pools that say more than the prefixes of their network: further prefixes, gateways, what is excluded,
/// what is kept for whom. A network without one has a pool by the defaults.
/// </summary>
internal sealed class DeclaredPool : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new("Weft.Ipam", "pools");

    /// <summary>The one name there is.</summary>
    public const string DefaultName = "default";

    /// <summary>Whether pods' interfaces do duplicate address detection.</summary>
    public const string DetectionMember = "duplicateAddressDetection";

    private const int MaxPrefixes = 63;
    private const int MaxRanges = 1024;
    private const int MaxReservations = 4096;
    private const int MaxAddressText = 96;
    private const int MaxStickyPods = 256;

    /// <summary>30 days: what is kept longer is a reservation.</summary>
    private const int MaxStickySeconds = 2_592_000;

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "address pool";

    /// <inheritdoc/>
    public override string Plural => "addresspools";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["ipp"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => WeftVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^default$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => [L3Network.ResourceType];

    /// <inheritdoc/>
    public override bool IsJudgedAsScope => true;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            Texts(
                "prefixes",
                MaxPrefixes,
                "further subnets of the network's internal network, leased from in this order behind the network's own"
            ),
            Texts(
                "gateways",
                MaxPrefixes + 2,
                "the gateways, one in a prefix; None: no gateway where none is named. Default: the first usable address"
            ),
            SchemaMember
                .Integer(
                    "reservedAddresses",
                    "usable addresses at the start of each prefix that are the fabric's; default: the site's number"
                )
                .Range(0, 65_535)
                .Patchable(),
            Texts("exclusions", MaxRanges, "what is never leased: an address, two with a hyphen between, or a prefix"),
            Texts(
                "ranges",
                MaxRanges,
                "what alone is leased of prefixes that have a range, written alike; reservations may be outside"
            ),
            SchemaMember
                .List(
                    "reservations",
                    SchemaMember.Object(
                        "",
                        SchemaMember
                            .Text("name", "what a person calls it; one of the network")
                            .Required()
                            .Range(1, 253),
                        SchemaMember
                            .List(
                                "addresses",
                                SchemaMember.Text("").Range(1, MaxAddressText),
                                "what it keeps: addresses, ranges, prefixes"
                            )
                            .Required()
                            .Range(1, MaxRanges),
                        SchemaMember.Id(
                            "for",
                            "the machine, the node, or the pod's cluster; left out, nobody is given them"
                        ),
                        SchemaMember.Text("pod", "the cluster's pod, as NAMESPACE/NAME").Range(3, 317)
                    ),
                    "what is kept for somebody and given to nobody else"
                )
                .Range(0, MaxReservations)
                .Patchable(),
            SchemaMember
                .Boolean(
                    DetectionMember,
                    false,
                    "whether pods' interfaces test by IPv6 that nobody else has their address; each then starts 1 to 2 s later"
                )
                .Patchable(),
            SchemaMember
                .Enum(
                    "choice",
                    "Next|Lowest|Random",
                    "which free address a pod is given; default: the next behind the last"
                )
                .Patchable(),
            SchemaMember
                .Integer(
                    "coolDownSeconds",
                    "how long an address rests before another is given it; default: the site's number"
                )
                .Range(0, Limits.MaxCoolDownSeconds)
                .Patchable(),
            SchemaMember
                .Enum(
                    "reuseCooling",
                    "WhenExhausted|Never",
                    "whether what rests is given where nothing else is free; default: WhenExhausted"
                )
                .Patchable(),
            Texts(
                "stickyPods",
                MaxStickyPods,
                "the pods that find their addresses again, as NAMESPACE/NAME; * stands for any characters"
            ),
            Texts(
                "claims",
                MaxStickyPods,
                "pods whose names say their claim: NAMESPACE/virt-launcher-*-?????; * is the claim, ? any character"
            ),
            SchemaMember
                .Integer("stickySeconds", "for how long these are kept for a pod that is gone; default: 3600")
                .Range(1, MaxStickySeconds)
                .Patchable(),
            BlockRules.Member,
            SchemaMember.Text("network", "the network").ReadOnly(),
            SchemaMember.Any("families", "its subnets, and how full they are").ReadOnly(),
            SchemaMember.Any("clusters", "how much of it each cluster holds").ReadOnly(),
            SchemaMember.Any("highWater", "the most that was held at a time since weftd started").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The id of a network's pool.</summary>
    public static ResourceId IdOf(ResourceId network) => network.Extend(ResourceType, DefaultName);

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        PoolTexts.Check(context);
        if (context.Findings.Count > 0)
            return;
        if (context.Transaction.Get(context.Id.Parent!) is not { } network)
        {
            context.AddError(
                RefusalCode.Conflict,
                "id",
                $"{context.Id.Parent} is being deleted, and its pool goes with it",
                context.Id.Parent
            );
            return;
        }

        foreach (var finding in PoolPlacement.Check(context.Transaction, network, context.Proposed, context.Limits))
            context.AddError(finding);
        var old = context.Old is { } row ? PoolSpec.Read(row) : PoolSpec.Empty;
        CheckLeases(context, network, old, PoolSpec.Read(context.Proposed));
    }

    /// <inheritdoc/>
    public override void ValidateRemoval(ValidationContext context)
    {
        if (context.Transaction.Get(context.Id.Parent!) is { } network)
            CheckLeases(context, network, PoolSpec.Read(context.Proposed), PoolSpec.Empty);
    }

    private static void CheckLeases(ValidationContext context, Row network, PoolSpec before, PoolSpec after)
    {
        var id = ResourceKind.IdOf(network);
        var (old, next) = (
            PoolChange.PoolOf(network, before, context.Limits),
            PoolChange.PoolOf(network, after, context.Limits)
        );
        PoolChange.CheckGateway(context, id, old, next, "properties.prefixes");
        PoolChange.Check(
            context,
            id,
            old,
            next,
            (obstacle, address) => PoolTexts.PathOf(PropertiesOf(context.Proposed), obstacle, address)
        );
    }

    private static SchemaMember Texts(string name, int most, string says) =>
        SchemaMember.List(name, SchemaMember.Text("").Range(1, MaxAddressText), says).Range(0, most).Patchable();
}
