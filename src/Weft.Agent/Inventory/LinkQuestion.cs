using System.Runtime.InteropServices;
using System.Text;

namespace Weft.Agent.Inventory;

/// <summary>
/// Asks netlink for all interfaces at once: for their kinds, and for the MAC addresses that hardware was made with, which a bond or a person may
/// have written over.
/// </summary>
/// <remarks>Source: rtnetlink(7), netlink(7); linux/netlink.h and linux/if_link.h for the numbers.</remarks>
internal static partial class LinkQuestion
{
    private const int Netlink = 16;
    private const int RawCloseOnExec = 3 | 0x80000;
    private const int Route = 0;
    private const int HeaderLength = 16;
    private const int LinkLength = 16;
    private const ushort NewLink = 16;
    private const ushort GetLink = 18;
    private const ushort Error = 2;
    private const ushort Done = 3;
    private const ushort RequestDump = 0x301;
    private const ushort Name = 3;
    private const ushort LinkData = 18;
    private const ushort Mask = 29;
    private const ushort PermanentAddress = 54;
    private const ushort Kind = 1;

    /// <summary>RTEXT_FILTER_SKIP_STATS: counters are most of an answer, and nobody wants them.</summary>
    private const uint WithoutCounters = 8;

    /// <summary>Larger than what the kernel puts into one part of a dump, which is 32 KiB at most.</summary>
    private const int PartLength = 64 * 1024;

    /// <summary>Asks.</summary>
    /// <returns>What is said of each interface, by name; none where netlink can't be asked.</returns>
    public static IReadOnlyDictionary<string, LinkFacts> Ask()
    {
        var facts = new Dictionary<string, LinkFacts>(StringComparer.Ordinal);
        var socket = Open(Netlink, RawCloseOnExec, Route);
        if (socket < 0)
            return facts;
        try
        {
            var question = Question();
            if (Send(socket, question, question.Length, 0) != question.Length)
                return facts;
            var part = new byte[PartLength];
            while (Receive(socket, part, part.Length, 0) is > 0 and var length && Read(part.AsSpan(0, (int)length), facts))
            {
            }

            return facts;
        }
        finally
        {
            _ = Close(socket);
        }
    }

    /// <summary>Reads one part of the answer.</summary>
    /// <param name="part">The part.</param>
    /// <param name="facts">Takes what is said.</param>
    /// <returns>Whether another part follows.</returns>
    internal static bool Read(ReadOnlySpan<byte> part, Dictionary<string, LinkFacts> facts)
    {
        while (part.Length >= HeaderLength)
        {
            var length = (int)MemoryMarshal.Read<uint>(part);
            var type = MemoryMarshal.Read<ushort>(part[4..]);
            if (length < HeaderLength || length > part.Length || type is Error or Done)
                return false;
            if (type == NewLink && length >= HeaderLength + LinkLength)
                Link(part[(HeaderLength + LinkLength)..length], facts);
            part = part[Math.Min(Aligned(length), part.Length)..];
        }

        return true;
    }

    private static void Link(ReadOnlySpan<byte> attributes, Dictionary<string, LinkFacts> facts)
    {
        string? name = null, kind = null, address = null;
        while (Next(ref attributes, out var type, out var value))
        {
            if (type == Name)
                name = Text(value);
            else if (type == PermanentAddress && value.Length == 6)
                address = string.Join(':', Convert.ToHexStringLower(value).Chunk(2).Select(pair => new string(pair)));
            else if (type == LinkData)
                kind = KindIn(value);
        }

        if (name is { Length: > 0 })
            facts[name] = new LinkFacts(kind, address);
    }

    private static string? KindIn(ReadOnlySpan<byte> nested)
    {
        while (Next(ref nested, out var type, out var value))
        {
            if (type == Kind)
                return Text(value);
        }

        return null;
    }

    private static bool Next(ref ReadOnlySpan<byte> attributes, out ushort type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (attributes.Length < 4 || MemoryMarshal.Read<ushort>(attributes) is var length && (length < 4 || length > attributes.Length))
            return false;
        // The two highest bits say how the value is written and are no part of the type.
        type = (ushort)(MemoryMarshal.Read<ushort>(attributes[2..]) & 0x3fff);
        value = attributes[4..length];
        attributes = attributes[Math.Min(Aligned(length), attributes.Length)..];
        return true;
    }

    private static byte[] Question()
    {
        var question = new byte[HeaderLength + LinkLength + 8];
        MemoryMarshal.Write(question.AsSpan(0), (uint)question.Length);
        MemoryMarshal.Write(question.AsSpan(4), GetLink);
        MemoryMarshal.Write(question.AsSpan(6), RequestDump);
        MemoryMarshal.Write(question.AsSpan(8), 1u);
        MemoryMarshal.Write(question.AsSpan(HeaderLength + LinkLength), (ushort)8);
        MemoryMarshal.Write(question.AsSpan(HeaderLength + LinkLength + 2), Mask);
        MemoryMarshal.Write(question.AsSpan(HeaderLength + LinkLength + 4), WithoutCounters);
        return question;
    }

    private static int Aligned(int length) => (length + 3) & ~3;

    private static string Text(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value.TrimEnd((byte)0));

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Open(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte[] bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, byte[] bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int socket);
}
