using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// By which secrets an agent is known: the one in force, and for a while the one that takes its place once it is used.
/// Contract: docs/specs/agent-api.md, "Credential".
/// </summary>
/// <param name="Hash">Of the one in force.</param>
/// <param name="NextHash">Of the one that the agent has announced and not used yet; null for none.</param>
/// <param name="NextExpiresAt">Until when that one is good for anything.</param>
internal sealed record AgentCredential(string Hash, string? NextHash, DateTimeOffset NextExpiresAt)
{
    /// <summary>The member that says since when the credential is in force.</summary>
    public const string SinceMember = "credentialSince";

    /// <summary>The member of the secret in force.</summary>
    public const string HashMember = "credentialHash";

    /// <summary>The member of the secret that comes next.</summary>
    public const string NextHashMember = "nextCredentialHash";

    /// <summary>The member that says until when the secret that comes next must be used.</summary>
    public const string NextExpiresMember = "nextCredentialExpiresAt";

    /// <summary>
    /// How long a secret that was announced may wait for its first use. An agent that was cut off meanwhile announces it
    /// again.
    /// </summary>
    public static readonly TimeSpan NextLifetime = TimeSpan.FromHours(1);

    /// <summary>Reads an agent's.</summary>
    public static AgentCredential Read(Row agent) =>
        agent.ReadAs(row =>
        {
            var properties = ResourceKind.PropertiesOf(row);
            return new AgentCredential(
                properties.Text(HashMember) ?? "",
                properties.Text(NextHashMember),
                properties.Text(NextExpiresMember) is { } until
                    ? DateTimeOffset.Parse(until, CultureInfo.InvariantCulture)
                    : DateTimeOffset.MinValue
            );
        });

    /// <summary>Whether a secret is the one that comes next.</summary>
    /// <param name="now">The time.</param>
    public bool IsNext(string hash, DateTimeOffset now) => hash == NextHash && now < NextExpiresAt;

    /// <summary>The change by which a secret may take the place of the one in force.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Null where it may already, or is in force.</returns>
    public static Mutation? Announce(Row agent, string hash, DateTimeOffset now)
    {
        var known = Read(agent);
        if (hash == known.Hash || known.IsNext(hash, now))
            return null;
        return Change(
            agent,
            properties =>
            {
                properties[NextHashMember] = hash;
                properties[NextExpiresMember] = AuditRecord.Format(now + NextLifetime);
            }
        );
    }

    /// <summary>The change by which the secret that comes next is the one in force, and the other is none.</summary>
    /// <param name="now">The time.</param>
    public static Mutation Take(Row agent, DateTimeOffset now) =>
        Change(
            agent,
            properties =>
            {
                properties[HashMember] = properties[NextHashMember]!.DeepClone();
                properties[SinceMember] = AuditRecord.Format(now);
                properties.Remove(NextHashMember);
                properties.Remove(NextExpiresMember);
            }
        );

    private static Mutation Change(Row agent, Action<JsonObject> change)
    {
        var document = agent.ToJsonObject();
        change(document["properties"]!.AsObject());
        return Mutation.Put(ResourceKind.IdOf(agent), document);
    }
}
