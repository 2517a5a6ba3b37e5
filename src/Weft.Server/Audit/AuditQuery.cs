using System.Globalization;
using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>Which records somebody asks for.</summary>
internal sealed record AuditQuery
{
    public DateTimeOffset? Since { get; init; }

    public DateTimeOffset? Until { get; init; }

    /// <summary>See <see cref="AuditRecord.IsBy"/>.</summary>
    public string? Who { get; init; }

    public string? Verb { get; init; }

    /// <summary>How the id begins.</summary>
    public string? Id { get; init; }

    public AuditResult? Result { get; init; }

    /// <summary>The request's id, or the caller's.</summary>
    public string? Correlation { get; init; }

    /// <summary>Whether a record is asked for.</summary>
    public bool Matches(AuditRecord record) =>
        (Who is null || record.IsBy(Who))
        && (Verb is null || record.Verb.Equals(Verb, StringComparison.OrdinalIgnoreCase))
        && (Id is null || record.Id?.StartsWith(Id, StringComparison.OrdinalIgnoreCase) == true)
        && (Result is null || record.Result == Result)
        && (
            Correlation is null
            || Correlation.Equals(record.CorrelationId, StringComparison.OrdinalIgnoreCase)
            || Correlation.Equals(record.RequestId, StringComparison.OrdinalIgnoreCase)
        )
        && (
            (Since is null && Until is null)
            || (TimeOf(record) is { } time && (Since is null || time >= Since) && (Until is null || time <= Until))
        );

    /// <summary>When a record was made; null where its time is none.</summary>
    public static DateTimeOffset? TimeOf(AuditRecord record) =>
        DateTimeOffset.TryParse(record.Time, CultureInfo.InvariantCulture, out var time) ? time : null;
}

/// <summary>A place in the log that stays where it is when files are turned over.</summary>
/// <param name="File">The number of the file's first record.</param>
/// <param name="Offset">The byte behind the last line that was read.</param>
internal readonly record struct AuditPosition(long File, long Offset)
{
    /// <summary>Reads a place as <see cref="ToString"/> writes it.</summary>
    public static AuditPosition? Parse(string text)
    {
        var parts = text.Split('.');
        return
            parts.Length == 2
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var file)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? new AuditPosition(file, offset)
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{File}.{Offset}");
}

/// <summary>Some records, and where the next ones are.</summary>
/// <param name="Next">Behind the last line that was read.</param>
/// <param name="IsEnd">Whether nothing is behind it yet.</param>
internal sealed record AuditPage(IReadOnlyList<AuditRecord> Records, AuditPosition Next, bool IsEnd);
