using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace Weft.Server;

/// <summary>What is recorded besides what always is.</summary>
[Flags]
internal enum AuditAlso
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>GET, lists and questions.</summary>
    Reads = 1,

    /// <summary>Leases of pods, taken and given back.</summary>
    Leases = 2,

    /// <summary>What agents report.</summary>
    Reports = 4,
}

/// <summary>How the record of who did what is kept (docs/specs/audit.md).</summary>
internal sealed record AuditServeOptions
{
    /// <summary>The largest file, in bytes. 1 MiB to 4 GiB. Default 64 MiB, as the relay's log.</summary>
    public long MaxSize { get; init; } = 64L << 20;

    /// <summary>How old a file's first line may be. 1 minute to 365 days. Default 7 days.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How many files are kept besides the one that is written. 1 to 99. Default 12.</summary>
    public int Keep { get; init; } = 12;

    /// <summary>What is recorded besides what always is. Default: nothing.</summary>
    public AuditAlso Also { get; init; }

    /// <summary>Where lines go besides the file; null for nowhere.</summary>
    public EndPoint? Syslog { get; init; }

    private static readonly ImmutableArray<(string Suffix, long Bytes)> Sizes =
    [
        ("KiB", 1L << 10),
        ("MiB", 1L << 20),
        ("GiB", 1L << 30),
    ];

    private static readonly ImmutableArray<(string Suffix, TimeSpan Span)> Ages =
    [
        ("m", TimeSpan.FromMinutes(1)),
        ("h", TimeSpan.FromHours(1)),
        ("d", TimeSpan.FromDays(1)),
    ];

    /// <summary>Reads the options that begin with <c>--audit-</c>.</summary>
    /// <param name="mistake">Is told of each that can't be meant.</param>
    public static AuditServeOptions Read(Dictionary<string, string> given, Action<string> mistake)
    {
        var options = new AuditServeOptions();
        if (given.TryGetValue("--audit-max-size", out var size))
            options = options with { MaxSize = ReadSize(size, mistake) };
        if (given.TryGetValue("--audit-max-age", out var age))
            options = options with { MaxAge = ReadAge(age, mistake) };
        if (given.TryGetValue("--audit-keep", out var keep))
            options = options with { Keep = ReadKeep(keep, mistake) };
        if (given.TryGetValue("--audit-also", out var also))
            options = options with { Also = ReadAlso(also, mistake) };
        if (given.TryGetValue("--audit-syslog", out var syslog))
            options = options with { Syslog = SyslogEndpoint.Parse(syslog, mistake) };
        return options;
    }

    private static long ReadSize(string text, Action<string> mistake)
    {
        foreach (var (suffix, bytes) in Sizes.Where(unit => text.EndsWith(unit.Suffix, StringComparison.Ordinal)))
        {
            if (
                int.TryParse(text[..^suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number * bytes is >= 1L << 20 and <= 4L << 30
            )
                return number * bytes;
        }

        mistake($"--audit-max-size: '{text}' is no size from 1MiB to 4GiB; write 64MiB");
        return 0;
    }

    private static TimeSpan ReadAge(string text, Action<string> mistake)
    {
        foreach (var (suffix, span) in Ages.Where(unit => text.EndsWith(unit.Suffix, StringComparison.Ordinal)))
        {
            if (
                int.TryParse(text[..^suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number is >= 1 and <= 525_600
                && span * number <= TimeSpan.FromDays(365)
            )
                return span * number;
        }

        mistake($"--audit-max-age: '{text}' is no age from 1m to 365d; write 7d or 12h");
        return default;
    }

    private static int ReadKeep(string text, Action<string> mistake)
    {
        if (
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is >= 1 and <= 99
        )
            return number;
        mistake($"--audit-keep: '{text}' is no number of files from 1 to 99");
        return 0;
    }

    private static AuditAlso ReadAlso(string text, Action<string> mistake)
    {
        var also = AuditAlso.None;
        foreach (var word in text.Split(','))
        {
            var one = word switch
            {
                "reads" => AuditAlso.Reads,
                "leases" => AuditAlso.Leases,
                "reports" => AuditAlso.Reports,
                _ => AuditAlso.None,
            };
            if (one == AuditAlso.None)
                mistake($"--audit-also: '{word}' is none of reads, leases, reports");
            also |= one;
        }

        return also;
    }
}
