using System.Collections.Immutable;

namespace Weft.Agent.Nodes.Operations;

/// <summary>
/// What the node was found to be managed by. It is kept, because a default route may be away for a moment, and what was
/// refused must not be let through then.
/// </summary>
/// <param name="Interfaces">The names of the interfaces that the ways leave by.</param>
/// <param name="Prefixes">The node's own prefixes.</param>
internal sealed record ManagementRecord(ImmutableArray<string> Interfaces, ImmutableArray<string> Prefixes)
{
    /// <summary>A node has a few of each; an address that changes by the day doesn't fill this.</summary>
    private const int MaxRemembered = 64;

    /// <summary>Nothing yet.</summary>
    public static ManagementRecord Empty { get; } = new([], []);

    /// <summary>What is known once more was found; the newest comes first.</summary>
    /// <returns>This very record where nothing is new.</returns>
    public ManagementRecord With(IEnumerable<string> interfaces, IEnumerable<string> prefixes)
    {
        var (names, own) = (Merge(interfaces, Interfaces), Merge(prefixes, Prefixes));
        return names.Length == Interfaces.Length && own.Length == Prefixes.Length
            ? this
            : new ManagementRecord(names, own);
    }

    private static ImmutableArray<string> Merge(IEnumerable<string> found, ImmutableArray<string> known)
    {
        var added = found.Except(known, StringComparer.Ordinal).ToList();
        return added.Count == 0 ? known : [.. added.Concat(known).Take(MaxRemembered)];
    }
}
