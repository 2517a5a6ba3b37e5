using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>What a network's pool says, as a record; texts that can't be read are left out of it.</summary>
/// <param name="Prefixes">Further prefixes, in the order in which they are leased from.</param>
/// <param name="Rules">What is said beside them.</param>
internal sealed record PoolSpec(ImmutableArray<Prefix> Prefixes, PoolRules Rules)
{
    /// <summary>The word for a prefix without a gateway.</summary>
    public const string NoGateway = "None";

    /// <summary>A pool that says nothing.</summary>
    public static readonly PoolSpec Empty = new([], PoolRules.Default);

    /// <summary>What is said of blocks. Default: nothing.</summary>
    public BlockRules Blocks { get; init; } = BlockRules.Default;

    /// <summary>The pool of a network.</summary>
    /// <returns>One that says nothing where none is declared, or where it is being deleted.</returns>
    public static PoolSpec Find(StoreState state, ResourceId network) =>
        state.Get(StoreKey.ForResource(DeclaredPool.IdOf(network))) is { } row && !Provisioning.IsDeleting(row)
            ? Read(row)
            : Empty;

    /// <summary>The pool of a network, for a decision that doesn't stand if it changes meanwhile.</summary>
    public static PoolSpec Find(ReadTransaction transaction, ResourceId network) =>
        transaction.Get(DeclaredPool.IdOf(network)) is { } row ? Read(row) : Empty;

    /// <summary>Reads a pool.</summary>
    public static PoolSpec Read(Row row) =>
        row.ReadAs(r =>
        {
            var properties = ResourceKind.PropertiesOf(r);
            var gateways = properties.Texts("gateways").ToList();
            var rules = new PoolRules
            {
                Reserved = (int?)properties.Integer("reservedAddresses"),
                Gateways = [.. gateways.Select(ReadAddress).OfType<Address>()],
                HasNoGateway = gateways.Contains(NoGateway, StringComparer.OrdinalIgnoreCase),
                Exclusions = ReadSet(properties, "exclusions"),
                Ranges = ReadSet(properties, "ranges"),
                Reservations = [.. properties.Elements("reservations").Select(ReadReservation)],
                Choice = Enum.TryParse<PoolChoice>(properties.Text("choice"), out var choice) ? choice : default,
                CoolDownSeconds = (int?)properties.Integer("coolDownSeconds"),
                ReusesCooling = properties.Text("reuseCooling") != "Never",
                StickyPods = [.. properties.Texts("stickyPods")],
                Claims = [.. properties.Texts("claims")],
                StickySeconds = (int?)properties.Integer("stickySeconds") ?? RestRules.DefaultKeepSeconds,
            };
            return new PoolSpec([.. properties.Texts("prefixes").Select(ReadPrefix).OfType<Prefix>()], rules)
            {
                Blocks = BlockRules.Read(properties),
            };
        });

    private static Reservation ReadReservation(JsonElement element) =>
        new(element.Text("name") ?? "", ReadSet(element, "addresses"))
        {
            Owner = element.Id("for")?.Key,
            Pod = element.Text("pod"),
        };

    private static AddressSet ReadSet(JsonElement element, string member) =>
        AddressSet.Create(
            element
                .Texts(member)
                .Select(text => AddressRange.Parse(text).TryGet(out var range, out _) ? range : (AddressRange?)null)
                .OfType<AddressRange>()
        );

    private static Address? ReadAddress(string text) => Address.TryParse(text, out var address) ? address : null;

    private static Prefix? ReadPrefix(string text) => Prefix.TryParse(text, out var prefix) ? prefix : null;
}
