using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Weft.Logging;

/// <summary>
/// Writes an event as one line: time, level, event, then <c>key=value</c>. Contract: docs/specs/logging.md.
/// </summary>
/// <param name="isForeseen">Whether an exception's message is all that a reader needs of it.</param>
internal sealed class LogfmtFormatter(TimeProvider clock, Func<Exception, bool> isForeseen)
    : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "logfmt";

    private const string OwnCategories = "Weft.";
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <inheritdoc/>
    public override void Write<TState>(
        in LogEntry<TState> logEntry,
        IExternalScopeProvider? scopeProvider,
        TextWriter textWriter
    )
    {
        textWriter.Write(clock.GetUtcNow().ToString(TimeFormat, CultureInfo.InvariantCulture));
        textWriter.Write(' ');
        textWriter.Write(LogLevelNames.Of(logEntry.LogLevel));
        textWriter.Write(' ');
        textWriter.Write(JsonNamingPolicy.KebabCaseLower.ConvertName(logEntry.EventId.Name ?? "log"));
        if (!logEntry.Category.StartsWith(OwnCategories, StringComparison.Ordinal))
            WritePair(textWriter, "logger", logEntry.Category);
        if (logEntry.Formatter(logEntry.State, logEntry.Exception) is { Length: > 0 } message)
            WritePair(textWriter, "message", message);
        foreach (var (key, value) in logEntry.State as IReadOnlyList<KeyValuePair<string, object?>> ?? [])
        {
            if (key != "{OriginalFormat}" && value is not null)
                WritePair(textWriter, KeyOf(key), Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        }

        if (logEntry.Exception is { } error)
            WritePair(textWriter, "error", Describe(error));
        textWriter.WriteLine();
    }

    /// <summary>
    /// A parameter's name as a key: <c>rollback_after</c> is written <c>rollback-after</c>, and <c>@in</c> is
    /// written <c>in</c>.
    /// </summary>
    private static string KeyOf(string parameter) =>
        JsonNamingPolicy.CamelCase.ConvertName(parameter.TrimStart('@')).Replace('_', '-');

    // What is foreseen is one sentence; what isn't needs all there is.
    private string Describe(Exception error) =>
        error switch
        {
            _ when isForeseen(error) => error.Message,
            IOException or UnauthorizedAccessException or SocketException => $"{error.GetType().Name}: {error.Message}",
            _ => error.ToString(),
        };

    private static void WritePair(TextWriter writer, string key, string value)
    {
        writer.Write(' ');
        writer.Write(key);
        writer.Write('=');
        if (value.Length > 0 && value.All(IsPlain))
            writer.Write(value);
        else
            WriteQuoted(writer, value);
    }

    private static bool IsPlain(char c) => c is > ' ' and < (char)127 and not '"' and not '=';

    private static void WriteQuoted(TextWriter writer, string value)
    {
        writer.Write('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\')
                writer.Write('\\');
            if (c == '\n')
                writer.Write("\\n");
            else
                writer.Write(char.IsControl(c) ? ' ' : c);
        }

        writer.Write('"');
    }
}
