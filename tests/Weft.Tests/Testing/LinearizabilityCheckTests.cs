using System.Globalization;
using CsCheck;
using Weft.Testing.Soak;

namespace Weft.Tests.Testing;

/// <summary>What judges recorded histories is judged itself: by histories that are known, and by trying every order.</summary>
public sealed class LinearizabilityCheckTests
{
    private const int Most = 6;

    /// <summary>Rows: each call is <c>A|R|?</c>, the holder (<c>-</c> is nobody), and its first and last moment.</summary>
    [Theory]
    [InlineData("A1 0 1, R1 2 3, A2 4 5")]
    // Whose answer comes later may have been first.
    [InlineData("A1 0 9, R1 10 11, A2 5 12")]
    [InlineData("A1 0 1, R1 2 9, A2 3 4, R2 10 11")]
    // The same again gets the same.
    [InlineData("A1 0 1, A1 2 3, ?1 4 5")]
    // A read beside the release may be told either.
    [InlineData("A1 0 1, R1 2 9, ?1 3 4, ?- 5 6")]
    public void Takes_WhatCanBeExplained(string history) =>
        Assert.Empty(LinearizabilityCheck.FindViolations(Parse(history)));

    [Theory]
    // Two have it.
    [InlineData("A1 0 1, A2 2 3", "A2 2 3")]
    // It was given before it was given back.
    [InlineData("A1 0 1, A2 2 4, R1 5 6", "A2 2 4")]
    // Told that it is free while somebody has it.
    [InlineData("A1 0 1, ?- 2 3", "?- 2 3")]
    // Told of the holder before, after the release was answered.
    [InlineData("A1 0 1, R1 2 3, ?1 4 5", "?1 4 5")]
    // Reads that go back in time: each alone is right.
    [InlineData("A1 0 1, R1 2 9, ?- 3 4, ?1 5 6", "?1 5 6")]
    // It was lost.
    [InlineData("A1 0 1, R1 2 3, R1 4 5", "R1 4 5")]
    public void Finds_WhatCant(string history, string where) =>
        Assert.Equal(Parse(where), LinearizabilityCheck.FindViolations(Parse(history)));

    [Fact]
    public void Judges_EachAddressByItself()
    {
        AddressOperation[] history =
        [
            .. Parse("A1 0 1, A2 2 3"),
            .. Parse("A2 0 1, R2 2 3").Select(operation => operation with { Address = 1 }),
        ];
        Assert.Equal(0, Assert.Single(LinearizabilityCheck.FindViolations(history)).Address);
    }

    [Fact]
    public void Says_TheSame_AsTryingEveryOrder() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[-1, 2], Gen.Int[0, 8], Gen.Int[0, 6])
            .Select((action, holder, began, takes) => Operation((AddressAction)action, holder, began, began + takes))
            .Array[0, Most]
            .Sample(
                history => LinearizabilityCheck.FindViolations(history).Count == 0 == HasAnOrder(history, -1),
                iter: 20_000
            );

    /// <summary>A call may be next that no other one has ended before; then the rest must go on.</summary>
    private static bool HasAnOrder(AddressOperation[] left, int holder) =>
        left.Length == 0
        || left.Any(next =>
            left.All(other => other.Ended >= next.Began)
            && (next.Action == AddressAction.Acquire ? holder is -1 || holder == next.Holder : holder == next.Holder)
            && HasAnOrder(
                Without(left, next),
                next.Action switch
                {
                    AddressAction.Acquire => next.Holder,
                    AddressAction.Release => -1,
                    _ => holder,
                }
            )
        );

    private static AddressOperation[] Without(AddressOperation[] all, AddressOperation one)
    {
        var at = Array.IndexOf(all, one);
        return [.. all[..at], .. all[(at + 1)..]];
    }

    private static AddressOperation Operation(AddressAction action, int holder, long began, long ended) =>
        // Nobody acquires and releases nothing: only a read names nobody.
        new(action, 0, action == AddressAction.Read ? holder : Math.Max(holder, 0), began, ended);

    private static AddressOperation[] Parse(string history) =>
        [
            .. history
                .Split(", ")
                .Select(text => text.Split(' '))
                .Select(parts => new AddressOperation(
                    parts[0][0] switch
                    {
                        'A' => AddressAction.Acquire,
                        'R' => AddressAction.Release,
                        _ => AddressAction.Read,
                    },
                    0,
                    parts[0][1] == '-' ? AddressOperation.Nobody : parts[0][1] - '0',
                    long.Parse(parts[1], CultureInfo.InvariantCulture),
                    long.Parse(parts[2], CultureInfo.InvariantCulture)
                )),
        ];
}
