namespace Weft.Addressing;

/// <summary>Addresses that are kept for one holder, or for nobody whom Weft knows: no pick gives them away.</summary>
/// <param name="Name">What a person calls it; one of a network.</param>
internal sealed record Reservation(string Name, AddressSet Addresses)
{
    /// <summary>
    /// The key of the machine or node they are kept for, or of a pod's cluster; null where they are given to nobody.
    /// </summary>
    public string? Owner { get; init; }

    /// <summary>The pod of the cluster, as namespace and name; null for a machine or node.</summary>
    public string? Pod { get; init; }

    /// <summary>Whether they are kept for a holder.</summary>
    public bool IsFor(Holder holder) =>
        Owner is not null
        && holder.Owner.Equals(Owner, StringComparison.OrdinalIgnoreCase)
        && string.Equals(holder.Pod, Pod, StringComparison.Ordinal);
}
