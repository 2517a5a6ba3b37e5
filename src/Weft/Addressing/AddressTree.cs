using System.Numerics;

namespace Weft.Addressing;

/// <summary>
/// What stands at which address of one family, and which addresses nothing stands at: a radix tree of 16 ways, with one bit
/// per address in its leaves and one per full subtree above them, so that a free one is found without walking. A value that
/// can be edited in place by whoever has its owner token, as <see cref="HashTrie{T}"/> is.
/// </summary>
/// <remarks>
/// Branches that would have one child are left out. The root is the caller's to keep; null stands for the empty tree.
/// </remarks>
internal static class AddressTree<T>
    where T : class
{
    // A node is copied whole for the first change that a commit makes in it: small ones cost less than a few levels more.
    private const int Bits = 4;
    private const int Ways = 1 << Bits;
    private const uint All = (1u << Ways) - 1;

    /// <summary>What stands at an address.</summary>
    /// <returns>Null where nothing does.</returns>
    public static T? Find(object? root, UInt128 address)
    {
        var node = (Node?)root;
        while (node is Branch branch)
        {
            if (!branch.Covers(address))
                return null;
            node = branch.Children[branch.IndexOf(address)];
        }

        return node is Leaf leaf && leaf.Covers(address) ? leaf.Items[leaf.IndexOf(address)] : null;
    }

    /// <summary>Puts something at an address, in the place of what stood there.</summary>
    public static void Set(ref object? root, object owner, UInt128 address, T item)
    {
        var node = (Node?)root;
        Set(ref node, owner, address, item);
        root = node;
    }

    /// <summary>Removes what stands at an address, if anything does.</summary>
    public static void Remove(ref object? root, object owner, UInt128 address)
    {
        if (Find(root, address) is null)
            return;
        var node = (Node?)root;
        Remove(ref node, owner, address);
        root = node;
    }

    /// <summary>The first address of a range that nothing stands at.</summary>
    /// <returns>Null where there is none.</returns>
    public static UInt128? FirstFree(object? root, UInt128 from, UInt128 last) =>
        (root is Node node ? FirstFree(node, from, last) : from) is var found && found is { } free && free <= last
            ? free
            : null;

    /// <summary>All from an address on, in the order of addresses.</summary>
    public static IEnumerable<(UInt128 Address, T Item)> From(object? root, UInt128 from)
    {
        if (root is Leaf leaf)
        {
            for (var i = 0; i < Ways; i++)
            {
                if (leaf.Items[i] is { } item && leaf.First + (UInt128)i is var at && at >= from)
                    yield return (at, item);
            }
        }
        else if (root is Branch branch)
        {
            foreach (var child in branch.Children)
            {
                if (child is null || child.Last < from)
                    continue;
                foreach (var found in From(child, from))
                    yield return found;
            }
        }
    }

    /// <summary>What stands in one tree and not, as the same object at the same address, in another; in order.</summary>
    /// <remarks>What both share isn't looked at: it costs what differs.</remarks>
    public static IEnumerable<(UInt128 Address, T Item)> Except(object? root, object? other)
    {
        if (root is not Node node || ReferenceEquals(node, Same(other as Node, node)))
            yield break;
        if (node is Branch branch)
        {
            foreach (var found in branch.Children.OfType<Node>().SelectMany(child => Except(child, other)))
                yield return found;
            yield break;
        }

        foreach (var (address, item) in From(node, 0))
        {
            if (!ReferenceEquals(Find(other, address), item))
                yield return (address, item);
        }
    }

    /// <summary>The node of a tree that covers the same addresses as another; null where there is none.</summary>
    private static Node? Same(Node? node, Node wanted)
    {
        while (node is Branch branch && branch.Shift > wanted.Shift && branch.Covers(wanted.First))
            node = branch.Children[branch.IndexOf(wanted.First)];
        return node?.Shift == wanted.Shift && node.First == wanted.First ? node : null;
    }

    private static void Set(ref Node? node, object owner, UInt128 address, T item)
    {
        if (node is null || !node.Covers(address))
        {
            var leaf = new Leaf(owner, address);
            leaf.Put(leaf.IndexOf(address), item);
            node = node is null ? leaf : Branch.Join(owner, node, leaf);
            return;
        }

        if (node.Owner != owner)
            node = node.Copy(owner);
        if (node is Leaf mine)
        {
            mine.Put(mine.IndexOf(address), item);
            return;
        }

        var branch = (Branch)node;
        var index = branch.IndexOf(address);
        Set(ref branch.Children[index], owner, address, item);
        branch.NoteFull(index);
    }

    private static void Remove(ref Node? node, object owner, UInt128 address)
    {
        if (node!.Owner != owner)
            node = node.Copy(owner);
        if (node is Leaf leaf)
        {
            leaf.Put(leaf.IndexOf(address), null);
            if (leaf.Used == 0)
                node = null;
            return;
        }

        var branch = (Branch)node;
        var index = branch.IndexOf(address);
        Remove(ref branch.Children[index], owner, address);
        branch.NoteFull(index);
        if (branch.Children[index] is null)
            node = branch.WithoutNeed();
    }

    /// <returns>The first free address from one on, which may lie behind the node; null where there is no number left.</returns>
    private static UInt128? FirstFree(Node node, UInt128 from, UInt128 last)
    {
        if (from < node.First || from > node.Last)
            return from;
        if (node is Leaf leaf)
        {
            var free = ~leaf.Used & (All << leaf.IndexOf(from)) & All;
            return free != 0 ? leaf.First + (UInt128)BitOperations.TrailingZeroCount(free) : leaf.Behind;
        }

        var branch = (Branch)node;
        while (true)
        {
            var open = ~branch.Full & (All << branch.IndexOf(from)) & All;
            if (open == 0)
                return branch.Behind;
            var index = BitOperations.TrailingZeroCount(open);
            from = UInt128.Max(from, branch.FirstOf(index));
            if (from > last || branch.Children[index] is not { } child)
                return from;
            if (FirstFree(child, from, last) is not { } found)
                return null;
            if (found <= branch.LastOf(index) || found > branch.Last)
                return found;
            from = found;
        }
    }

    private abstract class Node(object owner, int shift, UInt128 address)
    {
        public object Owner { get; } = owner;

        /// <summary>How many bits of an address are below this node's own.</summary>
        public int Shift { get; } = shift;

        public UInt128 First { get; } = Cut(address, shift + Bits);

        public UInt128 Last => Shift + Bits >= 128 ? UInt128.MaxValue : First + (UInt128.One << (Shift + Bits)) - 1;

        /// <summary>The address behind the last; null where there is none.</summary>
        public UInt128? Behind => Last == UInt128.MaxValue ? null : Last + 1;

        public abstract bool IsFull { get; }

        public abstract Node Copy(object owner);

        public bool Covers(UInt128 address) => address >= First && address <= Last;

        public int IndexOf(UInt128 address) => (int)(ulong)(address >> Shift) & (Ways - 1);

        private static UInt128 Cut(UInt128 address, int bits) => bits >= 128 ? 0 : (address >> bits) << bits;
    }

    private sealed class Leaf(object owner, UInt128 address) : Node(owner, 0, address)
    {
        public uint Used { get; private set; }

        public T?[] Items { get; private init; } = new T?[Ways];

        public override bool IsFull => Used == All;

        public override Node Copy(object owner) => new Leaf(owner, First) { Used = Used, Items = (T?[])Items.Clone() };

        public void Put(int index, T? item)
        {
            Items[index] = item;
            Used = item is null ? Used & ~(1u << index) : Used | (1u << index);
        }
    }

    private sealed class Branch(object owner, int shift, UInt128 address) : Node(owner, shift, address)
    {
        /// <summary>A bit for each child that has no free address.</summary>
        public uint Full { get; private set; }

        public Node?[] Children { get; private init; } = new Node?[Ways];

        public override bool IsFull => Full == All;

        /// <summary>A branch over two nodes that have no address in common.</summary>
        public static Branch Join(object owner, Node one, Node other)
        {
            var differing = 127 - (int)UInt128.LeadingZeroCount(one.First ^ other.First);
            var branch = new Branch(owner, differing / Bits * Bits, one.First);
            foreach (var node in (ReadOnlySpan<Node>)[one, other])
            {
                var index = branch.IndexOf(node.First);
                branch.Children[index] = node;
                branch.NoteFull(index);
            }

            return branch;
        }

        public override Node Copy(object owner) =>
            new Branch(owner, Shift, First) { Full = Full, Children = (Node?[])Children.Clone() };

        public UInt128 FirstOf(int index) => First + ((UInt128)index << Shift);

        public UInt128 LastOf(int index) => FirstOf(index) + (UInt128.One << Shift) - 1;

        /// <summary>A child that covers less than its place isn't full, whatever it holds.</summary>
        public void NoteFull(int index) =>
            Full =
                Children[index] is { IsFull: true } child && child.Shift + Bits == Shift
                    ? Full | (1u << index)
                    : Full & ~(1u << index);

        /// <summary>What stands for it: itself, its only child, or nothing.</summary>
        public Node? WithoutNeed()
        {
            Node? only = null;
            foreach (var child in Children)
            {
                if (child is null)
                    continue;
                if (only is not null)
                    return this;
                only = child;
            }

            return only;
        }
    }
}
