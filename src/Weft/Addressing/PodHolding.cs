using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Weft.Addressing;

/// <summary>
/// What a pod's interface has, packed: of the hundreds of thousands there are, so its texts are made when somebody asks.
/// One address of each family at most, all since the same time.
/// </summary>
internal sealed class PodHolding : Holding
{
    /// <summary>A UID is a UUID (Kubernetes, "Object Names and IDs").</summary>
    public const int UidLength = 16;

    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffffffZ";

    /// <summary>Of an interface or node, in UTF-16: three bytes each at most.</summary>
    private const int MaxTextLength = byte.MaxValue / 3;

    private readonly HolderPlace _place;

    // The container's id, as bytes where it is written in hexadecimal digits; behind it the pod's UID, as bytes too, where it
    // is known, and the pod's namespace and name.
    private readonly byte[] _texts;
    private readonly long _sinceTicks;
    private readonly ulong _ipv6High;
    private readonly ulong _ipv6Low;
    private readonly uint _ipv4;
    private readonly byte _containerLength;

    /// <param name="container">The container's id; as bytes, where <paramref name="traits"/> say so.</param>
    /// <param name="uid">The pod's UID: <see cref="UidLength"/> bytes, or none, as <paramref name="traits"/> say.</param>
    public PodHolding(
        HolderPlace place,
        ReadOnlySpan<byte> container,
        ReadOnlySpan<byte> uid,
        ReadOnlySpan<byte> pod,
        PodHoldingTraits traits,
        long sinceTicks,
        uint ipv4,
        UInt128 ipv6
    )
    {
        (_place, _sinceTicks, _ipv4) = (place, sinceTicks, ipv4);
        // Two halves: one number of 128 bits would be given room to stand at a multiple of 16.
        (_ipv6High, _ipv6Low) = ((ulong)(ipv6 >> 64), (ulong)ipv6);
        _texts = [.. container, .. uid, .. pod];
        _containerLength = (byte)container.Length;
        Traits = traits;
        Span<char> id = stackalloc char[MaxIdLength(place)];
        IdHash = IdHashOf(id[..WriteId(id)]);
        NameHash = HasName ? HashOfName(Name) : 0;
    }

    /// <inheritdoc/>
    public override HolderPlace Place => _place;

    /// <summary>What it has, and how it is packed.</summary>
    public PodHoldingTraits Traits { get; }

    /// <summary>The container's id as it is packed.</summary>
    public ReadOnlySpan<byte> Container => _texts.AsSpan(0, _containerLength);

    /// <summary>The pod's UID; empty where it isn't known.</summary>
    public ReadOnlySpan<byte> Uid => _texts.AsSpan(_containerLength, HasUid ? UidLength : 0);

    /// <summary>The pod's namespace and name in UTF-8; empty where the runtime didn't say.</summary>
    public ReadOnlySpan<byte> Pod => _texts.AsSpan(_containerLength + (HasUid ? UidLength : 0));

    /// <summary>Since when it has its addresses, in ticks of 100 ns since the year 1, UTC.</summary>
    public long SinceTicks => _sinceTicks;

    /// <summary>Its IPv4 address, where it has one.</summary>
    public uint IPv4 => _ipv4;

    /// <summary>Its IPv6 address, where it has one.</summary>
    public UInt128 IPv6 => new(_ipv6High, _ipv6Low);

    /// <inheritdoc/>
    public override int Count => Traits.HasFlag(PodHoldingTraits.HasIPv4 | PodHoldingTraits.HasIPv6) ? 2 : 1;

    /// <inheritdoc/>
    public override Holder Holder =>
        AddressHolders.OfPod(
            _place.Cluster,
            _place.ClusterKey,
            _place.ClusterName,
            ContainerText,
            _place.Interface,
            HasName ? Encoding.UTF8.GetString(Pod) : null,
            _place.Node
        ) with
        {
            PodUid = HasUid ? new Guid(Uid, bigEndian: true).ToString() : null,
        };

    private bool HasUid => Traits.HasFlag(PodHoldingTraits.HasUid);

    private bool HasName => Traits.HasFlag(PodHoldingTraits.HasName);

