using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>What one interface of a running pod holds, by its agent's journal.</summary>
/// <param name="Pod">The pod as <c>namespace/name</c>; null where the runtime didn't say.</param>
/// <param name="Addresses">One of each family at most.</param>
internal sealed record RegisteredLease(LeaseHolder Holder, string? Pod, ImmutableArray<Address> Addresses)
{
    /// <summary>The pod's UID; null, the default, where nobody says.</summary>
    public string? Uid { get; init; }
}

/// <summary>The body of <c>POST leases/register</c>: a part of all that an agent's pods hold.</summary>
/// <param name="Epoch">The epoch that asked for it.</param>
/// <param name="Part">0 for the first, which begins anew; each next one has the next number.</param>
/// <param name="IsLast">Whether it is all with this part.</param>
/// <param name="Leases">At most <see cref="MaxLeases"/>.</param>
internal sealed record LeaseRegistration(string Epoch, int Part, bool IsLast, ImmutableArray<RegisteredLease> Leases)
{
    /// <summary>The most leases of one part: some 200 KiB.</summary>
    public const int MaxLeases = 512;

    private const int MaxTextLength = 512;

    /// <summary>The owner of the agent's blocks; null, the default, where it has none.</summary>
    public string? Owner { get; init; }

    /// <summary>The blocks that the agent has, with the last part. Default: none.</summary>
    public ImmutableArray<OwnedBlock> Blocks { get; init; } = [];

    /// <summary>The body as the agent sends it.</summary>
    public byte[] ToBytes()
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("epoch", Epoch);
            json.WriteNumber("part", Part);
            json.WriteBoolean("isLast", IsLast);
            json.WriteStartArray("leases");
            foreach (var lease in Leases)
            {
                json.WriteStartObject();
                json.WriteString("network", lease.Holder.Network.ToString());
                json.WriteString("containerId", lease.Holder.ContainerId);
                json.WriteString("interface", lease.Holder.Interface);
                json.WriteText("pod", lease.Pod);
                json.WriteText("uid", lease.Uid);
                json.WriteTexts("addresses", lease.Addresses.Select(address => address.ToString()));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            WriteBlocks(json);
            json.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }

    /// <summary>Reads the body.</summary>
    /// <returns>The part, or the first thing that is wrong with it.</returns>
    public static Outcome<LeaseRegistration> Read(JsonObject body)
    {
        var json = JsonElement.Parse(Json.ToUtf8(body));
        if (json.Text("epoch") is not { Length: > 0 and <= MaxTextLength } epoch)
            return Invalid(RefusalCode.MissingMember, "epoch", "is required: the epoch that asked for it");
        if (json.Integer("part") is not (>= 0 and <= int.MaxValue and { } part))
            return Invalid(RefusalCode.MissingMember, "part", "must be a number: 0 for the first part");
        if (json.Member("leases").ValueKind != JsonValueKind.Array)
            return Invalid(RefusalCode.MissingMember, "leases", "must be a list; it may be empty");
        var leases = ImmutableArray.CreateBuilder<RegisteredLease>();
        foreach (var element in json.Elements("leases"))
        {
            if (leases.Count == MaxLeases)
                return Invalid(
                    RefusalCode.RequestTooLarge,
                    "leases",
                    $"has more than {MaxLeases} leases; send several parts"
                );
            if (!ReadLease(element, $"leases[{leases.Count}]").TryGet(out var lease, out var refusal))
                return refusal;
            leases.Add(lease);
        }

        return ReadBlocks(json).TryGet(out var blocks, out var unreadable)
            ? new LeaseRegistration(epoch, (int)part, json.Boolean("isLast"), leases.ToImmutable())
            {
                Owner = json.Text("owner") is { Length: <= 64 } owner ? owner : null,
                Blocks = blocks,
            }
            : unreadable;
    }

