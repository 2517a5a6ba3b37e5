using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.Features;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Identity;
using Weft.Storage;

namespace Weft.Server.Audit;

/// <summary>What the record of one request will say; whoever serves it adds what only they know.</summary>
/// <param name="class">What kind of request it is.</param>
/// <param name="path">Its path; the id, until somebody knows a better one.</param>
internal sealed class AuditEntry(AuditClass @class, string path)
{
    /// <summary>How many digits of a hash say which it was, and no more.</summary>
    private const int DigestLength = 16;

    public AuditClass Class => @class;

    /// <summary>Who; "stranger" until the credential was looked at.</summary>
    public string Who { get; private set; } = "stranger";

    public AuditCallerType CallerType { get; private set; }

    /// <summary>The resource, or the path.</summary>
    public string Id { get; set; } = path;

    /// <summary>The action of a POST; null where there is none.</summary>
    public string? Action { get; set; }

    /// <summary>The digest of what was stored before.</summary>
    public string? Before { get; private set; }

    /// <summary>The digest of what is stored after it.</summary>
    public string? After { get; private set; }

    /// <summary>What else belongs to it; null where there is nothing.</summary>
    public SortedDictionary<string, string>? Detail { get; private set; }

    /// <summary>Whether it is recorded whatever the policy says of its kind.</summary>
    public bool IsAlwaysRecorded { get; set; }

    /// <summary>Whether the answer was recorded.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Says who calls.</summary>
    public void Identify(Caller caller) =>
        (Who, CallerType) =
            caller.AgentId is { } agent ? (agent.ToString(), AuditCallerType.Agent)
            : caller.Enrolment is { } token ? (TokenIdOf(token.Key), AuditCallerType.EnrolmentToken)
            : caller == Caller.Administrator ? (caller.Name, AuditCallerType.Administrator)
            : (caller.Name, AuditCallerType.Principal);

    /// <summary>Says that a service account calls.</summary>
    public void IdentifyServiceAccount() =>
        (Who, CallerType) = (
            $"system:serviceaccount:{ServiceAccountIssuer.ServiceAccountNamespace}:{ServiceAccountIssuer.ServiceAccountName}",
            AuditCallerType.ServiceAccount
        );

    /// <summary>Says what was changed.</summary>
    /// <param name="before">Null where it is new.</param>
    /// <param name="after">Null where it is gone.</param>
    public void Change(Row? before, Row? after) => (Before, After) = (DigestOf(before), DigestOf(after));

    /// <summary>Says what a decision changed.</summary>
    public void Change(Decision decision) => Change(decision.Unchanged ? decision.Row : decision.Before, decision.Row);

    /// <summary>Adds a detail.</summary>
    /// <param name="value">Nothing is added where it is null.</param>
    public void Note(string name, string? value)
    {
        if (value is not null)
            (Detail ??= new SortedDictionary<string, string>(StringComparer.Ordinal))[name] = AuditRecord.Bound(value);
    }

    /// <summary>Says that a token for the relay is given out.</summary>
    public void NoteCredentials(string connection, string role, DateTimeOffset expires)
    {
        IsAlwaysRecorded = true;
        Note("connection", connection);
        Note("role", role);
        Note("expiresAt", AuditRecord.Format(expires));
    }

    /// <summary>How a token is called in records: by the first digits of its hash.</summary>
    /// <param name="hash">The hash, or the key of a row that ends in it.</param>
    public static string TokenIdOf(string hash) =>
        hash[(hash.IndexOf('|', StringComparison.Ordinal) + 1)..][..DigestLength];

    /// <summary>
    /// The first digits of the SHA-256 of a body. Its secrets are left out: who reads records must not be able to guess
    /// at them. So is how far its provisioning is, which no caller changes; the entity tag stays, which each write
    /// changes.
    /// </summary>
    /// <returns>Null where there is no row.</returns>
    public static string? DigestOf(Row? row)
    {
        if (row is null)
            return null;
        var body = row.ToJsonObject();
        if (row.Id is { } id && AllKinds.List.Find(id.Type) is { } kind)
            Secrets.Redact(kind.Schema.Members, body);
        if (body.ContainsKey(Provisioning.MemberName))
            body[Provisioning.MemberName] = Provisioning.ETagOf(row);
        return Convert.ToHexStringLower(SHA256.HashData(Json.ToUtf8(body)))[..DigestLength];
    }
}

/// <summary>The record that a request will have.</summary>
internal static class AuditEntryOfRequest
{
    /// <summary>What the record of a request will say.</summary>
    public static AuditEntry Audit(this HttpContext http) => http.Features.GetRequiredFeature<AuditEntry>();
}
