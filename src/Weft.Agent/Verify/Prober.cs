using System.Collections.Immutable;
using Weft.Addressing;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verify;

/// <summary>Who was found at an address.</summary>
/// <param name="Mac">Their MAC address; null where nobody answered.</param>
/// <param name="IsDropped">Whether the node's own filter dropped the question.</param>
/// <param name="HeardAny">Whether any frame of that VLAN came in meanwhile, from whomever.</param>
internal sealed record Neighbour(byte[]? Mac, bool IsDropped, bool HeardAny);

/// <summary>How large a packet gets to a host and back.</summary>
/// <param name="Largest">The largest that does, in bytes; 0 where not even the least does.</param>
/// <param name="Named">The MTU that a router on the way named, or null.</param>
/// <param name="TooLong">Whether the interface itself takes no larger one.</param>
internal sealed record PathSize(int Largest, int? Named, bool TooLong);

/// <summary>Asks over one interface with frames of its own, past routing tables, caches and addresses of the node.</summary>
/// <param name="link">The interface, which must be Ethernet.</param>
/// <param name="own">The MAC addresses of this namespace: their answers are nobody else's.</param>
internal sealed class Prober(LinkState link, IReadOnlyCollection<string> own, ProbePace pace) : IDisposable
{
    // What every IPv4 host must take in one piece (RFC 1122 §3.3.2), and the least MTU of an IPv6 link (RFC 8200 §5).
    private const int LeastV4 = 576;
    private const int LeastV6 = 1280;

    private readonly PacketSocket _socket = PacketSocket.Open(link.Index);
    private readonly ushort _identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);
    private ushort _sequence;

    /// <summary>Looks for the owner of an address.</summary>
    /// <param name="source">An address of ours to ask from; null asks as a probe, which changes nobody's cache.</param>
    /// <param name="vlan">The tag to ask with, or null for none.</param>
    public Neighbour Find(Address target, Address? source, int? vlan = null)
    {
        var question = target.Family == AddressFamily.IPv4
            ? Frames.ArpRequest([.. link.Mac], source, target, vlan)
            : Frames.NeighbourSolicitation([.. link.Mac], source, target, vlan);
        if (vlan is not null)
            _socket.HearEveryVlan();
        var heard = false;
        for (var ask = 0; ask < pace.Asks; ask++)
        {
            if (_socket.Send(question) == Sent.Dropped)
                return new Neighbour(null, true, heard);
            var mac = _socket.Receive(pace.Answer, (frame, tag) =>
            {
                // Tag 0 is a priority and no VLAN (IEEE 802.1Q §6.9).
                if ((tag ?? 0) != (vlan ?? 0) || own.Contains(Text(frame.Span.Slice(6, 6))))
                    return null;
                heard = true;
                return Frames.Owner(frame.Span, target) is { } owner && !own.Contains(Text(owner)) ? owner : null;
            });
            if (mac is not null)
                return new Neighbour(mac, false, true);
        }

        return new Neighbour(null, false, heard);
    }

    /// <summary>Finds out how large a packet may be.</summary>
    /// <param name="wanted">The size that should pass, in bytes.</param>
    /// <returns>The largest that does, at most <paramref name="wanted"/>.</returns>
    public PathSize Measure(Address target, byte[] mac, Address source, int wanted)
    {
        int? named = null;
        var tooLong = false;
        if (Passes(wanted))
            return new PathSize(wanted, null, false);
        var low = Math.Min(wanted, target.Family == AddressFamily.IPv4 ? LeastV4 : LeastV6);
        if (!Passes(low))
            return new PathSize(0, named, tooLong);
        var high = wanted;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (Passes(middle))
                low = middle;
            else
                high = middle;
        }

        return new PathSize(low, named, tooLong);

        bool Passes(int size)
        {
            for (var echo = 0; echo < pace.Echoes; echo++)
            {
                var sequence = ++_sequence;
                var sent = _socket.Send(Frames.Echo([.. link.Mac], mac, source, target, size, _identifier, sequence));
                if (sent != Sent.Gone)
                {
                    tooLong |= sent == Sent.TooLong;
                    return false;
                }

                if (_socket.Receive(pace.Echo, (frame, _) => Frames.Answer(frame.Span, target, _identifier, sequence, size)) is not { } answer)
                    continue;
                named ??= answer.Mtu;
                return answer.IsWhole;
            }

            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>A MAC address as people write it.</summary>
    public static string Text(ReadOnlySpan<byte> mac) => string.Join(':', ImmutableArray.Create(mac).Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
}
