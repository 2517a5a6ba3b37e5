using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Addressing;

namespace Weft.Fleet.Planning;

/// <summary>How full a pool is, as the API gives it (docs/specs/resource-api.md, "Questions").</summary>
internal static class PoolReport
{
    /// <summary>Adds it.</summary>
    /// <param name="clock">The clock that what cools is measured by.</param>
    /// <param name="mayRead">Whether who asks may read a cluster.</param>
    /// <param name="properties">The pool's properties, to be completed in place.</param>
    public static void Add(AddressPool pool, LeaseClock clock, Func<string, bool> mayRead, JsonObject properties)
    {
        properties["families"] = new JsonArray([
            .. pool.Subnets.Select(subnet => (JsonNode)RenderSubnet(pool, subnet, clock)),
        ]);
        properties["highWater"] = RenderCount(pool, pool.Holdings.HighWater);
        properties["clusters"] = new JsonArray([.. RenderClusters(pool, mayRead)]);
    }

    private static JsonObject RenderSubnet(AddressPool pool, Subnet subnet, LeaseClock clock)
    {
        var usage = PoolUsage.Of(pool, subnet);
        var rendered = new JsonObject
        {
            ["family"] = subnet.Prefix.Family.ToString(),
            ["prefix"] = subnet.Prefix.ToString(),
            ["gateway"] = subnet.Gateway?.ToString(),
            // Sizes of IPv6 subnets don't fit a JSON number, so all of them are texts.
            ["size"] = TextOf(usage.Size),
            ["reserved"] = subnet.Reserved,
            ["excluded"] = TextOf(usage.Excluded),
            ["used"] = usage.Held,
            ["cooling"] = usage.Cooling,
            ["sticky"] = usage.Sticky,
            ["free"] = TextOf(usage.Free),
        };
        if (usage.InBlocks > 0)
            rendered["inBlocks"] = TextOf(usage.InBlocks);
        if (usage.Cooling > 0)
            rendered["coolingUntil"] = TimeOf(clock, usage.CoolingFor.Last);
        if (!subnet.Kept.IsEmpty)
            rendered["kept"] = TextOf(subnet.Kept.Count);
        return rendered;
    }

    /// <summary>What clusters hold, by name; of those that who asks may not read one sum.</summary>
    private static IEnumerable<JsonNode> RenderClusters(AddressPool pool, Func<string, bool> mayRead)
    {
        var (unseen, highWater, clusters) = (default(FamilyCount), default(FamilyCount), 0);
        foreach (
            var (cluster, held, high, nodes) in pool.Holdings.Counts.ByCluster.OrderBy(
                count => count.Cluster,
                StringComparer.OrdinalIgnoreCase
            )
        )
        {
            if (mayRead(cluster))
                yield return new JsonObject
                {
                    ["cluster"] = cluster,
                    ["nodes"] = nodes,
                    ["held"] = RenderCount(pool, held),
                    ["highWater"] = RenderCount(pool, high),
                };
            else
                (unseen, highWater, clusters) = (unseen.Plus(held, 1), highWater.Plus(high, 1), clusters + 1);
        }

        if (clusters > 0)
            yield return new JsonObject
            {
                ["cluster"] = null,
                ["held"] = RenderCount(pool, unseen),
                ["highWater"] = RenderCount(pool, highWater),
            };
    }

    private static JsonObject RenderCount(AddressPool pool, FamilyCount count)
    {
        var rendered = new JsonObject();
        foreach (var family in pool.Families)
            rendered[family.ToString()] = count.Of(family);
        return rendered;
    }

    /// <summary>The machine's time in so many milliseconds.</summary>
    public static string TimeOf(LeaseClock clock, long milliseconds) =>
        clock.Time.AddMilliseconds(milliseconds).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static string TextOf(UInt128 number) => number.ToString(CultureInfo.InvariantCulture);
}
