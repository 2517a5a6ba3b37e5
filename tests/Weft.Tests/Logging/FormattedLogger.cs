using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Weft.Agent;
using Weft.Logging;

namespace Weft.Tests.Logging;

/// <summary>Writes every event to a text as the formatter of a program's log writes it.</summary>
internal sealed class FormattedLogger(ConsoleFormatter lines, string category, TextWriter writer) : ILogger
{
    private readonly Lock _line = new();

    /// <summary>The agent's own log.</summary>
    public static FormattedLogger OfAgent(TextWriter writer, TimeProvider clock) =>
        new(new LogfmtFormatter(clock, AgentLog.IsForeseen), AgentLog.Category, writer);

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        var entry = new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter);
        lock (_line)
            lines.Write(entry, null, writer);
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;
}
