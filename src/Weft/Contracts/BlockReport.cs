using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>A block as its owner has it by its journal.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="Ranges">What is left of it, as in addressing.md; not empty.</param>
internal sealed record OwnedBlock(string Id, string Network, IReadOnlyList<string> Ranges)
{
    /// <summary>Its addresses; ranges that are none are left out.</summary>
    public AddressSet ToSet() =>
        AddressSet.Create(
            Ranges
                .Select(text => AddressRange.Parse(text).TryGet(out var range, out _) ? range : (AddressRange?)null)
                .OfType<AddressRange>()
        );
}

/// <summary>What an interface of a pod was given of a block.</summary>
/// <param name="Pod">The pod as <c>namespace/name</c>; null where the runtime didn't say.</param>
/// <param name="Addresses">One of each family at most; not empty.</param>
internal sealed record BlockLease(
    string Network,
    string ContainerId,
    string Interface,
    IReadOnlyList<string> Addresses,
    string? Pod = null,
    string? Uid = null
)
{
    /// <summary>The same as leases are registered.</summary>
    /// <returns>Null where it can't be read.</returns>
    public RegisteredLease? ToRegistered()
    {
        var addresses = Addresses
            .Select(text => Address.TryParse(text, out var address) ? address : (Address?)null)
            .OfType<Address>()
            .ToImmutableArray();
        return
            ResourceId.TryParse(Network, out var network)
            && network.Type == L3Network.ResourceType
            && IsName(ContainerId)
            && IsName(Interface)
            && addresses.Length == Addresses.Count
            && addresses.Length > 0
            && addresses.DistinctBy(address => address.Family).Count() == addresses.Length
            ? new RegisteredLease(new LeaseHolder(network, ContainerId, Interface), Pod, addresses) { Uid = Uid }
            : null;
    }

    private static bool IsName(string text) => text.Length > 0 && !text.Contains('#', StringComparison.Ordinal);
}

/// <summary>That an agent expects to give addresses of a network.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="Expected">How many of each family it expects to give, 1 and up.</param>
internal sealed record BlockWant(string Network, int Expected);

