using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Testing;

/// <summary>Changes of leases that no rule has decided.</summary>
internal static class TestLeases
{
    /// <summary>The clock of leases, for a store that forgets.</summary>
    public static ImmutableDictionary<string, object> Clock(TimeProvider time)
    {
        var start = time.GetTimestamp();
        return ImmutableDictionary<string, object>.Empty.Add(
            NetworkPool.ClockName,
            new LeaseClock(0, () => time.GetElapsedTime(start), time.GetUtcNow)
        );
    }

    /// <summary>Leases addresses, whoever had them.</summary>
    public static Mutation[] Put(StoreState state, ResourceId network, params IEnumerable<Lease> leases) =>
        Change(state, network, leases.Select(lease => (lease.Address, (Lease?)lease)));

    /// <summary>Ends leases.</summary>
    public static Mutation[] Remove(StoreState state, ResourceId network, IEnumerable<Lease> leases) =>
        Change(state, network, leases.Select(lease => (lease.Address, (Lease?)null)));

    /// <summary>Does either, one after the other.</summary>
    public static Mutation[] Change(
        StoreState state,
        ResourceId network,
        IEnumerable<(Address Address, Lease? Lease)> changes
    )
    {
        var edit = new LeaseEdit(state, network.Key);
        foreach (var (address, lease) in changes)
        {
            if (lease is null)
                edit.Remove(address);
            else
                edit.Put(lease);
        }

        return [.. edit.ToMutations()];
    }
}
