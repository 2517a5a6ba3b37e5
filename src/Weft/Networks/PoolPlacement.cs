using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// What a declared pool must be in the network that it is of: within its prefixes, which are the internal network's and
/// no other network's, and with something left to lease. All findings, each with the member, the value and the object in
/// the way.
/// </summary>
internal sealed class PoolPlacement
{
    /// <summary>What stands before the place of the other, at the end of a finding about two of them.</summary>
    public const string InPlace = ", in ";

    private readonly ReadTransaction _transaction;
    private readonly Row _network;
    private readonly JsonElement _properties;
    private readonly ImmutableArray<Prefix> _prefixes;
    private readonly ImmutableArray<Subnet> _subnets;
    private readonly PoolSpec _spec;
    private readonly List<Refusal> _findings = [];

    private PoolPlacement(ReadTransaction transaction, Row network, Row pool, Limits limits)
    {
        (_transaction, _network) = (transaction, network);
        _properties = ResourceKind.PropertiesOf(pool);
        _spec = PoolSpec.Read(pool);
        _prefixes = NetworkSubnets.PrefixesOf(network, _spec);
        _subnets = NetworkSubnets.Create(network, _spec, limits);
    }

    private ResourceId NetworkId => ResourceKind.IdOf(_network);

    private string Named => $"{string.Join(" or ", _prefixes)}, the prefixes of {NetworkId.Name}";

    /// <summary>Checks a pool whose texts can all be read.</summary>
    public static IReadOnlyList<Refusal> Check(ReadTransaction transaction, Row network, Row pool, Limits limits)
    {
        var placement = new PoolPlacement(transaction, network, pool, limits);
        placement.CheckPrefixes();
        placement.CheckRanges("exclusions");
        placement.CheckRanges("ranges");
        placement.CheckGateways();
        placement.CheckReservations();
        placement.CheckSizes();
        return placement._findings;
    }

    private void CheckPrefixes()
    {
        var own = L3Network.PrefixesOf(_network);
        var internalNetwork = InternalNetwork
            .ListIn(_transaction, L3Network.DomainOf(_network))
            .FirstOrDefault(n => n.Vlan == L3Network.VlanOf(_network));
        var seen = own.Where(prefix => !_spec.Prefixes.Contains(prefix)).ToList();
        foreach (var (path, text) in PoolTexts.Elements(_properties, "prefixes"))
        {
            var prefix = Prefix.Parse(text).Value;
            if (seen.Exists(prefix.Overlaps))
                Add(
                    RefusalCode.Overlap,
                    path,
                    $"{prefix} overlaps with {seen.Find(prefix.Overlaps)} of {NetworkId.Name} itself",
                    NetworkId
                );
            else if (own.All(p => p.Family != prefix.Family))
                Add(RefusalCode.Mismatch, path, $"{NetworkId.Name} leases no {prefix.Family} addresses", NetworkId);
            else if (SpecialPurpose.ReasonNotLeasable(prefix) is { } special)
                Add(RefusalCode.InvalidMember, path, special);
            else if (internalNetwork is not null && !internalNetwork.Prefixes.Contains(prefix))
                Add(
                    RefusalCode.Mismatch,
                    path,
                    $"{prefix} is no subnet of {internalNetwork.Id.Name}, which has "
                        + string.Join(" or ", internalNetwork.Prefixes),
                    internalNetwork.Id
                );
            seen.Add(prefix);
            if (!own.Contains(prefix))
                CheckOthers(path, prefix);
        }
    }

    /// <summary>Two networks on one subnet would be two pools over the same addresses.</summary>
    private void CheckOthers(string path, Prefix prefix)
    {
        foreach (var (other, taken) in NetworkSubnets.OverlapsInDomain(_transaction, _network, prefix))
            Add(
                RefusalCode.Overlap,
                path,
                $"{prefix} overlaps with {taken} of {other.Name}: one subnet has one pool; share that network",
                other
            );
    }

    private void CheckRanges(string member)
    {
        foreach (var (path, text) in PoolTexts.Elements(_properties, member))
            CheckInside(path, AddressRange.Parse(text).Value);
    }

    private Subnet? CheckInside(string path, AddressRange range)
    {
        var subnet = _subnets.FirstOrDefault(s => s.Prefix.Contains(range.First) && s.Prefix.Contains(range.Last));
        if (subnet is null)
            Add(
                RefusalCode.AddressNotUsable,
                path,
                _prefixes.Any(p => AddressRange.FromPrefix(p).Overlaps(range))
                    ? $"{range} is only in part in {Named}; write a range for each"
                    : $"{range} isn't in {Named}",
                NetworkId
            );
        return subnet;
    }

    private void CheckGateways()
    {
        var seen = new Dictionary<Prefix, Address>();
        foreach (
            var (path, text) in PoolTexts
                .Elements(_properties, "gateways")
                .Where(e => !e.Text.Equals(PoolSpec.NoGateway, StringComparison.OrdinalIgnoreCase))
        )
        {
            var gateway = Address.Parse(text).Value;
            if (CheckInside(path, new AddressRange(gateway, gateway)) is not { } subnet)
                continue;
            if (gateway < subnet.First || gateway > subnet.Last)
                Add(
                    RefusalCode.AddressNotUsable,
                    path,
                    $"{subnet.FindObstacle(gateway)!.Reason}; a gateway is from {subnet.First} to {subnet.Last}"
                );
            if (!seen.TryAdd(subnet.Prefix, gateway))
                Add(RefusalCode.Overlap, path, $"{subnet.Prefix} has the gateway {seen[subnet.Prefix]} already");
        }
    }

    private void CheckReservations()
    {
        var sorted = PoolTexts.ReservedRanges(_properties).OrderBy(r => r.Range.First).ToList();
        foreach (var (path, _, range) in sorted)
        {
            if (CheckInside(path, range)?.FindObstacle(range) is { } obstacle)
                Add(RefusalCode.AddressNotUsable, path, $"{obstacle.Reason}, so it can't be kept for anybody");
        }

        var widest = 0;
        for (var i = 1; i < sorted.Count; i++)
        {
            if (sorted[i].Range.Overlaps(sorted[widest].Range))
                Add(
                    RefusalCode.Overlap,
                    sorted[i].Path,
                    $"{sorted[i].Range} is kept by '{sorted[widest].Name}' already{InPlace}{sorted[widest].Path}"
                );
            if (sorted[widest].Range.Last < sorted[i].Range.Last || !sorted[widest].Range.Overlaps(sorted[i].Range))
                widest = i;
        }
    }

    private void CheckSizes()
    {
        foreach (var subnet in _subnets)
        {
            if (_spec.Rules.Reserved is { } count && subnet.Reserved < count)
                Add(
                    RefusalCode.InvalidMember,
                    "properties.reservedAddresses",
                    $"{subnet.Prefix} can't spare {count}: of its {subnet.Last.Value - subnet.First.Value + 1} usable addresses "
                        + "the gateway is one, and one at least must be left to lease"
                );
            else if (subnet.Size == 0)
                Add(
                    RefusalCode.InvalidMember,
                    subnet.Ranges.IsEmpty ? "properties.exclusions" : "properties.ranges",
                    NetworkSubnets.ReasonEmpty(subnet)
                );
        }
    }

    private void Add(RefusalCode code, string path, string message, ResourceId? culprit = null) =>
        _findings.Add(new Refusal(code, $"'{path}': {message}", path, culprit?.ToString()));
}
