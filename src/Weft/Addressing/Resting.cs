using System.Text;

namespace Weft.Addressing;

/// <summary>An address that was given up and isn't picked again yet.</summary>
/// <param name="ended">Who had it.</param>
internal sealed class Rest(Holding ended, Address address, EndTime end)
{
    /// <summary>Who had it: the record that ended.</summary>
    public Holding Ended => ended;

    /// <summary>The address.</summary>
    public Address Address => address;

    /// <summary>When it was given up.</summary>
    public EndTime End => end;

    /// <summary>A hash of whose it was: <see cref="LeaseOwner.HashOf"/>.</summary>
    public ulong OwnerHash { get; } = LeaseOwner.HashOf(ended.Holder);

    /// <summary>Its place in line, which is for <see cref="Resting"/> to say.</summary>
    public long Place { get; set; }
}

/// <summary>
/// What rests of one network, in the order in which it was given up: cooling, and behind that what is kept for an owner that
/// may come again. Found by who had it. A value that is edited in place as <see cref="Holdings"/> are; every step costs the
/// same however much rests.
/// </summary>
internal sealed class Resting
{
    /// <summary>
    /// The most that cool in one family of a network: some 80 MB. Beyond, who rests longest is free early. The default bounds
    /// on leases (2,000 a second for a cluster) come to half of it in a minute.
    /// </summary>
    public const int MaxPerFamily = 1 << 18;

    /// <summary>Nothing rests.</summary>
    public static readonly Resting Empty = new();

    private Line _ipv4;
    private Line _ipv6;
    private Line _keptIPv4;
    private Line _keptIPv6;
    private object? _byOwner;
    private object? _owner;
    private long _last;

    private Resting() { }

    /// <summary>Whether nothing rests.</summary>
    public bool IsEmpty => _ipv4.Count + _ipv6.Count + _keptIPv4.Count + _keptIPv6.Count == 0;

    /// <summary>How many addresses of a family cool, those among them whose time is up and that nobody has looked at since.</summary>
    public int CountCooling(AddressFamily family) => LineOf(family, false).Count;

    /// <summary>How many addresses of a family are kept for owners that are gone.</summary>
    public int CountKept(AddressFamily family) => LineOf(family, true).Count;

    /// <summary>What cools of a family, the longest first.</summary>
    public IEnumerable<Rest> Cooling(AddressFamily family) => LineOf(family, false).All;

    /// <summary>What was given up last of what cools of a family; null where nothing does.</summary>
    public Rest? LastCooling(AddressFamily family) => LineOf(family, false).Last;

    /// <summary>What is kept of a family, the longest first.</summary>
    public IEnumerable<Rest> Kept(AddressFamily family) => LineOf(family, true).All;

    /// <summary>What the same owner gave up of a family: the same pod's interface by name, or else the same holder.</summary>
    /// <returns>The last of it; null where nothing of it rests.</returns>
    public Rest? FindOf(Holder holder, AddressFamily family)
    {
        Rest? found = null;
        foreach (var rest in HashTrie<Rest, OwnerKey>.Find(_byOwner, LeaseOwner.HashOf(holder)))
        {
            if (
                rest.Address.Family == family
                && (found is null || rest.Place > found.Place)
                && LeaseOwner.IsSame(rest.Ended.Holder, holder)
            )
                found = rest;
        }

        return found;
    }

    /// <summary>The same, to be edited in place by who has the token; this one stays as it is.</summary>
    public Resting Open(object owner)
    {
        var open = (Resting)MemberwiseClone();
        open._owner = owner;
        return open;
    }

    /// <summary>Ends editing.</summary>
    /// <returns>Itself, which doesn't change any more.</returns>
    public Resting Close()
    {
        _owner = null;
        return this;
    }

    /// <summary>Puts one at the end of the line, in an open one.</summary>
    public void Add(Rest rest)
    {
        rest.Place = ++_last;
        LineOf(rest.Address.Family, false).Put(Token, rest);
        _ = HashTrie<Rest, OwnerKey>.TryAdd(ref _byOwner, Token, rest);
    }

    /// <summary>Takes one out, in an open one.</summary>
    public void Remove(Rest rest)
    {
        if (!LineOf(rest.Address.Family, false).Take(Token, rest))
            _ = LineOf(rest.Address.Family, true).Take(Token, rest);
        _ = HashTrie<Rest, OwnerKey>.TryRemove(ref _byOwner, Token, rest);
    }

    /// <summary>Keeps one that has cooled for its owner, in an open one.</summary>
    public void Keep(Rest rest)
    {
        if (LineOf(rest.Address.Family, false).Take(Token, rest))
            LineOf(rest.Address.Family, true).Put(Token, rest);
    }

    private object Token => _owner ?? throw new InvalidOperationException("this is closed");

    private ref Line LineOf(AddressFamily family, bool isKept)
    {
        if (family == AddressFamily.IPv4)
            return ref isKept ? ref _keptIPv4 : ref _ipv4;
        return ref isKept ? ref _keptIPv6 : ref _ipv6;
    }

    /// <summary>By who had it, who may have had several.</summary>
    private readonly struct OwnerKey : IHashKey<Rest>
    {
        public static ulong HashOf(Rest item) => item.OwnerHash;

        public static bool IsSame(Rest one, Rest other) => ReferenceEquals(one, other);
    }

    // A tree over numbers finds the first as it finds an address.
    private struct Line
    {
        private object? _root;

        public int Count { get; private set; }

        public readonly IEnumerable<Rest> All => AddressTree<Rest>.From(_root, 0).Select(item => item.Item);

        public Rest? Last { get; private set; }

        public void Put(object token, Rest rest)
        {
            AddressTree<Rest>.Set(ref _root, token, (UInt128)rest.Place, rest);
            Count++;
            Last = rest;
        }

        public bool Take(object token, Rest rest)
        {
            if (!ReferenceEquals(AddressTree<Rest>.Find(_root, (UInt128)rest.Place), rest))
                return false;
            AddressTree<Rest>.Remove(ref _root, token, (UInt128)rest.Place);
            Count--;
            return true;
        }
    }
}

/// <summary>
/// Who is the same owner across lives: a pod's interface by cluster, claim or namespace and name, and interface; a machine or node, and a
/// pod without a name, by the holder's id.
/// </summary>
internal static class LeaseOwner
{
    /// <summary>A hash of an owner; another one in each process.</summary>
    public static ulong HashOf(Holder holder) =>
        (holder.Claim ?? holder.Pod) is { } pod
            ? HolderPlace.Spread(PodHolding.HashOfName(Encoding.UTF8.GetBytes(pod)))
            : Holding.HashOf(holder.Id);

    /// <summary>Whether two holders are of one owner.</summary>
    public static bool IsSame(Holder one, Holder other) =>
        one.Id == other.Id
        || (
            (one.Claim ?? one.Pod) is { } pod
            && pod == (other.Claim ?? other.Pod)
            && (one.Claim is null) == (other.Claim is null)
            && one.Owner.Equals(other.Owner, StringComparison.OrdinalIgnoreCase)
            && InterfaceOf(one).SequenceEqual(InterfaceOf(other))
        );

    private static ReadOnlySpan<char> InterfaceOf(Holder holder) => holder.Id.AsSpan(holder.Id.LastIndexOf('#') + 1);
}
