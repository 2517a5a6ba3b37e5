using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Access;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>Who calls.</summary>
/// <param name="Name">What is written into <c>systemData</c> and logs.</param>
/// <param name="Agent">The agent, or null for who is none.</param>
/// <param name="Enrolls">The cluster that an enrolment token is good for, or null.</param>
/// <param name="Principal">What it may of the resource API, or null for who may nothing there.</param>
internal sealed record Caller(string Name, ResourceId? Agent = null, ResourceId? Enrolls = null, Principal? Principal = null)
{
    /// <summary>The administrator, whose token is in a file.</summary>
    public static readonly Caller Administrator = new("admin", Principal: new Principal("admin", [new Assignment(Role.Owner, Assignment.Everywhere)]));

    /// <summary>Whether it may use the resource API at all.</summary>
    public bool IsPrincipal => Principal is not null;

    /// <summary>Whether it may do something.</summary>
    /// <param name="on">To what; null for what is the whole site's.</param>
    public bool May(Privilege privilege, ResourceId? on = null) => Principal?.May(privilege, on) ?? false;
}

/// <summary>
/// The credentials there are: the administrator's token in a file; principals', agents' and enrolment tokens as hashes in the store. A token is 256
/// bits by lot, so a plain hash of it can't be turned back, and comparing hashes says nothing about the token.
/// </summary>
internal sealed class Credentials
{
    /// <summary>The partition of enrolment tokens.</summary>
    public const string EnrollmentPartition = "enrollment";

    private readonly byte[] _administrator;
    // One reference, so that no reader meets the hashes of one change under the number of another.
    private volatile Known<ResourceId> _agents = new(-1, []);
    private volatile Known<Holder> _principals = new(-1, []);

    private Credentials(string administratorToken) => _administrator = Hash(administratorToken);

    /// <summary>Reads the administrator's token, or makes it where there is none.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    public static Credentials Open(string path)
    {
        SecretFile.MakeWhereMissing(path, () => NewToken("adm"));
        var token = File.ReadAllText(path).Trim();
        return token.Length > 0 ? new Credentials(token) : throw new IOException($"{path} is empty; delete it, and the next start makes a new token");
    }

    /// <summary>A new token.</summary>
    /// <param name="kind">Three letters that say what it is for.</param>
    /// <returns>The token: 256 bits by lot.</returns>
    public static string NewToken(string kind) =>
        $"weft_{kind}_{Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_')}";

    /// <summary>What is stored of a token.</summary>
    public static string HashText(string token) => Convert.ToHexStringLower(Hash(token));

    /// <summary>Who has a token.</summary>
    /// <returns>The caller, or null where the token is unknown or expired.</returns>
    public Caller? Find(string token, Image image, DateTimeOffset now)
    {
        var hash = Hash(token);
        if (CryptographicOperations.FixedTimeEquals(hash, _administrator))
            return Caller.Administrator;
        var text = Convert.ToHexStringLower(hash);
        if (Principals(image).TryGetValue(text, out var holder))
            return holder.Expires is { } end && end <= now ? null : new Caller(holder.Principal.Name, Principal: holder.Principal);
        if (Agents(image).TryGetValue(text, out var agent))
            return new Caller($"{agent.Parent!.Name}/{agent.Name}", agent);
        return image.Get($"{EnrollmentPartition}|{text}") is { } row && DateTimeOffset.TryParse(row.Json.Text("expiresAt"), out var expires) && expires > now
            && row.Json.Id("cluster") is { } cluster && image.Get(StoreKey.Of(cluster)) is { } today && MadeAt(today) == row.Json.Text("made")
            ? new Caller($"enrolment of {cluster.Name}", null, cluster) : null;
    }

    /// <summary>When a cluster was made: a token is good for that cluster, and not for a later one of its name.</summary>
    /// <returns>The time, RFC 3339.</returns>
    public static string? MadeAt(Stored cluster) => cluster.Json.Member("systemData").Text("createdAt");

    private Dictionary<string, ResourceId> Agents(Image image)
    {
        var partition = StoreKey.PartitionOf(Agent.ResourceType);
        var known = _agents;
        var change = image.LastChange(partition);
        if (known.Change == change)
            return known.ByHash;
        var byHash = image.Range($"{partition}|").Where(row => !Provisioning.IsDeleting(row))
            .ToDictionary(row => ResourceKind.PropertiesOf(row).Text("credentialHash") ?? "", ResourceKind.IdOf);
        _agents = new Known<ResourceId>(change, byHash);
        return byHash;
    }

    private Dictionary<string, Holder> Principals(Image image)
    {
        var known = _principals;
        var change = image.LastChange(Principal.Partition);
        if (known.Change == change)
            return known.ByHash;
        var byHash = new Dictionary<string, Holder>(StringComparer.Ordinal);
        foreach (var row in image.Range($"{Principal.Partition}|").Where(row => row.Json.Text("tokenHash") is not null))
        {
            DateTimeOffset? expires = ResourceKind.PropertiesOf(row).Text("expiresAt") is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : null;
            byHash[row.Json.Text("tokenHash")!] = new Holder(Principal.Of(row), expires);
        }

        _principals = new Known<Holder>(change, byHash);
        return byHash;
    }

    private sealed record Known<T>(long Change, Dictionary<string, T> ByHash);

    private sealed record Holder(Principal Principal, DateTimeOffset? Expires);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
