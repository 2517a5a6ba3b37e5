using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Weft.Access;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Relays;

/// <summary>
/// The hybrid connections there are, read off the newest store state: those that people made, and those that clusters,
/// nodes and machines have of themselves. What was read once is kept until something changes that it was read from.
/// </summary>
internal sealed class RelayDirectory(IResourceStore store, RelaySecret secret) : IRelayDirectory
{
    /// <summary>All that a connection, its keys or its rules are read from.</summary>
    private static readonly ImmutableArray<string> Partitions =
    [
        RelayKeys.Partition,
        .. new[]
        {
            RelayNamespace.ResourceType,
            NamespaceRuleSet.ResourceType,
            Access.HybridConnection.ResourceType,
            RelayAuthorizationRule.NamespaceRuleType,
            RelayAuthorizationRule.ConnectionRuleType,
        }
            .Concat(NetworkRuleSet.ScopeTypes)
            .Append(NetworkRuleSet.ResourceType)
            .Distinct()
            .Select(StoreKey.PartitionOf),
    ];

    /// <summary>The same as topics of a watch.</summary>
    public static readonly ImmutableArray<string> Topics = [.. Partitions.Select(partition => $"{partition}|")];

    private volatile ConnectionIndex _index = new(-1, store.Current, FrozenDictionary<string, ResourceId>.Empty);

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public bool IsReady => true;

    /// <inheritdoc/>
    public long Version => VersionOf(store.Current);

    /// <inheritdoc/>
    public HybridConnectionDescription? Find(string path)
    {
        var index = CurrentIndex();
        for (var rest = path; rest.Length > 0; rest = rest.LastIndexOf('/') is > 0 and var slash ? rest[..slash] : "")
        {
            if (FindEntry(index, rest) is { } entry)
                return entry.Connection;
        }

        return null;
    }

    /// <inheritdoc/>
    public ImmutableArray<AuthorizationRule> RulesAbove(string path)
    {
        var index = CurrentIndex();
        var end = path.IndexOf('/', StringComparison.Ordinal);
        return index.Namespaces.TryGetValue(end < 0 ? path : path[..end], out var space)
            ? index.NamespaceRules.GetOrAdd(
                space,
                static (id, state) => [.. ReadRules(state, id, RelayAuthorizationRule.NamespaceRuleType)],
                index.State
            )
            : [];
    }

    /// <inheritdoc/>
    public Admission Admit(HybridConnectionDescription connection, ClientRole role, string service, IPAddress source)
    {
        // What has gone since it was found lets nobody in.
        if (FindEntry(CurrentIndex(), connection.Path) is not { } entry)
            return new Admission(false, "no such hybrid connection", $"{connection.Path} is not there any more");
        var decision = NetworkRules.Evaluate(
            entry.RuleSets,
            entry.Name,
            CallerRole.AsAppliesTo(role),
            service,
            SourceAddress.From(source)
        );
        return new Admission(decision.IsAllowed, decision.Summary, decision.Refusal);
    }

    /// <summary>
    /// Whose connection a path is: the cluster, node, machine or hybrid connection; null where there is none of just
    /// this path.
    /// </summary>
    public ResourceId? TargetOf(string path) => FindEntry(CurrentIndex(), path)?.Target;

    /// <summary>Says that <see cref="Version"/> was raised.</summary>
    public void RaiseChanged() => Changed?.Invoke();

    private static long VersionOf(StoreState state) => Partitions.Max(state.LastRevisionOf);

    private ConnectionIndex CurrentIndex()
    {
        var index = _index;
        var state = store.Current;
        var version = VersionOf(state);
        if (index.Version == version)
            return index;
        var namespaces = state
            .Range($"{StoreKey.PartitionOf(RelayNamespace.ResourceType)}|")
            .Select(ResourceKind.IdOf)
            .ToFrozenDictionary(id => id.Name, StringComparer.OrdinalIgnoreCase);
        return _index = new ConnectionIndex(version, state, namespaces);
    }

