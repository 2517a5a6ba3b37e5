using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>The tree against a dictionary, and that what was handed out never changes.</summary>
public sealed class AddressTreeTests
{
    // Neighbours, the ends of all there are, and whatever else.
    private static readonly Gen<UInt128> Addresses = Gen.OneOf(
        Gen.Int[0, 300].Select(i => (UInt128)i),
        Gen.Int[0, 70].Select(i => UInt128.MaxValue - (UInt128)i),
        Gen.Int[0, 20].Select(i => (UInt128)1 << (6 * i)),
        Gen.Select(Gen.ULong, Gen.Int[0, 3]).Select((high, low) => new UInt128(high, (ulong)low))
    );

    private static readonly Gen<(UInt128 Address, bool IsRemoved)[]> Steps = Gen.Select(Addresses, Gen.Bool).Array[
        0,
        200
    ];

    [Fact]
    public void Holds_WhatADictionaryHolds() =>
        Gen.Select(Steps, Addresses.Array[20])
            .Sample(
                (steps, asked) =>
                {
                    var wanted = new SortedDictionary<UInt128, string>();
                    object? root = null;
                    var owner = new object();
                    foreach (var (address, isRemoved) in steps)
                        Step(ref root, owner, wanted, address, isRemoved);
                    Assert.Equal(wanted.Select(w => (w.Key, w.Value)), AddressTree<string>.From(root, 0));
                    foreach (var address in asked)
                    {
                        Assert.Equal(wanted.GetValueOrDefault(address), AddressTree<string>.Find(root, address));
                        Assert.Equal(
                            wanted.Where(w => w.Key >= address).Select(w => (w.Key, w.Value)),
                            AddressTree<string>.From(root, address)
                        );
                        var last = address > UInt128.MaxValue - 5000 ? UInt128.MaxValue : address + 5000;
                        Assert.Equal(
                            FirstFree(wanted, address, last),
                            AddressTree<string>.FirstFree(root, address, last)
                        );
                    }
                }
            );

    [Fact]
    public void Leaves_WhatWasHandedOut_AsItIs() =>
        Gen.Select(Steps, Steps)
            .Sample(
                (before, after) =>
                {
                    object? root = null;
                    var wanted = new SortedDictionary<UInt128, string>();
                    foreach (var (address, isRemoved) in before)
                        Step(ref root, this, wanted, address, isRemoved);
                    var (then, next, owner) = (AddressTree<string>.From(root, 0).ToList(), root, new object());
                    var later = new SortedDictionary<UInt128, string>(wanted);
                    foreach (var (address, isRemoved) in after)
                        Step(ref next, owner, later, address, isRemoved);

                    Assert.Equal(then, AddressTree<string>.From(root, 0));
                    Assert.Equal(
                        later
                            .Where(l => !ReferenceEquals(l.Value, wanted.GetValueOrDefault(l.Key)))
                            .Select(l => (l.Key, l.Value)),
                        AddressTree<string>.Except(next, root)
                    );
                    Assert.Equal(
                        wanted
                            .Where(w => !ReferenceEquals(w.Value, later.GetValueOrDefault(w.Key)))
                            .Select(w => (w.Key, w.Value)),
                        AddressTree<string>.Except(root, next)
                    );
                }
            );

    [Fact]
    public void Finds_TheOnlyFreeOne_AmongAMillion()
    {
        object? root = null;
        for (var i = 0; i < 1 << 20; i++)
            Assert.Null(AddressTree<string>.TryAdd(ref root, this, (UInt128)i, ""));
        Assert.Null(AddressTree<string>.FirstFree(root, 0, (1 << 20) - 1));
        Assert.Equal((UInt128)(1 << 20), AddressTree<string>.FirstFree(root, 0, UInt128.MaxValue));
        AddressTree<string>.Remove(ref root, this, 777_777);
        Assert.Equal((UInt128)777_777, AddressTree<string>.FirstFree(root, 0, (1 << 20) - 1));
        Assert.Null(AddressTree<string>.FirstFree(root, 777_778, (1 << 20) - 1));
    }

    private static void Step(
        ref object? root,
        object owner,
        SortedDictionary<UInt128, string> wanted,
        UInt128 address,
        bool isRemoved
    )
    {
        if (isRemoved)
        {
            AddressTree<string>.Remove(ref root, owner, address);
            wanted.Remove(address);
            return;
        }

        var text = $"{address}";
        var there = AddressTree<string>.TryAdd(ref root, owner, address, text);
        Assert.Same(wanted.GetValueOrDefault(address), there);
        _ = wanted.TryAdd(address, text);
    }

    private static UInt128? FirstFree(SortedDictionary<UInt128, string> held, UInt128 from, UInt128 last)
    {
        for (var at = from; ; at++)
        {
            if (!held.ContainsKey(at))
                return at;
            if (at == last)
                return null;
        }
    }
}
