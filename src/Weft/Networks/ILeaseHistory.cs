using Weft.Addressing;

namespace Weft.Networks;

/// <summary>Who had which address before: what a store that has a disk remembers beside the state.</summary>
internal interface ILeaseHistory
{
    /// <summary>Who had an address of a network, as far as it is kept; the newest first.</summary>
    /// <param name="networkKey">The network's id in lower case.</param>
    /// <exception cref="IOException">The disk doesn't give it.</exception>
    IReadOnlyList<EndedLease> History(string networkKey, Address address);
}
