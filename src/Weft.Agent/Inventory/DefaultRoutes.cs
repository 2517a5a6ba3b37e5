using System.Globalization;
using Weft.Agent.Linux;

namespace Weft.Agent.Inventory;

/// <summary>By which interfaces the node's default routes leave.</summary>
/// <remarks>
/// Source: Linux, net/ipv4/fib_trie.c and net/ipv6/route.c: the forms of <c>/proc/net/route</c> and
/// <c>/proc/net/ipv6_route</c>.
/// </remarks>
internal sealed record DefaultRoutes(IReadOnlySet<string> V4, IReadOnlySet<string> V6)
{
    private const int Up = 0x1;
    private const int Reject = 0x200;

    /// <summary>Reads the routes of the main tables.</summary>
    /// <param name="proc">The tree of <c>/proc</c>.</param>
    public static DefaultRoutes Read(SystemTree proc)
    {
        // "self/net" and not "net": the tree may be mounted elsewhere, and then the plain name follows another thread's
        // namespace.
        var v4 = proc.ReadLines("self/net/route")
            .Skip(1)
            .Select(Fields)
            .Where(f => f.Length >= 8 && f[1] == "00000000" && f[7] == "00000000" && IsUsable(f[3]))
            .Select(f => f[0]);
        var v6 = proc.ReadLines("self/net/ipv6_route")
            .Select(Fields)
            .Where(f => f.Length >= 10 && f[0].All(c => c == '0') && f[1] == "00" && IsUsable(f[8]))
            .Select(f => f[9]);
        return new DefaultRoutes(v4.ToHashSet(StringComparer.Ordinal), v6.ToHashSet(StringComparer.Ordinal));
    }

    private static string[] Fields(string line) =>
        line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>
    /// A route that refuses packets (the kernel keeps one on <c>lo</c> where IPv6 has no default) leads nowhere.
    /// </summary>
    private static bool IsUsable(string flags) =>
        uint.TryParse(flags, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits)
        && (bits & Up) != 0
        && (bits & Reject) == 0;
}
