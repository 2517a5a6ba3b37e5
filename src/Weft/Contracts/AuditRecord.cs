using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>What kind of caller a record is about.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AuditCallerType>))]
internal enum AuditCallerType
{
    /// <summary>Nobody that is known.</summary>
    Stranger,

    /// <summary>weftd itself.</summary>
    System,

    /// <summary>The administrator, whose token is in a file.</summary>
    Administrator,

    /// <summary>A principal, by its name.</summary>
    Principal,

    /// <summary>An agent, by its id.</summary>
    Agent,

    /// <summary>An enrolment token, by the first digits of its hash.</summary>
    EnrolmentToken,

    /// <summary>The service account of a node's agent.</summary>
    ServiceAccount,
}

/// <summary>How a request ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<AuditResult>))]
internal enum AuditResult
{
    /// <summary>It was done.</summary>
    Succeeded,

    /// <summary>It was refused: 4xx.</summary>
    Refused,

    /// <summary>It failed: 5xx.</summary>
    Failed,

    /// <summary>The caller left before the answer was ready: it may be done or not.</summary>
    Aborted,
}

/// <summary>
/// A line of weftd's audit log (docs/specs/audit.md): who did what, from where, and what became of it. Never a secret.
/// </summary>
/// <param name="Time">RFC 3339, UTC, milliseconds.</param>
/// <param name="Number">Counts up from line to line; 0 where it isn't written yet.</param>
/// <param name="Verb">The HTTP method, or what weftd itself did.</param>
internal sealed record AuditRecord(string Time, long Number, string Verb, string Who, AuditCallerType CallerType)
{
    /// <summary>The most characters of an id.</summary>
    public const int MaxIdLength = 1024;

    /// <summary>The most characters of any other text.</summary>
    public const int MaxTextLength = 256;

    /// <summary>Address and port of the peer; null of weftd itself.</summary>
    public string? From { get; init; }

    /// <summary>The resource's id, or the path where it is none.</summary>
    public string? Id { get; init; }

    /// <summary>The action of a POST.</summary>
    public string? Action { get; init; }

    /// <summary>What was stored before: the first 16 digits of its SHA-256.</summary>
    public string? Before { get; init; }

    /// <summary>What is stored after it.</summary>
    public string? After { get; init; }

    /// <summary>How it ended.</summary>
    public AuditResult Result { get; init; }

    /// <summary>The HTTP status; null where no answer was sent.</summary>
    public int? Status { get; init; }

    /// <summary>The refusal's code (docs/specs/errors.md).</summary>
    public string? Code { get; init; }

    /// <summary>The member or object at fault.</summary>
    public string? Target { get; init; }

    /// <summary>The answer's <c>x-ms-request-id</c>.</summary>
    public string? RequestId { get; init; }

    /// <summary>The answer's <c>x-ms-correlation-request-id</c>.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>Of a sum: how many.</summary>
    public long? Count { get; init; }

    /// <summary>Of a sum: the time of the first.</summary>
    public string? First { get; init; }

    /// <summary>Of a sum: the time of the last.</summary>
    public string? Last { get; init; }

    /// <summary>What else belongs to it.</summary>
    public SortedDictionary<string, string>? Detail { get; init; }

    /// <summary>A time as records have it.</summary>
    public static string Format(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A text as records have it: what is longer ends in <c>...</c>.</summary>
    public static string Bound(string text, int most = MaxTextLength) =>
        text.Length <= most ? text : $"{text.AsSpan(0, most - 3)}...";

    /// <summary>The line, without its end: ASCII, whatever the texts hold.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContractJson.Default.AuditRecord);

    /// <summary>Reads a line.</summary>
    /// <returns>Null where it is no record: a crash may have cut it.</returns>
    public static AuditRecord? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ContractJson.Default.AuditRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Whether it is about somebody, as people name them: the whole, or the end of an agent's id.</summary>
    public bool IsBy(string name)
    {
        if (Who.Equals(name, StringComparison.OrdinalIgnoreCase))
            return true;
        if (!ResourceId.TryParse(Who, out var agent))
            return false;
        return agent.Name.Equals(name, StringComparison.OrdinalIgnoreCase)
            || $"{agent.Parent?.Name}/{agent.Name}".Equals(name, StringComparison.OrdinalIgnoreCase);
    }
}
