using Weft.Addressing;
using Weft.Contracts;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>
/// Blocks that an agent has by its journal and a restored store doesn't know: they come back, and until then nobody else is
/// given of them (docs/specs/agent-api.md, "Registration").
/// </summary>
internal static class BlockRegistration
{
    /// <summary>The blocks to write.</summary>
    /// <param name="agent">The agent's row.</param>
    /// <param name="now">The time, RFC 3339.</param>
    public static IEnumerable<AddressBlock> Adopt(
        ReadTransaction transaction,
        Row agent,
        LeaseRegistration part,
        string now
    )
    {
        if (part.Owner is not { } owner || Agent.NodeOf(agent) is not { } node)
            yield break;
        var id = ResourceKind.IdOf(agent);
        var known = BlockBook.Of(transaction, id);
        foreach (var owned in part.Blocks.Where(owned => !known.ById.ContainsKey(owned.Id)))
        {
            if (!ResourceId.TryParse(owned.Network, out var network) || transaction.Get(network) is not { } row)
                continue;
            var prefixes = NetworkSubnets
                .PrefixesOf(row, PoolSpec.Find(transaction, network))
                .Select(AddressRange.FromPrefix);
            var addresses = owned.ToSet().Intersect(AddressSet.Create(prefixes));
            // No block was ever larger: what is isn't one.
            if (addresses.IsEmpty || addresses.Count > 2 * BlockRules.MostOfFamily)
                continue;
            yield return new AddressBlock(
                owned.Id,
                ResourceKind.IdOf(row),
                id,
                node,
                owner,
                addresses,
                default,
                BlockState.Draining,
                now
            )
            {
                Reason = "the store was restored, and doesn't know it",
            };
        }
    }
}
