using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks.Blocks;

/// <summary>What becomes of a block.</summary>
internal enum BlockState
{
    /// <summary>Its owner gives addresses of it.</summary>
    Active,

    /// <summary>Its owner is to give back what is free.</summary>
    Draining,

    /// <summary>Its owner has lost its journal or was forgotten: what it gave and didn't tell is unknown.</summary>
    Lost,
}

/// <summary>
/// Addresses of a network that one agent gives by itself, and weftd to nobody: a row (docs/specs/blocks.md). What pods hold of it
/// are leases as all others; the block fences what is free.
/// </summary>
/// <param name="Id">32 hexadecimal digits, drawn anew for each block: it is the block's epoch too.</param>
/// <param name="Node">The node that the agent serves.</param>
/// <param name="Owner">The journal that owns it (<see cref="Machine"/>): never another one of the same agent.</param>
/// <param name="Addresses">All of it, of both families.</param>
/// <param name="Held">How many of it pods held, as of the owner's last report.</param>
/// <param name="Since">Since when, RFC 3339.</param>
internal sealed record AddressBlock(
    string Id,
    ResourceId Network,
    ResourceId Agent,
    string Node,
    string Owner,
    AddressSet Addresses,
    FamilyCount Held,
    BlockState State,
    string Since
)
{
    /// <summary>The type of blocks as resources, extensions of their network.</summary>
    public static readonly ResourceType ResourceType = new("Weft.Ipam", "blocks");

    /// <summary>The partition of the rows.</summary>
    public const string Partition = "block";

    /// <summary>What the values are called that are kept beside the rows: of a network, and of an agent.</summary>
    private const string ViewPrefix = "blocks:";

    /// <summary>The machine that its owner was on; empty where that can't be told.</summary>
    public string Machine { get; init; } = "";

    /// <summary>Of a lost one, the boot of that machine in which the loss was found; empty where nobody has reported since.</summary>
    public string Boot { get; init; } = "";

    /// <summary>Why it drains or is lost; null for an active one.</summary>
    public string? Reason { get; init; }

    /// <summary>How many of it nobody holds.</summary>
    public FamilyCount Free => CountOf(Addresses).Plus(Held, -1);

    /// <summary>Whether its owner alone gives an address of a network; of a lost block nobody is known to.</summary>
    public bool Gives(ResourceId network, Address address) =>
        State != BlockState.Lost && Network.Equals(network) && Addresses.Contains(address);

    /// <summary>Its row's key.</summary>
    public string Key => KeyOf(Id);

    /// <summary>What a person calls it.</summary>
    public string Text => $"the block {Addresses} of node {Node} in {Agent.Parent!.Name}";

    /// <summary>The key of a row.</summary>
    public static string KeyOf(string id) => $"{Partition}|{id}";

    /// <summary>The value that is kept of a network's blocks, or of an agent's.</summary>
    public static string ViewOf(ResourceId owner) => $"{ViewPrefix}{owner.Key}";

    /// <summary>Keeps the blocks of each network and of each agent beside the rows.</summary>
    public static readonly MaterializedView View = new(partition => partition == Partition, BlockBook.Update)
    {
        NamesOf = row =>
            ImmutableHashSet.Create(StringComparer.Ordinal, ViewOf(Of(row).Network), ViewOf(Of(row).Agent)),
    };

    /// <summary>How many addresses of each family are in a set; blocks have no more than <see cref="int.MaxValue"/>.</summary>
    public static FamilyCount CountOf(AddressSet addresses) =>
        new((int)addresses.CountOf(AddressFamily.IPv4), (int)addresses.CountOf(AddressFamily.IPv6));

    /// <summary>Reads a row.</summary>
    public static AddressBlock Of(Row row) =>
        row.ReadAs(r => new AddressBlock(
            r.Json.Text("block") ?? "",
            r.Json.Id("network")!,
            r.Json.Id("agent")!,
            r.Json.Text("node") ?? "",
            r.Json.Text("owner") ?? "",
            AddressSet.Create(r.Json.Texts("ranges").Select(text => AddressRange.Parse(text).Value)),
            new FamilyCount((int)(r.Json.Integer("heldIPv4") ?? 0), (int)(r.Json.Integer("heldIPv6") ?? 0)),
            Enum.Parse<BlockState>(r.Json.Text("state") ?? nameof(BlockState.Lost)),
            r.Json.Text("since") ?? ""
        )
        {
            Machine = r.Json.Text("machine") ?? "",
            Boot = r.Json.Text("boot") ?? "",
            Reason = r.Json.Text("reason"),
        });

    /// <summary>The change that writes it.</summary>
    public Mutation ToMutation() => Mutation.Put(Key, ToJson());

    /// <summary>The row's document.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["block"] = Id,
            ["network"] = Network.ToString(),
            ["agent"] = Agent.ToString(),
            ["node"] = Node,
            ["owner"] = Owner,
            ["state"] = State.ToString(),
            ["since"] = Since,
            ["ranges"] = new JsonArray([.. Addresses.Select(range => JsonValue.Create(range.ToString()))]),
            ["heldIPv4"] = Held.IPv4,
            ["heldIPv6"] = Held.IPv6,
            ["machine"] = Machine,
            ["boot"] = Boot,
            ["reason"] = Reason,
        };
}
