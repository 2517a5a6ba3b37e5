using System.Numerics;
using System.Runtime.CompilerServices;

namespace Weft.Addressing;

/// <summary>
/// What stands at which address of one family, and which addresses nothing stands at: a radix tree of 16 ways, with one bit
/// per address in its leaves and one per full subtree above them, so that a free one is found without walking. A value that
/// can be edited in place by whoever has its owner token, as <see cref="HashTrie{T, TKey}"/> is.
/// </summary>
/// <remarks>
/// Branches that would have one child are left out. The root is the caller's to keep; null stands for the empty tree.
/// </remarks>
internal static class AddressTree<T>
    where T : class
{
    /// <summary>What stands at an address.</summary>
    /// <returns>Null where nothing does.</returns>
    public static T? Find(object? root, UInt128 address)
    {
        var at = new AddressBits(address);
        var node = AddressNode.Of(root);
        while (node is not null && node.Covers(at))
        {
            var found = node.Slots[node.IndexOf(at)];
            if (node.IsLeaf)
                return Unsafe.As<T?>(found);
            node = AddressNode.Of(found);
        }

        return null;
    }

    /// <summary>Puts something at an address where nothing stands.</summary>
    /// <returns>What stands there, which stays; null where there was nothing.</returns>
    public static T? TryAdd(ref object? root, object owner, UInt128 address, T item)
    {
        var at = new AddressBits(address);
        ref var place = ref root;
        while (true)
        {
            var node = AddressNode.Of(place);
            if (node is null || !node.Covers(at))
            {
                var leaf = new AddressNode(owner, 0, at);
                leaf.Put(leaf.IndexOf(at), item);
                // Neither is a full child of what is above: a new leaf has one address, and what didn't cover it covers
                // less than its place.
                place = node is null ? leaf : AddressNode.Join(owner, node, leaf);
                return null;
            }

            if (node.Owner != owner)
                place = node = node.Copy(owner);
            var index = node.IndexOf(at);
            if (!node.IsLeaf)
            {
                place = ref node.Slots[index];
                continue;
            }

            if (node.Slots[index] is { } there)
                return Unsafe.As<T>(there);
            node.Put(index, item);
            if (node.IsFull)
                NoteFull(AddressNode.Of(root)!, at);
            return null;
        }
    }

    /// <summary>Puts something at an address, in the place of what stood there.</summary>
    public static void Set(ref object? root, object owner, UInt128 address, T item)
    {
        if (TryAdd(ref root, owner, address, item) is null)
            return;
        Remove(ref root, owner, address);
        _ = TryAdd(ref root, owner, address, item);
    }

    /// <summary>Removes what stands at an address, if anything does.</summary>
    public static void Remove(ref object? root, object owner, UInt128 address)
    {
        var at = new AddressBits(address);
        if (Find(root, address) is null)
            return;
        ref var place = ref root;
        while (true)
        {
            var node = AddressNode.Of(place)!;
            if (node.Owner != owner)
                place = node = node.Copy(owner);
            var index = node.IndexOf(at);
            // Whatever was full on the way isn't any more.
            if (!node.IsLeaf)
            {
                node.Bits &= ~(1u << index);
                place = ref node.Slots[index];
                continue;
            }

            node.Put(index, null);
            if (node.Bits == 0)
                RemoveLeaf(ref root, at);
            return;
        }
    }

    /// <summary>The first address of a range that nothing stands at.</summary>
    /// <returns>Null where there is none.</returns>
    public static UInt128? FirstFree(object? root, UInt128 from, UInt128 last)
    {
        var at = new AddressBits(from);
        var end = new AddressBits(last);
        var node = AddressNode.Of(root);
        while (at <= end)
        {
            if (node is null || !node.Covers(at))
                return at.ToUInt128();
            var first = node.IndexOf(at);
            var open = ~node.Bits & (AddressNode.All << first) & AddressNode.All;
            if (open == 0)
            {
                // Nothing from there to the end of the node: it goes on behind it, from above.
                if (!node.TryGetBehind(out at))
                    return null;
                node = AddressNode.Of(root);
                continue;
            }

            var index = BitOperations.TrailingZeroCount(open);
            if (index != first)
                at = node.FirstOf(index);
            node = node.IsLeaf ? null : AddressNode.Of(node.Slots[index]);
        }

        return null;
    }

    /// <summary>All from an address on, in the order of addresses.</summary>
    public static IEnumerable<(UInt128 Address, T Item)> From(object? root, UInt128 from)
    {
        if (AddressNode.Of(root) is not { } node)
            yield break;
        for (var i = 0; i < SixteenSlots.Count; i++)
        {
            if (node.Slots[i] is not { } slot)
                continue;
            if (node.IsLeaf)
            {
                if (node.FirstOf(i).ToUInt128() is var at && at >= from)
                    yield return (at, Unsafe.As<T>(slot));
            }
            else if (AddressNode.Of(slot)!.Last >= from)
            {
                foreach (var found in From(slot, from))
                    yield return found;
            }
        }
    }

    /// <summary>What stands in one tree and not, as the same object at the same address, in another; in order.</summary>
    /// <remarks>What both share isn't looked at: it costs what differs.</remarks>
    public static IEnumerable<(UInt128 Address, T Item)> Except(object? root, object? other)
    {
        if (AddressNode.Of(root) is not { } node || ReferenceEquals(node, Same(AddressNode.Of(other), node)))
            yield break;
        for (var i = 0; i < SixteenSlots.Count; i++)
        {
            if (node.Slots[i] is not { } slot)
                continue;
            if (node.IsLeaf)
            {
                if (node.FirstOf(i).ToUInt128() is var at && !ReferenceEquals(Find(other, at), slot))
                    yield return (at, Unsafe.As<T>(slot));
                continue;
            }

            foreach (var found in Except(slot, other))
                yield return found;
        }
    }

    /// <summary>The node of a tree that covers the same addresses as another; null where there is none.</summary>
    private static AddressNode? Same(AddressNode? node, AddressNode wanted)
    {
        while (node is { IsLeaf: false } && node.Shift > wanted.Shift && node.Covers(wanted.First))
            node = AddressNode.Of(node.Slots[node.IndexOf(wanted.First)]);
        return node?.Shift == wanted.Shift && node.First == wanted.First ? node : null;
    }

    /// <summary>Tells those above a leaf that it is full, which are the owner's own by now.</summary>
    private static void NoteFull(AddressNode node, AddressBits at)
    {
        if (node.IsLeaf)
            return;
        var index = node.IndexOf(at);
        var child = AddressNode.Of(node.Slots[index])!;
        NoteFull(child, at);
        // A child that covers less than its place isn't full, whatever it holds.
        if (child.IsFull && child.Shift + AddressNode.WayBits == node.Shift)
            node.Bits |= 1u << index;
    }

    /// <summary>Takes an empty leaf out of the owner's own way to it, and the branch above it where that has one child left.</summary>
    private static void RemoveLeaf(ref object? root, AddressBits at)
    {
        ref var place = ref root;
        while (AddressNode.Of(place) is { IsLeaf: false } branch)
        {
            ref var child = ref branch.Slots[branch.IndexOf(at)];
            if (!AddressNode.Of(child)!.IsLeaf)
            {
                place = ref child;
                continue;
            }

            child = null;
            if (branch.TryGetOnlyChild(out var only))
                place = only;
            return;
        }

        place = null;
    }
}

