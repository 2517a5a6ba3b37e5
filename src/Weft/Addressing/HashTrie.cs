using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Weft.Addressing;

/// <summary>By what the objects of a <see cref="HashTrie{T, TKey}"/> are found.</summary>
internal interface IHashKey<in T>
{
    /// <summary>The hash of an object, always the same. Those whose upper bits are the same stand together.</summary>
    static abstract ulong HashOf(T item);

    /// <summary>Whether one may not be in a set beside another that has the same hash.</summary>
    static abstract bool IsSame(T one, T other);
}

/// <summary>
/// A set of objects by hashes of 64 bits, as a value that can be edited in place by whoever has its owner token: nodes that
/// another token has made are copied before they are changed, so a set that was handed out never changes. Extendible
/// hashing: a branch of 16 points at buckets, several of its places at one; a bucket that is full is split by its next bit.
/// </summary>
/// <remarks>The root is the caller's to keep; null stands for the empty set.</remarks>
internal static class HashTrie<T, TKey>
    where T : class
    where TKey : struct, IHashKey<T>
{
    private const int WayBits = 4;

    // Beyond these bits two hashes are taken to be the same: their buckets are a chain.
    private const int MaxDepth = 60;

    /// <summary>Adds an object.</summary>
    /// <returns>What stands there that is the same, which stays alone; null where it was added.</returns>
    public static T? TryAdd(ref object? root, object owner, T item)
    {
        var hash = TKey.HashOf(item);
        root ??= new HashNode(owner, 0);
        ref var place = ref root;
        HashNode? parent = null;
        var depth = 0;
        while (true)
        {
            var node = HashNode.Of(place)!;
            if (node.IsBranch)
            {
                if (node.Owner != owner)
                    place = node = node.Copy(owner);
                parent = node;
                place = ref node.Slots[SlotOf(hash, depth)];
                depth += WayBits;
                continue;
            }

            if (FindSame(node, hash, item) is { } there)
                return there;
            if (node.Count < SixteenSlots.Count || node.Depth >= MaxDepth)
            {
                Own(ref place, parent, owner, depth - WayBits, hash).Append(owner, (byte)hash, item);
                return null;
            }

            if (node.Depth < depth)
                Split(parent!, owner, node, depth - WayBits, hash);
            else
                place = HashNode.CreateBranch(owner, node);
        }
    }

    /// <summary>Puts an object in the place of one with the same hash.</summary>
    /// <returns>False where that one isn't there.</returns>
    public static bool TryReplace(ref object? root, object owner, T old, T item)
    {
        if (!TryOwn(ref root, owner, old, out var bucket, out var index))
            return false;
        bucket.Slots[index] = item;
        return true;
    }

    /// <summary>Removes an object.</summary>
    /// <returns>False where it isn't there.</returns>
    public static bool TryRemove(ref object? root, object owner, T item)
    {
        if (!TryOwn(ref root, owner, item, out var bucket, out var index))
            return false;
        bucket.RemoveAt(index);
        // Buckets that have become empty stay: those of hashes fill again.
        if (bucket.Count == 0 && bucket.Next is null && ReferenceEquals(root, bucket))
            root = null;
        return true;
    }

    /// <summary>The objects of a hash.</summary>
    public static Matches Find(object? root, ulong hash) => new(BucketOf(root, hash), hash);

    /// <summary>All objects, in no order.</summary>
    public static IEnumerable<T> All(object? root) => Under(HashNode.Of(root), 0, 0, 0);

    /// <summary>The objects whose hashes begin with 32 bits.</summary>
    public static IEnumerable<T> StartingWith(object? root, uint high) => Under(HashNode.Of(root), 0, high, 32);

    private static IEnumerable<T> Under(HashNode? node, int depth, uint high, int bits)
    {
        if (node?.IsBranch == true)
        {
            HashNode? last = null;
            var known = Math.Clamp(bits - depth, 0, WayBits);
            var first = (SlotOf((ulong)high << 32, depth) >> (WayBits - known)) << (WayBits - known);
            for (var slot = first; slot < first + (1 << (WayBits - known)); slot++)
            {
                if (ReferenceEquals(last, node.Slots[slot]))
                    continue;
                last = HashNode.Of(node.Slots[slot]);
                foreach (var item in Under(last, depth + WayBits, high, bits))
                    yield return item;
            }

            yield break;
        }

        for (var bucket = node; bucket is not null; bucket = bucket.Next)
        {
            for (var i = 0; i < bucket.Count; i++)
            {
                var item = Unsafe.As<T>(bucket.Slots[i]!);
                if (bits == 0 || (uint)(TKey.HashOf(item) >> 32) == high)
                    yield return item;
            }
        }
    }

    private static int SlotOf(ulong hash, int depth) => (int)((hash << depth) >> (64 - WayBits));

    private static HashNode? BucketOf(object? root, ulong hash)
    {
        var node = HashNode.Of(root);
        for (var left = hash; node?.IsBranch == true; left <<= WayBits)
            node = HashNode.Of(node.Slots[(int)(left >> (64 - WayBits))]);
        return node;
    }

    private static T? FindSame(HashNode? bucket, ulong hash, T item)
    {
        foreach (var found in new Matches(bucket, hash))
        {
            if (TKey.IsSame(found, item))
                return found;
        }

        return null;
    }

    /// <summary>The bucket of an object and all on the way to it, as the owner's own; nothing is copied where it isn't there.</summary>
    private static bool TryOwn(ref object? root, object owner, T item, out HashNode bucket, out int index)
    {
        var hash = TKey.HashOf(item);
        bucket = BucketOf(root, hash)!;
        index = bucket?.IndexOf((byte)hash, item) ?? -1;
        if (index < 0)
            return bucket?.Next is not null && TryOwnInChain(ref root, owner, item, out bucket, out index);
        if (bucket!.Owner == owner)
            return true;
        bucket = OwnBucket(ref root, owner, hash);
        return true;
    }

    private static bool TryOwnInChain(ref object? root, object owner, T item, out HashNode bucket, out int index)
    {
        for (
            bucket = OwnBucket(ref root, owner, TKey.HashOf(item));
            ;
            bucket = bucket.Next = bucket.Next.Owner == owner ? bucket.Next : bucket.Next.Copy(owner)
        )
        {
            index = bucket.IndexOf((byte)TKey.HashOf(item), item);
            if (index >= 0 || bucket.Next is null)
                return index >= 0;
        }
    }

    private static HashNode OwnBucket(ref object? root, object owner, ulong hash)
    {
        ref var place = ref root;
        HashNode? parent = null;
        for (var depth = 0; ; depth += WayBits)
        {
            var node = HashNode.Of(place)!;
            if (!node.IsBranch)
                return Own(ref place, parent, owner, depth - WayBits, hash);
            if (node.Owner != owner)
                place = node = node.Copy(owner);
            parent = node;
            place = ref node.Slots[SlotOf(hash, depth)];
        }
    }

    /// <param name="place">Where the bucket stands.</param>
    /// <param name="parent">The branch that it stands in; null for the root.</param>
    /// <param name="depth">That of the branch.</param>
    private static HashNode Own(ref object? place, HashNode? parent, object owner, int depth, ulong hash)
    {
        var bucket = HashNode.Of(place)!;
        if (bucket.Owner == owner)
            return bucket;
        var copy = bucket.Copy(owner);
        if (parent is null)
            place = copy;
        else
            PlacesOf(parent, bucket, depth, hash).Fill(copy);
        return copy;
    }

    private static void Split(HashNode parent, object owner, HashNode bucket, int depth, ulong hash)
    {
        var (zeros, ones) = (new HashNode(owner, bucket.Depth + 1), new HashNode(owner, bucket.Depth + 1));
        for (var i = 0; i < bucket.Count; i++)
        {
            var of = TKey.HashOf(Unsafe.As<T>(bucket.Slots[i]!));
            (((of >> (63 - bucket.Depth)) & 1) == 0 ? zeros : ones).Append(owner, (byte)of, bucket.Slots[i]!);
        }

        var places = PlacesOf(parent, bucket, depth, hash);
        places[..(places.Length / 2)].Fill(zeros);
        places[(places.Length / 2)..].Fill(ones);
    }

    /// <summary>The places that point at the bucket of a hash: as many as it has fewer bits than the branch.</summary>
    private static Span<object?> PlacesOf(HashNode parent, HashNode bucket, int depth, ulong hash)
    {
        var run = 1 << (depth + WayBits - bucket.Depth);
        return ((Span<object?>)parent.Slots).Slice(SlotOf(hash, depth) & ~(run - 1), run);
    }

    /// <summary>The objects of one bucket whose hashes are the one that was asked for.</summary>
    internal struct Matches
    {
        private readonly ulong _hash;
        private HashNode? _bucket;
        private uint _left;
        private T? _current;

        internal Matches(HashNode? bucket, ulong hash)
        {
            (_bucket, _hash) = (bucket, hash);
            _left = bucket?.Like((byte)hash) ?? 0;
        }

        /// <summary>The object.</summary>
        public readonly T Current => _current!;

        /// <summary>Goes on to the next.</summary>
        public bool MoveNext()
        {
            while (_bucket is not null)
            {
                while (_left != 0)
                {
                    var item = Unsafe.As<T>(_bucket.Slots[BitOperations.TrailingZeroCount(_left)]!);
                    _left &= _left - 1;
                    if (TKey.HashOf(item) != _hash)
                        continue;
                    _current = item;
                    return true;
                }

                _bucket = _bucket.Next;
                _left = _bucket?.Like((byte)_hash) ?? 0;
            }

            return false;
        }

        /// <summary>For <c>foreach</c>.</summary>
        public readonly Matches GetEnumerator() => this;
    }
}

