namespace Weft.Addressing;

/// <summary>
/// A set of objects by hashes of 64 bits, as a value that can be edited in place by whoever has its owner token: nodes that
/// another token has made are copied before they are changed, so a set that was handed out never changes. Extendible
/// hashing: a branch of 16 points at buckets, several of its slots at one; a bucket that is full is split by its next bit.
/// </summary>
/// <remarks>The root is the caller's to keep; null stands for the empty set.</remarks>
internal static class HashTrie<T>
    where T : class
{
    private const int BranchBits = 4;
    private const int BucketSize = 16;

    // Beyond these bits two hashes are taken to be the same: their bucket grows.
    private const int MaxDepth = 60;

    /// <summary>Adds an object, which must not be there.</summary>
    public static void Add(ref object? root, object owner, ulong hash, T item)
    {
        root ??= new Bucket(owner, 0);
        Add(ref root!, owner, 0, hash, item);
    }

    /// <summary>Puts an object in the place of one with the same hash.</summary>
    public static void Replace(ref object? root, object owner, ulong hash, T old, T item)
    {
        var bucket = Own(ref root, owner, hash);
        bucket.Items[bucket.IndexOf(old)] = item;
    }

    /// <summary>Removes an object that is there.</summary>
    public static void Remove(ref object? root, object owner, ulong hash, T item)
    {
        var bucket = Own(ref root, owner, hash);
        bucket.RemoveAt(bucket.IndexOf(item));
        // Buckets that have become empty stay: those of hashes fill again.
        if (bucket.Count == 0 && ReferenceEquals(root, bucket))
            root = null;
    }

    /// <summary>The objects of a hash, and maybe others that the caller tells apart.</summary>
    public static Matches Find(object? root, ulong hash)
    {
        var (node, depth) = (root, 0);
        while (node is Branch branch)
        {
            node = branch.Slots[SlotOf(hash, depth)];
            depth += BranchBits;
        }

        return new Matches(node as Bucket, hash);
    }

    /// <summary>All objects, in no order.</summary>
    public static IEnumerable<T> All(object? root) => Under(root, 0, 0, 0);

    /// <summary>The objects whose hashes begin with 32 bits.</summary>
    public static IEnumerable<T> StartingWith(object? root, uint high) => Under(root, 0, high, 32);

    private static IEnumerable<T> Under(object? node, int depth, uint high, int bits)
    {
        if (node is Bucket bucket)
        {
            for (var i = 0; i < bucket.Count; i++)
            {
                if (bits == 0 || (uint)(bucket.Hashes[i] >> 32) == high)
                    yield return bucket.Items[i]!;
            }
        }
        else if (node is Branch branch)
        {
            object? last = null;
            var known = Math.Clamp(bits - depth, 0, BranchBits);
            var first = (SlotOf((ulong)high << 32, depth) >> (BranchBits - known)) << (BranchBits - known);
            for (var slot = first; slot < first + (1 << (BranchBits - known)); slot++)
            {
                if (ReferenceEquals(last, branch.Slots[slot]))
                    continue;
                last = branch.Slots[slot];
                foreach (var item in Under(last, depth + BranchBits, high, bits))
                    yield return item;
            }
        }
    }

    private static int SlotOf(ulong hash, int depth) => (int)((hash << depth) >> (64 - BranchBits));

    private static void Add(ref object node, object owner, int depth, ulong hash, T item)
    {
        if (node is Branch found)
        {
            var branch = found.Owner == owner ? found : (Branch)(node = found.Copy(owner));
            var bucket = branch.Slots[SlotOf(hash, depth)] as Bucket;
            if (bucket is null)
                Add(ref branch.Slots[SlotOf(hash, depth)], owner, depth + BranchBits, hash, item);
            else if (bucket.Count < BucketSize || bucket.Depth >= MaxDepth)
                branch.Own(owner, bucket, depth, hash).Add(hash, item);
            else
            {
                if (bucket.Depth < depth + BranchBits)
                    branch.Split(owner, bucket, depth, hash);
                else
                    branch.Slots[SlotOf(hash, depth)] = new Branch(owner, bucket);
                Add(ref node, owner, depth, hash, item);
            }
        }
        else if (node is Bucket root)
        {
            if (root.Count >= BucketSize)
            {
                node = new Branch(owner, root);
                Add(ref node, owner, depth, hash, item);
                return;
            }

            var mine = root.Owner == owner ? root : (Bucket)(node = root.Copy(owner));
            mine.Add(hash, item);
        }
    }

    /// <summary>The bucket of a hash, and all on the way to it, as the owner's own.</summary>
    private static Bucket Own(ref object? node, object owner, ulong hash)
    {
        if (node is Bucket root)
            return root.Owner == owner ? root : (Bucket)(node = root.Copy(owner));
        var (found, depth) = ((Branch)node!, 0);
        var branch = found.Owner == owner ? found : (Branch)(node = found.Copy(owner));
        while (true)
        {
            ref var slot = ref branch.Slots[SlotOf(hash, depth)];
            if (slot is Bucket bucket)
                return branch.Own(owner, bucket, depth, hash);
            var next = (Branch)slot;
            branch = next.Owner == owner ? next : (Branch)(slot = next.Copy(owner));
            depth += BranchBits;
        }
    }

    /// <summary>The objects of one bucket whose hashes are the one that was asked for.</summary>
    internal struct Matches
    {
        private readonly Bucket? _bucket;
        private readonly ulong _hash;
        private int _at;

        internal Matches(object? bucket, ulong hash) => (_bucket, _hash, _at) = ((Bucket?)bucket, hash, -1);

        /// <summary>The object.</summary>
        public readonly T Current => _bucket!.Items[_at]!;

        /// <summary>Goes on to the next.</summary>
        public bool MoveNext()
        {
            if (_bucket is null)
                return false;
            var found = _bucket.Hashes.AsSpan(0, _bucket.Count)[(_at + 1)..].IndexOf(_hash);
            _at += found + 1;
            return found >= 0;
        }

        /// <summary>For <c>foreach</c>.</summary>
        public readonly Matches GetEnumerator() => this;
    }

    private sealed class Branch
    {
        public Branch(object owner, object[] slots) => (Owner, Slots) = (owner, slots);

        public Branch(object owner, Bucket all)
            : this(owner, new object[1 << BranchBits]) => Array.Fill(Slots, all);

        public object Owner { get; }

        public object[] Slots { get; }

        public Branch Copy(object owner) => new(owner, (object[])Slots.Clone());

        public Bucket Own(object owner, Bucket bucket, int depth, ulong hash)
        {
            if (bucket.Owner == owner)
                return bucket;
            var copy = bucket.Copy(owner);
            SlotsOf(bucket, depth, hash).Fill(copy);
            return copy;
        }

        public void Split(object owner, Bucket bucket, int depth, ulong hash)
        {
            var (zeros, ones) = (new Bucket(owner, bucket.Depth + 1), new Bucket(owner, bucket.Depth + 1));
            for (var i = 0; i < bucket.Count; i++)
                (((bucket.Hashes[i] >> (63 - bucket.Depth)) & 1) == 0 ? zeros : ones).Add(
                    bucket.Hashes[i],
                    bucket.Items[i]!
                );
            var slots = SlotsOf(bucket, depth, hash);
            slots[..(slots.Length / 2)].Fill(zeros);
            slots[(slots.Length / 2)..].Fill(ones);
        }

        /// <summary>The slots that point at the bucket of a hash: as many as it has fewer bits than the branch.</summary>
        private Span<object> SlotsOf(Bucket bucket, int depth, ulong hash)
        {
            var run = 1 << (depth + BranchBits - bucket.Depth);
            return Slots.AsSpan(SlotOf(hash, depth) & ~(run - 1), run);
        }
    }

    /// <summary>Some objects whose hashes begin alike.</summary>
    /// <param name="depth">How many bits of their hashes all of it have in common.</param>
    internal sealed class Bucket(object owner, int depth)
    {
        private const int Smallest = 4;

        public object Owner { get; } = owner;

        public int Depth { get; } = depth;

        public int Count { get; private set; }

        public ulong[] Hashes { get; private set; } = [];

        public T?[] Items { get; private set; } = [];

        public Bucket Copy(object owner) =>
            new(owner, Depth)
            {
                Count = Count,
                Hashes = (ulong[])Hashes.Clone(),
                Items = (T?[])Items.Clone(),
            };

        public int IndexOf(T item) => Items.AsSpan(0, Count).IndexOf(item);

        public void Add(ulong hash, T item)
        {
            if (Count == Hashes.Length)
            {
                var size = Math.Max(Smallest, Count * 2);
                var (hashes, items) = (Hashes, Items);
                Array.Resize(ref hashes, size);
                Array.Resize(ref items, size);
                (Hashes, Items) = (hashes, items);
            }

            Hashes[Count] = hash;
            Items[Count] = item;
            Count++;
        }

        public void RemoveAt(int index)
        {
            Count--;
            Hashes[index] = Hashes[Count];
            Items[index] = Items[Count];
            Items[Count] = null;
        }
    }
}