    /// <summary>
    /// The connection of just this path. Only what there is is kept, so that made-up paths fill no memory.
    /// </summary>
    private DirectoryEntry? FindEntry(ConnectionIndex index, string path)
    {
        if (index.Entries.TryGetValue(path, out var known))
            return known;
        var entry = path.StartsWith($"{TargetConnection.PathRoot}/", StringComparison.OrdinalIgnoreCase)
            ? ReadTargetEntry(index.State, path)
            : ReadNamespaceEntry(index, path);
        return entry is null ? null : index.Entries.GetOrAdd(path, entry);
    }

    private DirectoryEntry? ReadTargetEntry(StoreState state, string path)
    {
        var connection = TargetConnection
            .CandidateTargetsOf(path)
            .Select(target => TargetConnection.Find(state, target))
            .FirstOrDefault(c => c is not null && c.Path.Equals(path, StringComparison.OrdinalIgnoreCase));
        if (connection is null)
            return null;
        ImmutableArray<AuthorizationRule> rules =
        [
            DeriveRule(connection, RelayRights.Listen),
            DeriveRule(connection, RelayRights.Send),
        ];
        return new DirectoryEntry(
            new HybridConnectionDescription(
                connection.Path,
                true,
                "",
                ParseTime(connection.CreatedAt),
                ParseTime(connection.UpdatedAt),
                rules
            ),
            connection.Target,
            connection.Target.Name,
            RelayTargets.RuleSetsOf(state, connection.Target)
        );
    }

    private AuthorizationRule DeriveRule(TargetConnection connection, RelayRights rights) =>
        new(RelayTokenIssuer.RuleNameOf(rights), rights, secret.DeriveKey(connection, rights), null);

    private static DirectoryEntry? ReadNamespaceEntry(ConnectionIndex index, string path)
    {
        if (
            path.Split('/') is not [var space, var name]
            || !index.Namespaces.TryGetValue(space, out var parent)
            || index.State.Get(StoreKey.ForResource(Access.HybridConnection.IdOf(parent, name))) is not { } row
        )
            return null;
        var id = ResourceKind.IdOf(row);
        var properties = ResourceKind.PropertiesOf(row);
        var stamps = row.Json.Member("systemData");
        ImmutableArray<AuthorizationRule> rules =
        [
            .. ReadRules(index.State, id, RelayAuthorizationRule.ConnectionRuleType),
            .. ReadRules(index.State, parent, RelayAuthorizationRule.NamespaceRuleType),
        ];
        var connection = new HybridConnectionDescription(
            Access.HybridConnection.PathOf(id),
            properties.Boolean("requiresClientAuthorization"),
            properties.Text("userMetadata") ?? "",
            ParseTime(stamps.Text("createdAt")),
            ParseTime(stamps.Text("lastModifiedAt")),
            rules
        );
        return new DirectoryEntry(connection, id, connection.Path, RelayTargets.RuleSetsOf(index.State, id));
    }

    private static IEnumerable<AuthorizationRule> ReadRules(StoreState state, ResourceId scope, ResourceType type)
    {
        foreach (var row in state.Range($"{StoreKey.PartitionOf(type)}|{scope.Key}/"))
        {
            var id = ResourceKind.IdOf(row);
            if (RelayKeys.Find(state, id) is not { } keys)
                continue;
            var rights = ResourceKind
                .PropertiesOf(row)
                .Texts("rights")
                .Aggregate(RelayRights.None, (sum, right) => sum | Enum.Parse<RelayRights>(right));
            yield return new AuthorizationRule(id.Name, rights, keys.Primary, keys.Secondary);
        }
    }

    private static DateTimeOffset ParseTime(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at
            : default;

    /// <summary>What was read at one version.</summary>
    private sealed record ConnectionIndex(
        long Version,
        StoreState State,
        FrozenDictionary<string, ResourceId> Namespaces
    )
    {
        /// <summary>The connections that were asked for, by their paths however these were spelt.</summary>
        public ConcurrentDictionary<string, DirectoryEntry> Entries { get; } = new(StringComparer.OrdinalIgnoreCase);

        /// <summary>The rules of namespaces that were asked for.</summary>
        public ConcurrentDictionary<ResourceId, ImmutableArray<AuthorizationRule>> NamespaceRules { get; } = new();
    }
}

/// <summary>A connection, and what a caller must pass on the way to it.</summary>
internal sealed record DirectoryEntry(
    HybridConnectionDescription Connection,
    ResourceId Target,
    string Name,
    ImmutableArray<RuleSet> RuleSets
);
