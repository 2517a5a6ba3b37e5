using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Weft.Logging;

/// <summary>
/// Writes an event as one line, at once: time, level, event, then <c>key=value</c>. Contract: docs/specs/logging.md.
/// </summary>
/// <param name="writer">Where the lines go; stderr in the programs.</param>
internal sealed class LogfmtLogger(TextWriter writer, TimeProvider clock, LogfmtOptions options, string category)
    : ILogger
{
    private const string OwnCategories = "Weft.";
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= options.Level && logLevel != LogLevel.None;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        if (!IsEnabled(logLevel))
            return;
        var line = new StringBuilder(160)
            .Append(clock.GetUtcNow().ToString(TimeFormat, CultureInfo.InvariantCulture))
            .Append(' ')
            .Append(LogLevelNames.Of(logLevel))
            .Append(' ')
            .Append(JsonNamingPolicy.KebabCaseLower.ConvertName(eventId.Name ?? "log"));
        if (!category.StartsWith(OwnCategories, StringComparison.Ordinal))
            AppendPair(line, "logger", category);
        if (formatter(state, exception) is { Length: > 0 } message)
            AppendPair(line, "message", message);
        AppendPairs(line, state as IReadOnlyList<KeyValuePair<string, object?>> ?? []);
        if (exception is not null)
            AppendPair(line, "error", Describe(exception));
        Write(line.ToString());
    }

    private void Write(string line)
    {
        lock (writer)
        {
            writer.WriteLine(line);
            writer.Flush();
        }
    }

    // A fault that is foreseen is one sentence; any other needs all that is known of it.
    private string Describe(Exception error) =>
        error switch
        {
            _ when options.IsForeseen(error) => error.Message,
            IOException or UnauthorizedAccessException or SocketException => $"{error.GetType().Name}: {error.Message}",
            _ => error.ToString(),
        };

    private static void AppendPairs(StringBuilder line, IReadOnlyList<KeyValuePair<string, object?>> pairs)
    {
        foreach (var (key, value) in pairs)
        {
            if (key != "{OriginalFormat}" && value is not null)
                AppendPair(line, KeyOf(key), Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        }
    }

    /// <summary>
    /// A parameter's name as a key: <c>rollback_after</c> is written <c>rollback-after</c>, and <c>@in</c> is
    /// written <c>in</c>.
    /// </summary>
    private static string KeyOf(string parameter) =>
        JsonNamingPolicy.CamelCase.ConvertName(parameter.TrimStart('@')).Replace('_', '-');

    private static void AppendPair(StringBuilder line, string key, string value)
    {
        line.Append(' ').Append(key).Append('=');
        if (value.Length > 0 && value.All(IsPlain))
            line.Append(value);
        else
            AppendQuoted(line, value);
    }

    private static bool IsPlain(char c) => c is > ' ' and < (char)127 and not '"' and not '=';

    /// <summary>What reorders or hides the text around it, such as U+202E, or breaks a line for some readers.</summary>
    private static bool IsUnseen(char c) =>
        char.GetUnicodeCategory(c)
            is UnicodeCategory.Format
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator;

    private static void AppendQuoted(StringBuilder line, string value)
    {
        line.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\')
                line.Append('\\');
            if (c == '\n')
                line.Append("\\n");
            else if (IsUnseen(c))
                line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else
                line.Append(char.IsControl(c) ? ' ' : c);
        }

        line.Append('"');
    }
}
