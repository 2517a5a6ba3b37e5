using System.Globalization;
using Weft.Agent.Linux;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Inventory;

/// <summary>Reads the huge pages: the machine's sum of each size, and of each NUMA node.</summary>
/// <remarks>Source: Linux, Documentation/admin-guide/mm/hugetlbpage.rst.</remarks>
internal static class HugepageReader
{
    private const string Nodes = "devices/system/node";

    /// <summary>Reads them.</summary>
    /// <param name="sys">The tree of <c>/sys</c>.</param>
    /// <returns>Sizes in ascending order, the sum before its parts; none where the kernel has no huge pages.</returns>
    public static IEnumerable<Hugepages> Read(SystemTree sys)
    {
        var pools = ReadPool(sys, "kernel/mm/hugepages", null);
        foreach (var name in sys.Names(Nodes))
        {
            if (
                name.StartsWith("node", StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var numa)
            )
                pools = pools.Concat(ReadPool(sys, $"{Nodes}/{name}/hugepages", numa));
        }

        return pools.OrderBy(pool => pool.Kilobytes).ThenBy(pool => pool.Numa ?? -1);
    }

    private static IEnumerable<Hugepages> ReadPool(SystemTree sys, string path, int? numa)
    {
        foreach (var name in sys.Names(path))
        {
            if (
                name.StartsWith("hugepages-", StringComparison.Ordinal)
                && name.EndsWith("kB", StringComparison.Ordinal)
                && int.TryParse(
                    name.AsSpan(10, name.Length - 12),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var size
                )
            )
                yield return new Hugepages(
                    size,
                    sys.ReadNumber($"{path}/{name}/nr_hugepages") ?? 0,
                    sys.ReadNumber($"{path}/{name}/free_hugepages") ?? 0,
                    numa
                );
        }
    }
}