    private string ContainerText =>
        Traits.HasFlag(PodHoldingTraits.IsHexadecimal)
            ? Convert.ToHexStringLower(Container)
            : Encoding.UTF8.GetString(Container);

    /// <summary>The pod's name without its namespace.</summary>
    private ReadOnlySpan<byte> Name => Pod[(Pod.LastIndexOf((byte)'/') + 1)..];

    /// <summary>A hash of a pod's name, without its namespace; never 0, and another one in each process.</summary>
    public static uint HashOfName(ReadOnlySpan<byte> name)
    {
        Span<char> text = stackalloc char[Math.Min(name.Length, 512)];
        // What is longer than names may be is found by looking at it.
        return (uint)
                string.GetHashCode(
                    text[..Encoding.UTF8.GetChars(name[..text.Length], text)],
                    StringComparison.OrdinalIgnoreCase
                ) | 1;
    }

    /// <inheritdoc/>
    public override bool IsOf(ReadOnlySpan<char> holderId)
    {
        Span<char> id = stackalloc char[MaxIdLength(_place)];
        return holderId.SequenceEqual(id[..WriteId(id)]);
    }

    /// <inheritdoc/>
    public override bool IsOfHolderOf(Holding other)
    {
        if (other is not PodHolding pod)
            return base.IsOfHolderOf(other);
        // The parts that an id is made of. What is packed in one way can't be written in the other.
        var isPackedAlike = ((Traits ^ pod.Traits) & PodHoldingTraits.IsHexadecimal) == 0;
        return isPackedAlike
            && Container.SequenceEqual(pod.Container)
            && (
                ReferenceEquals(_place, pod._place)
                || (_place.Interface == pod._place.Interface && _place.ClusterKey == pod._place.ClusterKey)
            );
    }

    /// <inheritdoc/>
    public override bool MayBeCalled(string word, Dictionary<HolderPlace, bool> known)
    {
        if (!known.TryGetValue(_place, out var hasWord))
            known[_place] = hasWord = _place.HasWord(word);
        return hasWord || word.Contains(' ', StringComparison.Ordinal) || !Ascii.IsValid(word) || ContainsAscii(word);
    }

    /// <inheritdoc/>
    public override Address AddressAt(int index) =>
        index == 0 && Traits.HasFlag(PodHoldingTraits.HasIPv4)
            ? new Address(AddressFamily.IPv4, _ipv4)
            : new Address(AddressFamily.IPv6, IPv6);

    /// <inheritdoc/>
    public override LeaseMethod MethodAt(int index) =>
        Traits.HasFlag(
            index == 0 && Traits.HasFlag(PodHoldingTraits.HasIPv4)
                ? PodHoldingTraits.IsIPv4Static
                : PodHoldingTraits.IsIPv6Static
        )
            ? LeaseMethod.Static
            : LeaseMethod.Dynamic;

    /// <inheritdoc/>
    public override string SinceAt(int index) =>
        new DateTimeOffset(_sinceTicks, TimeSpan.Zero).ToString(TimeFormat, CultureInfo.InvariantCulture);

    /// <summary>Packs what a pod has.</summary>
    /// <param name="leases">In the order of addresses.</param>
    /// <returns>Null where it can't be told from the packed form as it is.</returns>
    public static PodHolding? TryCreate(Holder holder, ImmutableArray<Lease> leases)
    {
        if (
            holder.Cluster is not { } cluster
            || holder.Claim is not null
            || !holder.With.IsEmpty
            || !AddressHolders.TryReadPod(holder, out var container, out var name, out var pod)
            || leases.Length > 2
            || (
                leases.Length == 2
                && (leases[0].Address.Family == leases[1].Address.Family || leases[0].Since != leases[1].Since)
            )
            || !TryReadTicks(leases[0].Since, out var ticks)
        )
            return null;
        var (traits, ipv4, ipv6) = (PodHoldingTraits.None, 0u, UInt128.Zero);
        foreach (var (address, _, method, _) in leases)
        {
            var isStatic = method == LeaseMethod.Static;
            if (address.Family == AddressFamily.IPv4)
            {
                ipv4 = (uint)address.Value;
                traits |= PodHoldingTraits.HasIPv4 | (isStatic ? PodHoldingTraits.IsIPv4Static : 0);
            }
            else
            {
                ipv6 = address.Value;
                traits |= PodHoldingTraits.HasIPv6 | (isStatic ? PodHoldingTraits.IsIPv6Static : 0);
            }
        }

        Span<byte> packed = stackalloc byte[byte.MaxValue];
        Span<byte> uid = stackalloc byte[UidLength];
        if (
            !TryPack(container, packed, out var length, ref traits)
            || name.Length > MaxTextLength
            || holder.Node?.Length > MaxTextLength
            || !TryReadUid(holder.PodUid, ref uid, ref traits)
        )
            return null;
        if (!pod.IsEmpty)
            traits |= PodHoldingTraits.HasName;
        return new PodHolding(
            HolderPlace.Shared(cluster, holder.Node, name),
            packed[..length],
            uid,
            Encoding.UTF8.GetBytes(pod.ToString()),
            traits,
            ticks,
            ipv4,
            ipv6
        );
    }