/// <summary>
/// A node of a <see cref="HashTrie{T, TKey}"/>: a branch over others, or a bucket of some objects whose hashes begin alike.
/// </summary>
internal sealed class HashNode
{
    /// <summary>The places. Of a branch nodes, of a bucket objects.</summary>
    public SixteenSlots Slots;

    private readonly sbyte _depth;

    // The last eight bits of each object's hash: most of those that aren't meant are told without looking at them.
    private SixteenTags _tags;

    /// <summary>An empty bucket.</summary>
    /// <param name="depth">How many bits of their hashes all of it have in common.</param>
    public HashNode(object owner, int depth) => (Owner, _depth) = (owner, (sbyte)depth);

    /// <summary>Who may change it.</summary>
    public object Owner { get; }

    /// <summary>Whether it is a branch.</summary>
    public bool IsBranch => _depth < 0;

    /// <summary>How many bits of their hashes all of a bucket have in common.</summary>
    public int Depth => _depth;

    /// <summary>How many objects a bucket has, but for those in the next.</summary>
    public int Count { get; private set; }

    /// <summary>The next bucket of hashes that can't be told apart; null for almost all.</summary>
    public HashNode? Next { get; set; }

    /// <summary>What a place of a branch, or a root, holds. Tries put nothing else there.</summary>
    public static HashNode? Of(object? slot) => Unsafe.As<HashNode?>(slot);

