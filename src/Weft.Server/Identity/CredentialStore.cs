using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Access;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Identity;

/// <summary>Who calls.</summary>
/// <param name="Name">What is written into <c>systemData</c> and logs.</param>
/// <param name="AgentId">The agent, or null for who is none.</param>
/// <param name="Enrolment">What an enrolment token is good for, or null.</param>
/// <param name="Principal">What it may of the resource API, or null for who may nothing there.</param>
/// <param name="NextCredential">The hash of the agent's credential, where it has announced it and shows it for the first
/// time; else null.</param>
internal sealed record Caller(
    string Name,
    ResourceId? AgentId = null,
    EnrolmentToken? Enrolment = null,
    Principal? Principal = null,
    string? NextCredential = null
)
{
    /// <summary>The administrator, whose token is in a file.</summary>
    public static readonly Caller Administrator = new(
        IdentityRules.AdministratorName,
        Principal: new Principal(
            IdentityRules.AdministratorName,
            [new RoleAssignment(Role.Owner, RoleAssignment.RootScope)]
        )
    );

    /// <summary>Whether it may use the resource API at all.</summary>
    public bool IsPrincipal => Principal is not null;

    /// <summary>Whether it may do something.</summary>
    /// <param name="on">To what; null for what is the whole site's.</param>
    public bool May(string verb, ResourceId? on = null) =>
        Principal?.Allows(verb, KindOf(on), on?.Key ?? RoleAssignment.RootScope) ?? false;

    /// <summary>
    /// Whether it may be told of what has an id: a principal of what it reads, an agent of what is near its cluster.
    /// </summary>
    /// <param name="id">The id; <see cref="RoleAssignment.RootScope"/> for all there is.</param>
    public bool Sees(string id)
    {
        if (!ResourceId.TryParse(id, out var resource))
        {
            // A name that can't be one makes an id that nothing has: it tells of what was asked for alone.
            if (id.StartsWith("/subscriptions/", StringComparison.OrdinalIgnoreCase))
                return true;
            return May(
                id.StartsWith($"/providers/{IdentityCollection.Namespace}/", StringComparison.Ordinal)
                    ? AccessVerb.Administer
                    : AccessVerb.Read
            );
        }

        return (AgentId?.Parent ?? Enrolment?.Cluster) is { } cluster
            ? IsNearCluster(cluster, resource)
            : May(AccessVerb.Read, resource);
    }

    /// <summary>
    /// Whether who works for a cluster may be told of something: of what is in the cluster's resource group, and of networks.
    /// Its pods ask for addresses, and whoever runs them must learn which neighbour has one.
    /// </summary>
    public static bool IsNearCluster(ResourceId cluster, ResourceId resource) =>
        resource.IsUnder(ResourceId.ForResourceGroup(cluster.Subscription, cluster.ResourceGroup!))
        || Network.IsNetworkType(resource.Type);

    /// <summary>What the rules of roles call the kind of something.</summary>
    public static string KindOf(ResourceId? on) =>
        on is not null && AllKinds.List.KindJudged(on) is { } kind ? kind.Type.ToString() : RoleRule.AnyKind;
}

/// <summary>
/// The credentials there are: the administrator's token in a file; principals', agents' and enrolment tokens as hashes
/// in the store. A token is 256 random bits, so a plain hash of it can't be turned back, and comparing hashes says
/// nothing about the token.
/// </summary>
internal sealed class CredentialStore
{
    private static readonly string AgentPartition = StoreKey.PartitionOf(Agent.ResourceType);
    private readonly byte[] _administrator;

    // One reference, so that no reader meets the hashes of one change under the number of another.
    private volatile TokenIndex<AgentToken> _agents = new(-1, []);
    private volatile TokenIndex<PrincipalToken> _principals = new(-1, []);

    private CredentialStore(string administratorToken) => _administrator = Hash(administratorToken);

    /// <summary>Reads the administrator's token, or makes it where there is none.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    public static CredentialStore Open(string path)
    {
        SecretFile.CreateIfMissing(path, () => NewToken("adm"));
        var token = File.ReadAllText(path).Trim();
        return token.Length > 0
            ? new CredentialStore(token)
            : throw new IOException($"{path} is empty; delete it, and the next start makes a new token");
    }

