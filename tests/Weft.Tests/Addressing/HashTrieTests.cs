using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>The set against a dictionary, and that what was handed out never changes.</summary>
public sealed class HashTrieTests
{
    // Of few bits, so that many have the same and buckets are split at every depth.
    private static readonly Gen<ulong> Hashes = Gen.OneOf(
        Gen.Int[0, 3].Select(i => (ulong)i),
        Gen.Int[0, 1000].Select(i => (ulong)i << 54),
        Gen.Int[0, 100].Select(i => ((ulong)i << 57) | 1),
        Gen.ULong
    );

    private static readonly Gen<(ulong Hash, int What)[]> Steps = Gen.Select(Hashes, Gen.Int[0, 3]).Array[0, 400];

    [Fact]
    public void Holds_WhatASetHolds_AndLeavesWhatWasHandedOut() =>
        Gen.Select(Steps, Steps)
            .Sample(
                (before, after) =>
                {
                    object? root = null;
                    var wanted = new List<Item>();
                    Do(before, ref root, this, wanted);
                    AssertSame(wanted, root);
                    var (then, next, later) = (wanted.ToList(), root, wanted.ToList());
                    Do(after, ref next, new object(), later);
                    AssertSame(later, next);
                    AssertSame(then, root);
                }
            );

    private static void Do((ulong Hash, int What)[] steps, ref object? root, object owner, List<Item> wanted)
    {
        foreach (var (hash, what) in steps)
        {
            var known = wanted.Find(item => item.Hash == hash);
            var made = new Item(hash);
            if (what == 0 && known is not null)
            {
                Assert.True(HashTrie<Item, Key>.TryRemove(ref root, owner, known));
                wanted.Remove(known);
            }
            else if (what == 1 && known is not null)
            {
                Assert.True(HashTrie<Item, Key>.TryReplace(ref root, owner, known, made));
                wanted[wanted.IndexOf(known)] = made;
            }
            else
            {
                Assert.Null(HashTrie<Item, Key>.TryAdd(ref root, owner, made));
                wanted.Add(made);
                // It is there by now, and what isn't is neither removed nor replaced.
                Assert.Same(made, HashTrie<Item, Key>.TryAdd(ref root, owner, made));
                Assert.False(HashTrie<Item, Key>.TryRemove(ref root, owner, new Item(hash)));
                Assert.False(HashTrie<Item, Key>.TryReplace(ref root, owner, new Item(hash), made));
            }
        }
    }

    private static void AssertSame(List<Item> wanted, object? root)
    {
        Assert.Equal(wanted.ToHashSet(), HashTrie<Item, Key>.All(root).ToHashSet());
        Assert.Equal(wanted.Count, HashTrie<Item, Key>.All(root).Count());
        foreach (var group in wanted.GroupBy(item => item.Hash))
        {
            var found = new HashSet<Item>();
            foreach (var item in HashTrie<Item, Key>.Find(root, group.Key))
                found.Add(item);
            Assert.Equal(group.ToHashSet(), found);
        }

        foreach (var group in wanted.GroupBy(item => (uint)(item.Hash >> 32)))
            Assert.Equal(group.ToHashSet(), HashTrie<Item, Key>.StartingWith(root, group.Key).ToHashSet());
    }

    private sealed class Item(ulong hash)
    {
        public ulong Hash => hash;
    }

    private readonly struct Key : IHashKey<Item>
    {
        public static ulong HashOf(Item item) => item.Hash;

        public static bool IsSame(Item one, Item other) => ReferenceEquals(one, other);
    }
}
