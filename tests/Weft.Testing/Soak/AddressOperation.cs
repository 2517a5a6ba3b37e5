namespace Weft.Testing.Soak;

/// <summary>What somebody did with one address.</summary>
internal enum AddressAction
{
    /// <summary>It was leased to the holder.</summary>
    Acquire,

    /// <summary>The holder gave it back.</summary>
    Release,

    /// <summary>Somebody asked whose it is and was told.</summary>
    Read,
}

/// <summary>One answered call, as far as it is about one address.</summary>
/// <param name="Address">The address's number in its history.</param>
/// <param name="Holder">The holder's number; with <see cref="AddressAction.Read"/> who was named, or
/// <see cref="Nobody"/>.</param>
/// <param name="Began">When the call was first made, in ticks of a monotonic clock.</param>
/// <param name="Ended">When it was answered at last, in the same ticks: calls that got no answer are made again, and count as one.</param>
internal readonly record struct AddressOperation(AddressAction Action, int Address, int Holder, long Began, long Ended)
{
    /// <summary>Whether weftd may hear of it some time after the answer: an agent gave the address of a block of its own.</summary>
    public bool IsToldLater { get; init; }

    /// <summary>The holder of an address that is free.</summary>
    public const int Nobody = -1;
}
