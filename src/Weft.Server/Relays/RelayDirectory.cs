using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Weft.Access;
using Weft.Relay.Hosting;
using Weft.Resources;
using Weft.Storage;
using HybridConnection = Weft.Relay.Hosting.HybridConnection;

namespace Weft.Server.Relays;

/// <summary>
/// The hybrid connections there are, read off the newest picture: those that people made, and those that clusters, nodes and machines have of
/// themselves. What was read once is kept until something changes that it was read from.
/// </summary>
internal sealed class RelayDirectory(IResourceStore store, RelaySecret secret) : IRelayDirectory
{
    /// <summary>All that a connection, its keys or its rules are read from.</summary>
    private static readonly ImmutableArray<string> Partitions =
    [
        RelayKeys.Partition,
        .. new[]
        {
            RelayNamespace.ResourceType, NamespaceRuleSet.ResourceType, Access.HybridConnection.ResourceType, RelayAuthorizationRule.OfNamespace, RelayAuthorizationRule.OfConnection,
        }.Concat(NetworkRuleSet.Places).Append(NetworkRuleSet.ResourceType).Distinct().Select(StoreKey.PartitionOf),
    ];

    private volatile Page _page = new(-1, store.Current, FrozenDictionary<string, ResourceId>.Empty);

    /// <inheritdoc/>
    public event Action? Changed;

    /// <inheritdoc/>
    public bool IsReady => true;

    /// <inheritdoc/>
    public long Version => VersionOf(store.Current);

    /// <inheritdoc/>
    public HybridConnection? Find(string path)
    {
        var page = Today();
        for (var rest = path; rest.Length > 0; rest = rest.LastIndexOf('/') is > 0 and var slash ? rest[..slash] : "")
        {
            if (Entry(page, rest) is { } entry)
                return entry.Connection;
        }

        return null;
    }

    /// <inheritdoc/>
    public Admission Admit(HybridConnection connection, RelayRole role, string service, IPAddress source)
    {
        // What has gone since it was found lets nobody in.
        if (Entry(Today(), connection.Path) is not { } entry)
            return new Admission(false, "no such hybrid connection", $"{connection.Path} is not there any more");
        var verdict = NetworkRules.Judge(entry.Sets, entry.Name, role == RelayRole.Listener ? Party.Listener : Party.Sender, service, SourceAddress.Of(source));
        return new Admission(verdict.IsAllowed, verdict.Words, verdict.Refusal);
    }

    /// <summary>Whose connection a path is: the cluster, node, machine or hybrid connection; null where there is none of just this path.</summary>
    public ResourceId? TargetOf(string path) => Entry(Today(), path)?.Target;

    /// <summary>Says that <see cref="Version"/> was raised.</summary>
    public void Announce() => Changed?.Invoke();

    private static long VersionOf(Image image) => Partitions.Max(image.LastChange);

    private Page Today()
    {
        var page = _page;
        var image = store.Current;
        var version = VersionOf(image);
        if (page.Version == version)
            return page;
        var namespaces = image.Range($"{StoreKey.PartitionOf(RelayNamespace.ResourceType)}|").Select(ResourceKind.IdOf).ToFrozenDictionary(id => id.Name, StringComparer.OrdinalIgnoreCase);
        return _page = new Page(version, image, namespaces);
    }

    /// <summary>The connection of just this path. Only what there is is kept, so that made-up paths fill no memory.</summary>
    private Entry? Entry(Page page, string path)
    {
        if (page.Entries.TryGetValue(path, out var known))
            return known;
        var entry = path.StartsWith($"{TargetConnection.Root}/", StringComparison.OrdinalIgnoreCase) ? OfTarget(page.Image, path) : OfNamespace(page, path);
        return entry is null ? null : page.Entries.GetOrAdd(path, entry);
    }

    private Entry? OfTarget(Image image, string path)
    {
        var connection = TargetConnection.TargetsOf(path).Select(target => TargetConnection.Of(image, target)).FirstOrDefault(c => c is not null && c.Path.Equals(path, StringComparison.OrdinalIgnoreCase));
        if (connection is null)
            return null;
        ImmutableArray<AuthorizationRule> rules = [RuleOf(connection, RelayRights.Listen), RuleOf(connection, RelayRights.Send)];
        return new Entry(
            new HybridConnection(connection.Path, true, "", At(connection.CreatedAt), At(connection.UpdatedAt), rules), connection.Target, connection.Target.Name, Targets.RuleSetsOf(image, connection.Target));
    }

    private AuthorizationRule RuleOf(TargetConnection connection, RelayRights rights) => new(RelayTokens.NameOf(rights), rights, secret.KeyOf(connection, rights), null);

    private static Entry? OfNamespace(Page page, string path)
    {
        if (path.Split('/') is not [var space, var name] || !page.Namespaces.TryGetValue(space, out var parent)
            || page.Image.Get(StoreKey.Of(parent.Child("hybridConnections", name))) is not { } row)
            return null;
        var id = ResourceKind.IdOf(row);
        var properties = ResourceKind.PropertiesOf(row);
        var stamps = row.Json.Member("systemData");
        ImmutableArray<AuthorizationRule> rules = [.. RulesOf(page.Image, id, RelayAuthorizationRule.OfConnection), .. RulesOf(page.Image, parent, RelayAuthorizationRule.OfNamespace)];
        var connection = new HybridConnection(
            Access.HybridConnection.PathOf(id), properties.Boolean("requiresClientAuthorization"), properties.Text("userMetadata") ?? "", At(stamps.Text("createdAt")), At(stamps.Text("lastModifiedAt")), rules);
        return new Entry(connection, id, connection.Path, Targets.RuleSetsOf(page.Image, id));
    }

    private static IEnumerable<AuthorizationRule> RulesOf(Image image, ResourceId scope, ResourceType type)
    {
        foreach (var row in image.Range($"{StoreKey.PartitionOf(type)}|{scope.Key}/"))
        {
            var id = ResourceKind.IdOf(row);
            if (RelayKeys.Of(image, id) is not { } keys)
                continue;
            var rights = ResourceKind.PropertiesOf(row).Texts("rights").Aggregate(RelayRights.None, (sum, right) => sum | Enum.Parse<RelayRights>(right));
            yield return new AuthorizationRule(id.Name, rights, keys.Primary, keys.Secondary);
        }
    }

    private static DateTimeOffset At(string? text) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : default;

    /// <summary>What was read at one version.</summary>
    private sealed record Page(long Version, Image Image, FrozenDictionary<string, ResourceId> Namespaces)
    {
        /// <summary>The connections that were asked for, by their paths however these were spelt.</summary>
        public ConcurrentDictionary<string, Entry> Entries { get; } = new(StringComparer.OrdinalIgnoreCase);
    }
}

/// <summary>A connection, and what a caller must pass on the way to it.</summary>
internal sealed record Entry(HybridConnection Connection, ResourceId Target, string Name, ImmutableArray<RuleSet> Sets);
