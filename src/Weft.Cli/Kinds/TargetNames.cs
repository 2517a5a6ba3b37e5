using Weft.Access;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>
/// What people write for what the relay leads to, and for what network rules stand at: a word for the kind, a slash,
/// and a name.
/// </summary>
internal static class TargetNames
{
    /// <summary>How a target is written, for messages.</summary>
    public const string Syntax =
        "cluster/NAME, node/CLUSTER/NAME, vm/NAME, nexus/NAME, namespace/NAME, hc/NAMESPACE/NAME, or a whole id";

    // The word that Format uses stands first. A 'cluster' is a Kubernetes one: of these there are many.
    private static readonly (Kind Kind, string[] Words)[] KindWords =
    [
        (KindTable.KubernetesClusters, ["cluster"]),
        (KindTable.Nodes, ["node"]),
        (KindTable.VirtualMachines, ["vm", "machine"]),
        (KindTable.Of(NexusCluster.ResourceType), ["nexus"]),
        (KindTable.Of(RelayNamespace.ResourceType), ["namespace"]),
        (KindTable.Of(HybridConnection.ResourceType), ["hc"]),
    ];

    private static readonly Dictionary<string, Kind> KindsByWord = IndexByWord();

    /// <summary>The kinds that are targets.</summary>
    public static IEnumerable<Kind> Kinds => KindWords.Select(row => row.Kind);

    /// <summary>The word for a kind.</summary>
    public static string WordOf(Kind kind) => KindWords.First(row => row.Kind == kind).Words[0];

    /// <summary>Reads a target.</summary>
    /// <returns>The id; null where the text says no kind.</returns>
    /// <exception cref="CliError">It is no id, or no name of its kind.</exception>
    public static ResourceId? Find(ResourceScope scope, string text)
    {
        if (text.StartsWith('/'))
            return ResourceId.TryParse(text, out var id)
                ? id
                : throw CliError.Usage($"'{text}' is no resource id", $"write {Syntax}");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && KindsByWord.TryGetValue(text[..slash], out var kind)
            ? scope.ResolveId(kind, text[(slash + 1)..])
            : null;
    }

    /// <summary>Reads a target that must say its kind.</summary>
    /// <exception cref="CliError">It says none.</exception>
    public static ResourceId Require(ResourceScope scope, string text) =>
        Find(scope, text) ?? throw CliError.Usage($"'{text}' doesn't say what it is", $"write {Syntax}");

    /// <summary>How somebody would write a target, so that it means nothing else.</summary>
    /// <returns>Such as <c>node/core-east/w1</c>.</returns>
    public static string Format(ResourceId id) =>
        KindWords.FirstOrDefault(row => row.Kind.Type == id.Type) is { Words: [var word, ..] }
            ? $"{word}/{Label.Path(id)}"
            : Label.For(id);

    /// <summary>A word that two kinds have means the one that stands first.</summary>
    private static Dictionary<string, Kind> IndexByWord()
    {
        var kinds = new Dictionary<string, Kind>(StringComparer.OrdinalIgnoreCase);
        foreach (var (kind, words) in KindWords)
        {
            foreach (var word in words.Concat(kind.Names))
                kinds.TryAdd(word, kind);
        }

        return kinds;
    }
}