    /// <summary>A new token.</summary>
    /// <param name="kind">Three letters that say what it is for.</param>
    public static string NewToken(string kind) =>
        BearerToken.Create(kind, RandomNumberGenerator.GetBytes(BearerToken.RandomLength));

    /// <summary>Who has a token.</summary>
    /// <returns>The caller, or null where the token is unknown or expired.</returns>
    public Caller? Authenticate(string token, StoreState state, DateTimeOffset now)
    {
        var hash = Hash(token);
        if (CryptographicOperations.FixedTimeEquals(hash, _administrator))
            return Caller.Administrator;
        var text = Convert.ToHexStringLower(hash);
        if (PrincipalsByHash(state).TryGetValue(text, out var principalToken))
            return principalToken.ExpiresAt is { } end && end <= now
                ? null
                : new Caller(principalToken.Principal.Name, Principal: principalToken.Principal);
        if (AgentsByHash(state).TryGetValue(text, out var agent))
            return agent.ExpiresAt is { } until && until <= now ? null : agent.Caller;
        return EnrolmentToken.Find(state, EnrolmentToken.KeyOf(text), now) is { } enrolment
            ? new Caller($"enrolment of {enrolment.Cluster.Name}", Enrolment: enrolment)
            : null;
    }

    private Dictionary<string, AgentToken> AgentsByHash(StoreState state)
    {
        var known = _agents;
        if (ReferenceEquals(known.Rows, state.RowsVersion))
            return known.ByHash;
        var change = state.LastRevisionOf(AgentPartition);
        if (known.Revision == change)
        {
            _agents = known with { Rows = state.RowsVersion };
            return known.ByHash;
        }

        var byHash = state
            .Range($"{AgentPartition}|")
            .Where(row => !Provisioning.IsDeleting(row))
            .SelectMany(TokensOf)
            .DistinctBy(token => token.Hash)
            .ToDictionary(token => token.Hash, StringComparer.Ordinal);
        _agents = new TokenIndex<AgentToken>(change, byHash);
        return byHash;
    }

    private static IEnumerable<AgentToken> TokensOf(Row agent)
    {
        var (id, credential) = (ResourceKind.IdOf(agent), AgentCredential.Read(agent));
        yield return new AgentToken(credential.Hash, id, null);
        if (credential.NextHash is { } next)
            yield return new AgentToken(next, id, credential.NextExpiresAt);
    }

    private Dictionary<string, PrincipalToken> PrincipalsByHash(StoreState state)
    {
        var known = _principals;
        if (ReferenceEquals(known.Rows, state.RowsVersion))
            return known.ByHash;
        var change = Identities.RevisionOf(state);
        if (known.Revision == change)
        {
            _principals = known with { Rows = state.RowsVersion };
            return known.ByHash;
        }

        var byHash = new Dictionary<string, PrincipalToken>(StringComparer.Ordinal);
        var identities = Identities.Of(state);
        foreach (
            var row in state
                .Range($"{IdentityCollection.Principals.Partition}|")
                .Where(row => row.Json.Text("tokenHash") is not null)
        )
        {
            DateTimeOffset? expires = ResourceKind.PropertiesOf(row).Text("expiresAt") is { } text
                ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture)
                : null;
            byHash[row.Json.Text("tokenHash")!] = new PrincipalToken(identities.Resolve(row), expires);
        }

        _principals = new TokenIndex<PrincipalToken>(change, byHash);
        return byHash;
    }

    private sealed record TokenIndex<T>(long Revision, Dictionary<string, T> ByHash)
    {
        /// <summary>All rows as they were when it was last found to be true; null where that wasn't asked yet.</summary>
        public object? Rows { get; init; }
    }

    /// <param name="ExpiresAt">Null for the one in force; else until when the next one may be used first.</param>
    private sealed record AgentToken(string Hash, ResourceId Agent, DateTimeOffset? ExpiresAt)
    {
        public Caller Caller { get; } =
            new($"{Agent.Parent!.Name}/{Agent.Name}", Agent, NextCredential: ExpiresAt is null ? null : Hash);
    }

    private sealed record PrincipalToken(Principal Principal, DateTimeOffset? ExpiresAt);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