    private bool ContainsAscii(string word)
    {
        var text = HasName ? Pod : Container;
        if (!HasName && Traits.HasFlag(PodHoldingTraits.IsHexadecimal))
            return true;
        for (var at = 0; at + word.Length <= text.Length; at++)
        {
            if (Ascii.EqualsIgnoreCase(text.Slice(at, word.Length), word))
                return true;
        }

        return false;
    }

    /// <returns>False for a container's id that has no room.</returns>
    private static bool TryPack(
        ReadOnlySpan<char> container,
        Span<byte> packed,
        out int length,
        ref PodHoldingTraits traits
    )
    {
        if (
            Convert.FromHexString(container, packed, out _, out length) is not System.Buffers.OperationStatus.Done
            || container.ContainsAnyInRange('A', 'F')
        )
            return Encoding.UTF8.TryGetBytes(container, packed, out length);
        traits |= PodHoldingTraits.IsHexadecimal;
        return true;
    }

    /// <returns>False for a UID that wouldn't be written the same from its bytes.</returns>
    private static bool TryReadUid(string? text, ref Span<byte> uid, ref PodHoldingTraits traits)
    {
        if (text is null)
        {
            uid = default;
            return true;
        }

        traits |= PodHoldingTraits.HasUid;
        return Guid.TryParseExact(text, "D", out var value)
            && value.ToString() == text
            && value.TryWriteBytes(uid, bigEndian: true, out _);
    }

    private static bool TryReadTicks(string text, out long ticks)
    {
        var isRead = DateTimeOffset.TryParseExact(
            text,
            TimeFormat,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out var time
        );
        ticks = time.UtcTicks;
        return isRead;
    }

    private int MaxIdLength(HolderPlace place) =>
        AddressHolders.PodPrefix.Length + place.ClusterKey.Length + place.Interface.Length + (2 * _containerLength) + 2;

    private int WriteId(Span<char> id)
    {
        var at = 0;
        Append(id, ref at, AddressHolders.PodPrefix);
        Append(id, ref at, _place.ClusterKey);
        id[at++] = '#';
        if (Traits.HasFlag(PodHoldingTraits.IsHexadecimal))
        {
            _ = Convert.TryToHexStringLower(Container, id[at..], out var digits);
            at += digits;
        }
        else
            at += Encoding.UTF8.GetChars(Container, id[at..]);
        id[at++] = '#';
        Append(id, ref at, _place.Interface);
        return at;
    }

    private static void Append(Span<char> id, ref int at, string text)
    {
        text.CopyTo(id[at..]);
        at += text.Length;
    }
}

/// <summary>What a packed holding has.</summary>
[Flags]
internal enum PodHoldingTraits : byte
{
    None = 0,
    HasIPv4 = 1,
    HasIPv6 = 2,
    IsIPv4Static = 4,
    IsIPv6Static = 8,

    /// <summary>The container's id is an even number of lower-case hexadecimal digits, and kept as the bytes they stand for.</summary>
    IsHexadecimal = 16,

    /// <summary>The runtime said which pod it is.</summary>
    HasName = 32,

    /// <summary>It said the pod's UID, too.</summary>
    HasUid = 64,
}
