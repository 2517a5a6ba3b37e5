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

    // The word that Written uses stands first. A 'cluster' is a Kubernetes one: of these there are many.
    private static readonly (Kind Kind, string[] Words)[] KindWords =
    [
        (KindTable.KubernetesClusters, ["cluster", "kubernetesclusters", "kubernetescluster", "k8s", "kc"]),
        (KindTable.Require("nodes"), ["node", "nodes", "no"]),
        (KindTable.VirtualMachines, ["vm", "vms", "virtualmachines", "virtualmachine", "machine"]),
        (KindTable.NexusClusters, ["nexus", "clusters", "cl"]),
        (KindTable.RelayNamespaces, ["namespace", "relaynamespaces", "relaynamespace", "rns"]),
        (KindTable.HybridConnections, ["hc", "hybridconnections", "hybridconnection"]),
    ];

    private static readonly Dictionary<string, Kind> KindsByWord = KindWords
        .SelectMany(row => row.Words.Select(word => (word, row.Kind)))
        .ToDictionary(pair => pair.word, pair => pair.Kind, StringComparer.OrdinalIgnoreCase);

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
}
