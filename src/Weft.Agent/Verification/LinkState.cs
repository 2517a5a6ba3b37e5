using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Weft.Addressing;
using Weft.Agent.Linux;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verification;

/// <summary>An interface as it is in the namespace of the calling thread.</summary>
/// <param name="Mac">Its six bytes; empty where it is no Ethernet.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record LinkState(
    string Name,
    int Index,
    ImmutableArray<byte> Mac,
    bool IsUp,
    bool HasCarrier,
    int Mtu,
    ImmutableArray<(Address Address, int Length)> Addresses
)
{
    // IFA_F_DADFAILED of linux/if_addr.h.
    private const int DuplicateFound = 0x08;

    /// <summary>Its IPv6 addresses that the kernel itself found at another host.</summary>
    public ImmutableArray<Address> KnownDuplicates { get; init; } = [];

    /// <summary>All interfaces of the calling thread's namespace.</summary>
    public static Dictionary<string, LinkState> ReadAll()
    {
        var (links, addresses) = ReadInterfaceAddresses();
        var duplicates = ReadDuplicates();
        return links.ToDictionary(
            l => l.Name,
            l =>
                l with
                {
                    Addresses = [.. addresses.Where(a => a.Name == l.Name).Select(a => (a.Address, a.Length))],
                    KnownDuplicates = [.. duplicates.Where(d => d.Name == l.Name).Select(d => d.Address)],
                },
            StringComparer.Ordinal
        );
    }

    /// <summary>What getifaddrs(3) has: an entry for each interface, and one for each address.</summary>
    private static unsafe (
        IReadOnlyCollection<LinkState> Links,
        List<InterfaceAddress> Addresses
    ) ReadInterfaceAddresses()
    {
        SystemCalls.InterfaceAddress* first;
        if (SystemCalls.GetAddresses(&first) != 0)
            throw SystemCalls.LastError("read the interfaces");
        var links = new Dictionary<string, LinkState>(StringComparer.Ordinal);
        var addresses = new List<InterfaceAddress>();
        try
        {
            for (var each = first; each is not null; each = each->Next)
            {
                // 'eth0:1' is a label of eth0's address.
                var name = Marshal.PtrToStringUTF8((nint)each->Name)!.Split(':')[0];
                if (each->Address is null)
                    continue;
                if (*(ushort*)each->Address == SystemCalls.Packet)
                    links[name] = ReadLink(name, each);
                else if (ReadAddress(name, each) is { } address)
                    addresses.Add(address);
            }
        }
        finally
        {
            SystemCalls.FreeAddresses(first);
        }

        return (links.Values, addresses);
    }

    // Its address is a sockaddr_ll (packet(7)).
    private static unsafe LinkState ReadLink(string name, SystemCalls.InterfaceAddress* entry)
    {
        var length = entry->Address[11];
        return new LinkState(
            name,
            *(int*)(entry->Address + 4),
            length == 6 ? [.. new ReadOnlySpan<byte>(entry->Address + 12, 6)] : [],
            (entry->Flags & SystemCalls.FlagUp) != 0,
            (entry->Flags & SystemCalls.FlagLowerUp) != 0,
            MtuOf(name),
            []
        );
    }

    // Its address is a sockaddr_in or sockaddr_in6; other families are skipped.
    private static unsafe InterfaceAddress? ReadAddress(string name, SystemCalls.InterfaceAddress* entry)
    {
        var bytes = entry->Address;
        switch (*(ushort*)bytes)
        {
            case SystemCalls.Inet:
                var v4 = BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(bytes + 4, 4));
                return new(name, new Address(AddressFamily.IPv4, v4), PrefixLengthOf(entry->Mask + 4, 4));
            case SystemCalls.Inet6:
                var v6 = BinaryPrimitives.ReadUInt128BigEndian(new ReadOnlySpan<byte>(bytes + 8, 16));
                return new(name, new Address(AddressFamily.IPv6, v6), PrefixLengthOf(entry->Mask + 8, 16));
            default:
                return null;
        }
    }

    private static unsafe int PrefixLengthOf(byte* mask, int count)
    {
        var ones = 0;
        for (var i = 0; i < count; i++)
            ones += BitOperations.PopCount(mask[i]);
        return ones;
    }

    private static unsafe int MtuOf(string name)
    {
        var descriptor = SystemCalls.Socket(SystemCalls.Inet, SystemCalls.Datagram | SystemCalls.CloseOnExec, 0);
        if (descriptor < 0)
            throw SystemCalls.LastError("open a socket");
        try
        {
            // struct ifreq: 16 bytes of name, then a union of 24.
            var request = stackalloc byte[40];
            new Span<byte>(request, 40).Clear();
            Encoding.ASCII.GetBytes(
                name.AsSpan(0, Math.Min(InterfaceName.MaxLength, name.Length)),
                new Span<byte>(request, InterfaceName.MaxLength)
            );
            return SystemCalls.Control(descriptor, SystemCalls.GetMtu, request) == 0 ? *(int*)(request + 16) : 0;
        }
        finally
        {
            _ = SystemCalls.Close(descriptor);
        }
    }

    /// <summary>The addresses that duplicate address detection of the kernel has found taken.</summary>
    private static List<(string Name, Address Address)> ReadDuplicates()
    {
        // The thread's own namespace: /proc/net is the process's.
        const string File = "/proc/thread-self/net/if_inet6";
        var found = new List<(string, Address)>();
        if (!System.IO.File.Exists(File))
            return found;
        foreach (var line in System.IO.File.ReadAllLines(File))
        {
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (
                parts.Length == 6
                && int.TryParse(parts[4], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var flags)
                && (flags & DuplicateFound) != 0
            )
                found.Add(
                    (
                        parts[5],
                        new Address(
                            AddressFamily.IPv6,
                            UInt128.Parse(parts[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                        )
                    )
                );
        }

        return found;
    }

    private sealed record InterfaceAddress(string Name, Address Address, int Length);
}
