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
    public static unsafe Dictionary<string, LinkState> ReadAll()
    {
        SystemCalls.InterfaceAddress* first;
        if (SystemCalls.GetAddresses(&first) != 0)
            throw SystemCalls.LastError("read the interfaces");
        var links = new Dictionary<string, LinkState>(StringComparer.Ordinal);
        var addresses = new List<(string Name, Address Address, int Length)>();
        try
        {
            for (var each = first; each is not null; each = each->Next)
            {
                // 'eth0:1' is a label of eth0's address.
                var name = Marshal.PtrToStringUTF8((nint)each->Name)!.Split(':')[0];
                if (each->Address is null)
                    continue;
                switch (*(ushort*)each->Address)
                {
                    case SystemCalls.Packet:
                        var length = each->Address[11];
                        links[name] = new LinkState(
                            name,
                            *(int*)(each->Address + 4),
                            length == 6 ? [.. new ReadOnlySpan<byte>(each->Address + 12, 6)] : [],
                            (each->Flags & SystemCalls.FlagUp) != 0,
                            (each->Flags & SystemCalls.FlagLowerUp) != 0,
                            MtuOf(name),
                            []
                        );
                        break;
                    case SystemCalls.Inet:
                        addresses.Add(
                            (
                                name,
                                new Address(
                                    AddressFamily.IPv4,
                                    BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(each->Address + 4, 4))
                                ),
                                PrefixLengthOf(each->Mask + 4, 4)
                            )
                        );
                        break;
                    case SystemCalls.Inet6:
                        addresses.Add(
                            (
                                name,
                                new Address(
                                    AddressFamily.IPv6,
                                    BinaryPrimitives.ReadUInt128BigEndian(new ReadOnlySpan<byte>(each->Address + 8, 16))
                                ),
                                PrefixLengthOf(each->Mask + 8, 16)
                            )
                        );
                        break;
                }
            }
        }
        finally
        {
            SystemCalls.FreeAddresses(first);
        }

        var duplicates = ReadDuplicates();
        return links.Values.ToDictionary(
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
}
