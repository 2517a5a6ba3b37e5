using System.Globalization;
using System.Text.RegularExpressions;

namespace Weft.Cli.Primitives;

/// <summary>Spans of time as people write and read them.</summary>
internal static partial class Duration
{
    /// <summary>Reads <c>90s</c>, <c>10m</c>, <c>1h30m</c>; a number alone is seconds.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        span = TimeSpan.Zero;
        var match = DurationPattern().Match(text);
        if (!match.Success || text.Length == 0)
            return false;
        var seconds = (Part("h") * 3600) + (Part("m") * 60) + Part("s");

        // A year is more than any operation takes, and far less than what a timer can hold.
        if (seconds is <= 0 or > 31_536_000)
            return false;
        span = TimeSpan.FromSeconds(seconds);
        return true;

        double Part(string name) =>
            match.Groups[name] is { Success: true, Value: var value }
                ? double.Parse(value, CultureInfo.InvariantCulture)
                : 0;
    }

    /// <summary>
    /// How long ago something was, in the two largest units that tell: <c>45s</c>, <c>12m</c>, <c>3h20m</c>, <c>5d</c>.
    /// </summary>
    public static string FormatAge(TimeSpan span) =>
        span switch
        {
            { TotalSeconds: < 0 } => "0s",
            { TotalSeconds: < 120 } => $"{(int)span.TotalSeconds}s",
            { TotalMinutes: < 120 } => $"{(int)span.TotalMinutes}m",
            { TotalHours: < 10 } => span.Minutes == 0 ? $"{span.Hours}h" : $"{span.Hours}h{span.Minutes}m",
            { TotalHours: < 48 } => $"{(int)span.TotalHours}h",
            _ => $"{(int)span.TotalDays}d",
        };

    [GeneratedRegex(
        @"^(?:(?<h>[0-9]{1,6})h)?(?:(?<m>[0-9]{1,6})m)?(?:(?<s>[0-9]{1,9}(?:\.[0-9]{1,3})?)s?)?\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex DurationPattern();
}