    /// <summary>A branch whose places all point at one bucket.</summary>
    public static HashNode CreateBranch(object owner, HashNode all)
    {
        var branch = new HashNode(owner, -1);
        ((Span<object?>)branch.Slots).Fill(all);
        return branch;
    }

    /// <summary>The same, as another owner's own.</summary>
    public HashNode Copy(object owner) =>
        new(owner, _depth)
        {
            Slots = Slots,
            _tags = _tags,
            Count = Count,
            Next = Next,
        };

    /// <summary>A bit for each object whose hash ends in eight bits.</summary>
    public uint Like(byte tag) =>
        Vector128.Equals(Vector128.Create<byte>(_tags), Vector128.Create(tag)).ExtractMostSignificantBits()
        & ((1u << Count) - 1);

    /// <summary>Where an object stands; -1 where it doesn't.</summary>
    /// <param name="tag">The last eight bits of its hash.</param>
    public int IndexOf(byte tag, object item)
    {
        for (var left = Like(tag); left != 0; left &= left - 1)
        {
            var index = BitOperations.TrailingZeroCount(left);
            if (ReferenceEquals(Slots[index], item))
                return index;
        }

        return -1;
    }

    /// <summary>Adds an object to a bucket that is the owner's own.</summary>
    public void Append(object owner, byte tag, object item)
    {
        if (Count == SixteenSlots.Count)
        {
            Next =
                Next is null ? new HashNode(owner, _depth)
                : Next.Owner == owner ? Next
                : Next.Copy(owner);
            Next.Append(owner, tag, item);
            return;
        }

        Slots[Count] = item;
        _tags[Count] = tag;
        Count++;
    }

    /// <summary>Removes one of a bucket's objects; the last takes its place.</summary>
    public void RemoveAt(int index)
    {
        Count--;
        Slots[index] = Slots[Count];
        _tags[index] = _tags[Count];
        Slots[Count] = null;
    }

    [InlineArray(SixteenSlots.Count)]
    private struct SixteenTags
    {
        private byte _first;
    }
}