/// <summary>An address as two halves: what a tree does with it is shorter than with one number of 128 bits.</summary>
internal readonly struct AddressBits(ulong high, ulong low) : IEquatable<AddressBits>
{
    /// <summary>The bits of a number.</summary>
    public AddressBits(UInt128 address)
        : this((ulong)(address >> 64), (ulong)address) { }

    /// <summary>The upper half.</summary>
    public ulong High { get; } = high;

    /// <summary>The lower half.</summary>
    public ulong Low { get; } = low;

    /// <summary>The number.</summary>
    public UInt128 ToUInt128() => new(High, Low);

    /// <inheritdoc/>
    public bool Equals(AddressBits other) => High == other.High && Low == other.Low;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AddressBits other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(High, Low);

    /// <summary>Whether two are the same.</summary>
    public static bool operator ==(AddressBits left, AddressBits right) => left.Equals(right);

    /// <summary>Whether two differ.</summary>
    public static bool operator !=(AddressBits left, AddressBits right) => !left.Equals(right);

    /// <summary>Whether one comes before another, or is the same.</summary>
    public static bool operator <=(AddressBits left, AddressBits right) =>
        left.High < right.High || (left.High == right.High && left.Low <= right.Low);

    /// <summary>Whether one comes behind another, or is the same.</summary>
    public static bool operator >=(AddressBits left, AddressBits right) => right <= left;
}

/// <summary>A node of an <see cref="AddressTree{T}"/>: a leaf, whose places are addresses, or a branch over other nodes.</summary>
internal sealed class AddressNode
{
    /// <summary>How many bits of an address choose a way.</summary>
    // A node is copied whole for the first change that a commit makes in it: small ones cost less than a few levels more.
    public const int WayBits = 4;

    /// <summary>The bits of all places.</summary>
    public const uint All = (1u << SixteenSlots.Count) - 1;

