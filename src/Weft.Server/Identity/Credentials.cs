using System.Security.Cryptography;
using System.Text;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>Who calls.</summary>
/// <param name="Name">What is written into <c>systemData</c> and logs.</param>
/// <param name="Agent">The agent, or null for a person or program with an administrator's token.</param>
/// <param name="Enrolls">The cluster that an enrolment token is good for, or null.</param>
internal sealed record Caller(string Name, ResourceId? Agent = null, ResourceId? Enrolls = null)
{
    /// <summary>Whether it may use the resource API.</summary>
    public bool IsAdministrator => Agent is null && Enrolls is null;
}

/// <summary>
/// The credentials there are: the administrator's token in a file, agents' and enrolment tokens as hashes in the store. A token is 256
/// bits by lot, so a plain hash of it can't be turned back, and comparing hashes says nothing about the token.
/// </summary>
internal sealed class Credentials
{
    /// <summary>The partition of enrolment tokens.</summary>
    public const string EnrollmentPartition = "enrollment";

    private readonly byte[] _administrator;
    // One reference, so that no reader meets the hashes of one change under the number of another.
    private volatile Known _agents = new(-1, []);

    private Credentials(string administratorToken) => _administrator = Hash(administratorToken);

    /// <summary>Reads the administrator's token, or makes it where there is none.</summary>
    /// <param name="path">The file; it is made with mode 0600.</param>
    /// <returns>The credentials.</returns>
    public static Credentials Open(string path)
    {
        if (!File.Exists(path))
        {
            // What a start that was cut off left behind is in nobody's hands yet.
            File.Delete($"{path}.new");
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            using (var file = new FileStream($"{path}.new", options))
            {
                file.Write(Encoding.UTF8.GetBytes($"{NewToken("adm")}\n"));
                file.Flush(flushToDisk: true);
            }

            File.Move($"{path}.new", path);
        }

        var token = File.ReadAllText(path).Trim();
        return token.Length > 0 ? new Credentials(token) : throw new IOException($"{path} is empty; delete it, and the next start makes a new token");
    }

    /// <summary>A new token.</summary>
    /// <param name="kind">Three letters that say what it is for.</param>
    /// <returns>The token: 256 bits by lot.</returns>
    public static string NewToken(string kind) =>
        $"weft_{kind}_{Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_')}";

    /// <summary>What is stored of a token.</summary>
    /// <param name="token">The token.</param>
    /// <returns>Its hash in hex.</returns>
    public static string HashText(string token) => Convert.ToHexStringLower(Hash(token));

    /// <summary>Who has a token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="image">What is stored.</param>
    /// <param name="now">The time.</param>
    /// <returns>The caller, or null where the token is unknown or expired.</returns>
    public Caller? Find(string token, Image image, DateTimeOffset now)
    {
        var hash = Hash(token);
        if (CryptographicOperations.FixedTimeEquals(hash, _administrator))
            return new Caller("admin");
        var text = Convert.ToHexStringLower(hash);
        if (Agents(image).TryGetValue(text, out var agent))
            return new Caller($"{agent.Parent!.Name}/{agent.Name}", agent);
        return image.Get($"{EnrollmentPartition}|{text}") is { } row && DateTimeOffset.TryParse(row.Json.Text("expiresAt"), out var expires) && expires > now
            && row.Json.Id("cluster") is { } cluster && image.Get(StoreKey.Of(cluster)) is { } today && MadeAt(today) == row.Json.Text("made")
            ? new Caller($"enrolment of {cluster.Name}", null, cluster) : null;
    }

    /// <summary>When a cluster was made: a token is good for that cluster, and not for a later one of its name.</summary>
    /// <param name="cluster">The cluster.</param>
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
        _agents = new Known(change, byHash);
        return byHash;
    }

    private sealed record Known(long Change, Dictionary<string, ResourceId> ByHash);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
