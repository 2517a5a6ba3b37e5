using System.Runtime.CompilerServices;

namespace Weft.Addressing;

/// <summary>
/// The sixteen places of a node of a tree, inside of the node itself: an array of their own would be a header more in memory and a
/// cache line more on each way down.
/// </summary>
[InlineArray(Count)]
internal struct SixteenSlots
{
    /// <summary>How many there are.</summary>
    public const int Count = 16;

    private object? _first;
}