    private void WriteBlocks(Utf8JsonWriter json)
    {
        if (Owner is null || Blocks.IsEmpty)
            return;
        json.WriteString("owner", Owner);
        json.WriteStartArray("blocks");
        foreach (var block in Blocks)
        {
            json.WriteStartObject();
            json.WriteString("id", block.Id);
            json.WriteString("network", block.Network);
            json.WriteTexts("ranges", block.Ranges);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static Outcome<ImmutableArray<OwnedBlock>> ReadBlocks(JsonElement json)
    {
        var blocks = ImmutableArray.CreateBuilder<OwnedBlock>();
        foreach (var element in json.Elements("blocks").Take(BlockReport.MaxBlocks))
        {
            var block = new OwnedBlock(
                element.Text("id") ?? "",
                element.Text("network") ?? "",
                [
                    .. element
                        .Texts("ranges")
                        .Where(text => text.Length <= BlockReport.MaxRangeText)
                        .Take(BlockReport.MaxRanges),
                ]
            );
            if (block.Id.Length is 0 or > 64 || block.Network.Length > MaxTextLength || block.ToSet().IsEmpty)
                return Invalid(
                    RefusalCode.InvalidMember,
                    $"blocks[{blocks.Count}]",
                    "must have an id, a network and ranges of addresses"
                );
            blocks.Add(block);
        }

        return blocks.ToImmutable();
    }

    private static Outcome<RegisteredLease> ReadLease(JsonElement json, string path)
    {
        if (
            json.Text("network") is not { Length: <= MaxTextLength }
            || json.Id("network") is not { } network
            || network.Type != L3Network.ResourceType
        )
            return Invalid(
                RefusalCode.InvalidMember,
                $"{path}.network",
                $"'{AgentTexts.Excerpt(json.Text("network"))}' is no id of an L3 network"
            );
        foreach (var name in (string[])["containerId", "interface"])
        {
            if (
                json.Text(name) is not { Length: > 0 and <= MaxTextLength } text
                || text.Contains('#', StringComparison.Ordinal)
            )
                return Invalid(
                    RefusalCode.MissingMember,
                    $"{path}.{name}",
                    $"is required: up to {MaxTextLength} characters without '#'"
                );
        }

        var addresses = new List<Address>();
        foreach (var text in json.Texts("addresses"))
        {
            if (!Address.TryParse(text, out var address) || addresses.Exists(other => other.Family == address.Family))
                return Invalid(
                    RefusalCode.InvalidMember,
                    $"{path}.addresses",
                    $"'{AgentTexts.Excerpt(text)}' must be an address, the only one of its family"
                );
            addresses.Add(address);
        }

        var pod = json.Text("pod");
        return new RegisteredLease(
            new LeaseHolder(network, json.Text("containerId")!, json.Text("interface")!),
            pod?.Length > MaxTextLength ? pod[..MaxTextLength] : pod,
            [.. addresses]
        )
        {
            Uid = json.Text("uid") is { Length: > 0 and <= MaxTextLength } uid ? uid : null,
        };
    }

    private static Refusal Invalid(RefusalCode code, string member, string why) =>
        new(code, $"'{member}': {why}", member);
}

/// <summary>An address that a running pod holds and weftd has given to another holder.</summary>
/// <param name="Network">The network's id.</param>
/// <param name="HeldBy">The other holder; null where weftd knows no such network or address any more.</param>
internal sealed record LeaseConflict(string Network, string Address, string Holder, string? HeldBy);

/// <summary>The answer to <c>POST leases/register</c>.</summary>
/// <param name="Adopted">How many addresses weftd didn't know as this agent's and does now.</param>
internal sealed record LeaseRegistrationResponse(int Adopted, IReadOnlyList<LeaseConflict> Conflicts)
{
    /// <summary>The answer as weftd sends it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.LeaseRegistrationResponse);

    /// <summary>Reads the answer.</summary>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static LeaseRegistrationResponse? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.LeaseRegistrationResponse);
}
