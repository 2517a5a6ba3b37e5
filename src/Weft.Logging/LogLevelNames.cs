using Microsoft.Extensions.Logging;

namespace Weft.Logging;

/// <summary>The words for levels, in lines and on command lines.</summary>
internal static class LogLevelNames
{
    /// <summary>All that can be asked for, as a usage text says it.</summary>
    public const string Choice = "trace|debug|info|warn|error";

    /// <summary>The word for a level.</summary>
    public static string Of(LogLevel level) =>
        level switch
        {
            LogLevel.Trace => "trace",
            LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            _ => "error",
        };

    /// <summary>The level that a word means.</summary>
    /// <returns>Null where it is no word for a level.</returns>
    public static LogLevel? Parse(string word) =>
        Enumerable
            .Range((int)LogLevel.Trace, (int)LogLevel.Critical)
            .Select(number => (LogLevel?)number)
            .FirstOrDefault(level => Of(level!.Value) == word);
}
