using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Weft.Logging;

/// <summary>Sets logging up as both programs have it: logfmt lines on stderr.</summary>
internal static class LogfmtLogging
{
    /// <summary>Logs to stderr, one logfmt line an event.</summary>
    /// <param name="level">The least level that is written.</param>
    /// <param name="isForeseen">Whether an exception's message is all that a reader needs of it.</param>
    public static ILoggingBuilder AddLogfmt(
        this ILoggingBuilder logging,
        LogLevel level,
        TimeProvider clock,
        Func<Exception, bool> isForeseen
    )
    {
        // The framework tells every request at information; its warnings are what an operator can act on.
        var framework = level > LogLevel.Warning ? level : LogLevel.Warning;
        logging
            .SetMinimumLevel(level)
            .AddFilter("Microsoft", framework)
            .AddConsole(console =>
            {
                console.FormatterName = LogfmtFormatter.FormatterName;
                console.LogToStandardErrorThreshold = LogLevel.Trace;
            })
            .Services.AddSingleton<ConsoleFormatter>(new LogfmtFormatter(clock, isForeseen));
        return logging;
    }
}