    /// <summary>The places. Of a leaf the items; of a branch nodes.</summary>
    public SixteenSlots Slots;

    private readonly ulong _high;
    private readonly ulong _low;

    /// <param name="shift">How many bits of an address are below the node's own.</param>
    /// <param name="at">An address that it covers.</param>
    public AddressNode(object owner, int shift, AddressBits at)
    {
        (Owner, Shift) = (owner, shift);
        var bits = shift + WayBits;
        (_high, _low) =
            bits >= 128 ? (0, 0)
            : bits >= 64 ? ((at.High >> (bits - 64)) << (bits - 64), 0)
            : (at.High, (at.Low >> bits) << bits);
    }

    private AddressNode(object owner, AddressNode other)
    {
        (Owner, Shift, _high, _low, Bits) = (owner, other.Shift, other._high, other._low, other.Bits);
        Slots = other.Slots;
    }

    /// <summary>Who may change it.</summary>
    public object Owner { get; }

    /// <summary>How many bits of an address are below the node's own; 0 of a leaf.</summary>
    public int Shift { get; }

    /// <summary>Of a leaf a bit for each address that something stands at; of a branch for each child that has no free address.</summary>
    public uint Bits { get; set; }

    /// <summary>Whether its places are addresses.</summary>
    public bool IsLeaf => Shift == 0;

    /// <summary>Whether it has no free address.</summary>
    public bool IsFull => Bits == All;

    /// <summary>The first address that it covers.</summary>
    public AddressBits First => new(_high, _low);

    /// <summary>The last address that it covers.</summary>
    public UInt128 Last => TryGetBehind(out var behind) ? behind.ToUInt128() - 1 : UInt128.MaxValue;

    /// <summary>What a place of a branch, or a root, holds. Trees put nothing else there.</summary>
    public static AddressNode? Of(object? slot) => Unsafe.As<AddressNode?>(slot);

    /// <summary>A branch over two nodes that have no address in common.</summary>
    public static AddressNode Join(object owner, AddressNode one, AddressNode other)
    {
        var differing =
            one._high != other._high
                ? 127 - BitOperations.LeadingZeroCount(one._high ^ other._high)
                : 63 - BitOperations.LeadingZeroCount(one._low ^ other._low);
        var branch = new AddressNode(owner, differing / WayBits * WayBits, one.First);
        foreach (var node in (ReadOnlySpan<AddressNode>)[one, other])
        {
            var index = branch.IndexOf(node.First);
            branch.Slots[index] = node;
            if (node.IsFull && node.Shift + WayBits == branch.Shift)
                branch.Bits |= 1u << index;
        }

        return branch;
    }

    /// <summary>The same, as another owner's own.</summary>
    public AddressNode Copy(object owner) => new(owner, this);

    /// <summary>Whether an address is one of its own.</summary>
    public bool Covers(AddressBits at)
    {
        var bits = Shift + WayBits;
        return bits < 64 ? at.High == _high && (at.Low ^ _low) >> bits == 0
            : bits < 128 ? (at.High ^ _high) >> (bits - 64) == 0
            : true;
    }

    /// <summary>The place of an address that it covers.</summary>
    public int IndexOf(AddressBits at) =>
        (int)(Shift < 64 ? at.Low >> Shift : at.High >> (Shift - 64)) & (SixteenSlots.Count - 1);

    /// <summary>The first address of a place.</summary>
    public AddressBits FirstOf(int index) =>
        Shift < 64 ? new(_high, _low | ((ulong)index << Shift)) : new(_high | ((ulong)index << (Shift - 64)), 0);

    /// <summary>The address behind the last that it covers.</summary>
    /// <returns>False where there is none.</returns>
    public bool TryGetBehind(out AddressBits behind)
    {
        var bits = Shift + WayBits;
        var low = bits < 64 ? _low + (1UL << bits) : 0;
        // Of the lower half alone a carry is left where it has come round.
        var more =
            bits >= 128 ? 0
            : bits >= 64 ? 1UL << (bits - 64)
            : low == 0 ? 1UL
            : 0;
        behind = new AddressBits(_high + more, low);
        return bits < 128 && behind.High >= _high;
    }

    /// <summary>Puts an item into a leaf, or takes it away.</summary>
    public void Put(int index, object? item)
    {
        Slots[index] = item;
        Bits = item is null ? Bits & ~(1u << index) : Bits | (1u << index);
    }

    /// <summary>The only child of a branch, or none.</summary>
    /// <returns>False where it has several, and is needed.</returns>
    public bool TryGetOnlyChild(out object? only)
    {
        only = null;
        foreach (var child in Slots)
        {
            if (child is not null && only is not null)
                return false;
            only ??= child;
        }

        return true;
    }
}
