using Weft.Addressing;
using Weft.Agent.Linux;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verification;

/// <summary>Who was found at an address.</summary>
/// <param name="Mac">Their MAC address; null where nobody answered.</param>
/// <param name="IsDropped">Whether the node's own filter dropped the question.</param>
/// <param name="ReceivedAny">Whether any frame of that VLAN came in meanwhile, from whomever.</param>
internal sealed record Neighbour(byte[]? Mac, bool IsDropped, bool ReceivedAny);

/// <summary>How large a packet gets to a host and back.</summary>
/// <param name="Largest">The largest that does, in bytes; 0 where not even the least does.</param>
/// <param name="ReportedMtu">The MTU that a router on the way named, or null.</param>
/// <param name="TooLong">Whether the interface itself takes no larger one.</param>
internal sealed record PathMtu(int Largest, int? ReportedMtu, bool TooLong);

/// <summary>
/// Asks over one interface with frames of its own, past routing tables, caches and addresses of the node.
/// </summary>
/// <param name="link">The interface, which must be Ethernet.</param>
/// <param name="own">The MAC addresses of this namespace: their answers are nobody else's.</param>
internal sealed class NeighbourProber(LinkState link, IReadOnlyCollection<string> own, ProbeTimings timings)
    : IDisposable
{
    // What every IPv4 host must take in one piece (RFC 1122 §3.3.2), and the least MTU of an IPv6 link (RFC 8200 §5).
    private const int MinPacketV4 = 576;
    private const int MinPacketV6 = 1280;

    private readonly PacketSocket _socket = PacketSocket.Open(link.Index);
    private readonly ushort _identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);
    private ushort _sequence;

    /// <summary>Looks for the owner of an address.</summary>
    /// <param name="source">An address of ours to ask from; null asks as a probe, which changes nobody's cache.</param>
    /// <param name="vlan">The tag to ask with, or null for none.</param>
    public Neighbour Find(Address target, Address? source, int? vlan = null)
    {
        var question =
            target.Family == AddressFamily.IPv4
                ? Frames.ArpRequest([.. link.Mac], source, target, vlan)
                : Frames.NeighbourSolicitation([.. link.Mac], source, target, vlan);
        if (vlan is not null)
            _socket.ReceiveAllVlans();
        var heard = false;
        for (var ask = 0; ask < timings.NeighbourAttempts; ask++)
        {
            if (_socket.Send(question) == SendResult.Dropped)
                return new Neighbour(null, true, heard);
            var mac = _socket.Receive(
                timings.NeighbourTimeout,
                (frame, tag) =>
                {
                    // Tag 0 is a priority and no VLAN (IEEE 802.1Q §6.9).
                    if ((tag ?? 0) != (vlan ?? 0) || own.Contains(MacAddress.Format(frame.Span.Slice(6, 6))))
                        return null;
                    heard = true;
                    return Frames.ParseOwner(frame.Span, target) is { } owner && !own.Contains(MacAddress.Format(owner))
                        ? owner
                        : null;
                }
            );
            if (mac is not null)
                return new Neighbour(mac, false, true);
        }

        return new Neighbour(null, false, heard);
    }

    /// <summary>Finds out how large a packet may be.</summary>
    /// <param name="wanted">The size that should pass, in bytes.</param>
    /// <returns>The largest that does, at most <paramref name="wanted"/>.</returns>
    public PathMtu Measure(Address target, byte[] mac, Address source, int wanted)
    {
        var search = new PathMtuSearch();
        bool Passes(int size) => TryEcho(target, mac, source, size, search);
        if (Passes(wanted))
            return new PathMtu(wanted, null, false);
        var low = Math.Min(wanted, target.Family == AddressFamily.IPv4 ? MinPacketV4 : MinPacketV6);
        if (!Passes(low))
            return new PathMtu(0, search.ReportedMtu, search.TooLong);
        var high = wanted;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (Passes(middle))
                low = middle;
            else
                high = middle;
        }

        return new PathMtu(low, search.ReportedMtu, search.TooLong);
    }

    /// <summary>Whether a packet of a size gets there and back in one piece.</summary>
    private bool TryEcho(Address target, byte[] mac, Address source, int size, PathMtuSearch search)
    {
        for (var echo = 0; echo < timings.EchoAttempts; echo++)
        {
            var sequence = ++_sequence;
            var request = Frames.EchoRequest([.. link.Mac], mac, source, target, size, _identifier, sequence);
            var result = _socket.Send(request);
            if (result != SendResult.Sent)
            {
                search.TooLong |= result == SendResult.TooLong;
                return false;
            }

            var answer = _socket.Receive(
                timings.EchoTimeout,
                (frame, _) => Frames.ParseEchoReply(frame.Span, target, _identifier, sequence, size)
            );
            if (answer is null)
                continue;
            search.ReportedMtu ??= answer.Mtu;
            return answer.IsComplete;
        }

        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>What the attempts so far have shown besides.</summary>
    private sealed class PathMtuSearch
    {
        public int? ReportedMtu { get; set; }

        public bool TooLong { get; set; }
    }
}
