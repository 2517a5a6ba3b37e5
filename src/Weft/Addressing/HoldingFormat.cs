using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Addressing;

/// <summary>
/// The bytes that a record of leases is stored as (docs/specs/store.md, "Leases"). Ids of networks and clusters stand in it
/// as numbers.
/// </summary>
internal static class HoldingFormat
{
    private const byte Documents = 0;
    private const byte Packed = 1;

    /// <summary>Writes a record.</summary>
    /// <param name="network">The network's number.</param>
    /// <param name="numberOf">The number of a cluster's id.</param>
    public static void Write(IBufferWriter<byte> output, Holding holding, int network, Func<string, int> numberOf)
    {
        WriteByte(output, holding is PodHolding ? Packed : Documents);
        WriteNumber(output, network);
        if (holding is PodHolding pod)
            WritePod(output, pod, numberOf);
        else
        {
            using var json = new Utf8JsonWriter(output);
            new JsonArray([.. holding.Leases.Select(lease => lease.ToJson())]).WriteTo(json);
        }
    }

    /// <summary>Reads a record.</summary>
    /// <param name="nameOf">The id of a number; null where there is none.</param>
    /// <returns>The network's number, and the record.</returns>
    /// <exception cref="FormatException">It is none that was written here.</exception>
    public static (int Network, Holding Holding) Read(ReadOnlySpan<byte> body, Func<int, string?> nameOf)
    {
        var input = new Input(body);
        var form = input.Byte();
        var network = input.Number();
        return (
            network,
            form switch
            {
                Packed => ReadPod(ref input, nameOf),
                Documents => ReadDocuments(input.Rest),
                _ => throw new FormatException("a record of leases has a form that weftd doesn't write"),
            }
        );
    }

    private static void WritePod(IBufferWriter<byte> output, PodHolding pod, Func<string, int> numberOf)
    {
        WriteNumber(output, numberOf(pod.Place.Cluster));
        WriteByte(output, (byte)pod.Traits);
        WriteBytes(output, pod.Container);
        WriteText(output, pod.Place.Interface);
        WriteBytes(output, pod.Pod);
        WriteByte(output, pod.Place.Node is null ? (byte)0 : (byte)1);
        if (pod.Place.Node is { } node)
            WriteText(output, node);
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), pod.SinceTicks);
        output.Advance(8);
        if (pod.Traits.HasFlag(PodHoldingTraits.HasIPv4))
        {
            BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), pod.IPv4);
            output.Advance(4);
        }

        if (pod.Traits.HasFlag(PodHoldingTraits.HasIPv6))
        {
            BinaryPrimitives.WriteUInt128BigEndian(output.GetSpan(16), pod.IPv6);
            output.Advance(16);
        }

        output.Write(pod.Uid);
    }

    private static PodHolding ReadPod(ref Input input, Func<int, string?> nameOf)
    {
        var cluster =
            nameOf(input.Number()) ?? throw new FormatException("a record of leases names no cluster that is known");
        var traits = (PodHoldingTraits)input.Byte();
        var container = input.Bytes();
        Span<char> name = stackalloc char[byte.MaxValue];
        var nameBytes = input.Bytes();
        var nameLength =
            nameBytes.Length <= name.Length ? Encoding.UTF8.GetChars(nameBytes, name) : throw Input.Fault();
        var pod = input.Bytes();
        var hasNode = input.Byte() != 0;
        ReadOnlySpan<byte> node = hasNode ? input.Bytes() : default;
        var ticks = BinaryPrimitives.ReadInt64LittleEndian(input.Take(8));
        var ipv4 = traits.HasFlag(PodHoldingTraits.HasIPv4) ? BinaryPrimitives.ReadUInt32BigEndian(input.Take(4)) : 0;
        var ipv6 = traits.HasFlag(PodHoldingTraits.HasIPv6) ? BinaryPrimitives.ReadUInt128BigEndian(input.Take(16)) : 0;
        var uid = traits.HasFlag(PodHoldingTraits.HasUid) ? input.Take(PodHolding.UidLength) : default;
        if (
            !input.Rest.IsEmpty
            || (traits & (PodHoldingTraits.HasIPv4 | PodHoldingTraits.HasIPv6)) == 0
            || container.Length > byte.MaxValue
        )
            throw Input.Fault();
        Span<char> nodeText = stackalloc char[byte.MaxValue];
        var nodeLength = node.Length <= nodeText.Length ? Encoding.UTF8.GetChars(node, nodeText) : throw Input.Fault();
        return new PodHolding(
            HolderPlace.Shared(cluster, nodeText[..nodeLength], hasNode, name[..nameLength]),
            container,
            uid,
            pod,
            traits,
            ticks,
            ipv4,
            ipv6
        );
    }

    private static OtherHolding ReadDocuments(ReadOnlySpan<byte> json)
    {
        var leases = ReadLeases(json.ToArray());
        return leases.IsEmpty
            ? throw new FormatException("a record of leases has none")
            : new OtherHolding(leases[0].Holder, leases);
    }

    private static ImmutableArray<Lease> ReadLeases(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Array
                ? [.. document.RootElement.EnumerateArray().Select(Lease.FromJson)]
                : [];
        }
        catch (JsonException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    private static void WriteByte(IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    /// <summary>Seven bits a byte, the lowest first (LEB128).</summary>
    private static void WriteNumber(IBufferWriter<byte> output, int value)
    {
        for (var left = (uint)value; ; left >>= 7)
        {
            WriteByte(output, (byte)(left < 0x80 ? left : left | 0x80));
            if (left < 0x80)
                return;
        }
    }

    private static void WriteBytes(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        WriteNumber(output, bytes.Length);
        output.Write(bytes);
    }

    private static void WriteText(IBufferWriter<byte> output, string text)
    {
        Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        WriteBytes(output, bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }

    private ref struct Input(ReadOnlySpan<byte> rest)
    {
        public ReadOnlySpan<byte> Rest { get; private set; } = rest;

        public static FormatException Fault() => new("a record of leases isn't what weftd writes");

        public ReadOnlySpan<byte> Take(int length)
        {
            if (length > Rest.Length || length < 0)
                throw Fault();
            var taken = Rest[..length];
            Rest = Rest[length..];
            return taken;
        }

        public byte Byte() => Take(1)[0];

        public int Number()
        {
            var value = 0u;
            for (var shift = 0; ; shift += 7)
            {
                var next = Byte();
                if (shift == 28 && next > 7)
                    throw Fault();
                value |= (uint)(next & 0x7F) << shift;
                if (next < 0x80)
                    return (int)value;
            }
        }

        public ReadOnlySpan<byte> Bytes() => Take(Number());
    }
}