/// <summary>The body of <c>POST blocks</c> (docs/specs/blocks.md, "The report").</summary>
/// <param name="Owner">The owner's name, drawn with the journal.</param>
/// <param name="Life">The number of the process's life by that journal, 1 and up.</param>
/// <param name="Machine">A hash of the machine's own number; empty where it has none.</param>
/// <param name="Boot">The kernel's boot id.</param>
/// <param name="Blocks">All that it has.</param>
/// <param name="Leases">Those given of blocks that weftd hasn't confirmed.</param>
internal sealed record BlockReport(
    string Owner,
    long Life,
    string Machine,
    string Boot,
    IReadOnlyList<OwnedBlock> Blocks,
    IReadOnlyList<BlockLease> Leases,
    IReadOnlyList<BlockWant> Wants
)
{
    /// <summary>The most blocks of one report, and of an agent.</summary>
    public const int MaxBlocks = 64;

    /// <summary>The most leases of one report: some 200 KiB.</summary>
    public const int MaxLeases = LeaseRegistration.MaxLeases;

    /// <summary>The longest text of a range: two IPv6 addresses and a hyphen, with room.</summary>
    public const int MaxRangeText = 96;

    /// <summary>The most ranges of a block, which comes apart as addresses are given back.</summary>
    public const int MaxRanges = 2048;

    /// <summary>Where it stands among the agent's requests; set by whoever sends it.</summary>
    public string? Session { get; init; }

    /// <inheritdoc cref="RequestOrder.Sequence"/>
    public long Sequence { get; init; }

    /// <inheritdoc cref="RequestOrder.Oldest"/>
    public long Oldest { get; init; }

    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.BlockReport);

    /// <summary>Reads the body.</summary>
    /// <returns>The report, or everything that is wrong with it.</returns>
    public static Outcome<BlockReport> Read(JsonObject body)
    {
        List<Refusal> findings = [.. AgentTexts.Check(body, AgentTexts.Blocks)];
        if (body.ReadAs(ContractJson.Default.BlockReport) is not { } report)
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                "a report has 'owner', 'life', 'machine', 'boot', and 'blocks', 'leases' and 'wants', which are lists"
            );
        if (report.Owner.Length == 0 || report.Life < 1)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    "'owner' and 'life' say whose blocks they are; life is 1 and up",
                    "life"
                )
            );
        CheckCount(findings, "blocks", report.Blocks.Count, MaxBlocks);
        CheckCount(findings, "leases", report.Leases.Count, MaxLeases);
        CheckCount(findings, "wants", report.Wants.Count, MaxBlocks);
        findings.AddRange(report.Blocks.SelectMany((block, i) => Check(block, $"blocks[{i}]")));
        findings.AddRange(
            report
                .Leases.Select((lease, i) => (lease, Path: $"leases[{i}]"))
                .Where(item => item.lease.ToRegistered() is null)
                .Select(item => new Refusal(
                    RefusalCode.InvalidMember,
                    $"'{item.Path}' must have the id of an L3 network, containerId, interface, and addresses, one of a family",
                    item.Path
                ))
        );
        return findings.Count > 0 ? Refusal.Combine(findings, "blocks") : report;
    }

    private static void CheckCount(List<Refusal> findings, string name, int count, int most)
    {
        if (count > most)
            findings.Add(
                new Refusal(RefusalCode.RequestTooLarge, $"'{name}' has {count} entries; {most} are the most", name)
            );
    }

    private static IEnumerable<Refusal> Check(OwnedBlock block, string path)
    {
        if (block.Ranges.Count is 0 or > MaxRanges)
            yield return new Refusal(
                RefusalCode.InvalidMember,
                $"'{path}.ranges' has {block.Ranges.Count} ranges; it must have 1 to {MaxRanges}",
                $"{path}.ranges"
            );
        foreach (var (text, i) in block.Ranges.Select((text, i) => (text, i)))
        {
            var at = $"{path}.ranges[{i}]";
            // One that is too long was found before, and needn't be said.
            if (text.Length <= MaxRangeText && !AddressRange.Parse(text, at).TryGet(out _, out var refusal))
                yield return refusal with
                {
                    Message = $"'{at}': {refusal.Message}",
                };
        }
    }
}

/// <summary>A prefix of a block's network, as a pod is told it.</summary>
/// <param name="Gateway">Null where it has none.</param>
internal sealed record BlockSubnet(string Prefix, string? Gateway = null);

/// <summary>A block as weftd has it for its owner.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="Subnets">All of the network: a pod gets an address of each family that they have.</param>
/// <param name="IsDraining">Whether what is free is to be given back.</param>
/// <param name="Central">The pods of the cluster, as <c>namespace/name</c>, for which the pool keeps addresses or
/// that find theirs again; <c>*</c> stands for any characters, <c>?</c> for one.</param>
internal sealed record GrantedBlock(
    string Id,
    string Network,
    IReadOnlyList<string> Ranges,
    IReadOnlyList<BlockSubnet> Subnets,
    bool IsDraining,
    IReadOnlyList<string> Central
);

/// <summary>A lease that weftd didn't take in.</summary>
/// <param name="Reason">Who holds the address, or that it is in no prefix of the network.</param>
internal sealed record RefusedLease(
    string Network,
    string ContainerId,
    string Interface,
    string Address,
    string Reason
);

/// <summary>The answer to <c>POST blocks</c>.</summary>
internal sealed record BlockReply(IReadOnlyList<GrantedBlock> Blocks, IReadOnlyList<RefusedLease> Refused)
{
    /// <summary>The answer as weftd sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.BlockReply);

    /// <summary>Reads the answer.</summary>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static BlockReply? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.BlockReply);
}
