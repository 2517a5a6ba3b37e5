using Weft.Agent.ControlPlane;
using Weft.Logging;

namespace Weft.Agent;

/// <summary>The agent's log on stderr. It is written to its end when this is disposed.</summary>
/// <param name="level">The least level that is logged.</param>
internal sealed class AgentLog(LogLevel level) : IDisposable
{
    /// <summary>The category of all of the agent's events.</summary>
    public const string Category = "Weft.Agent";

    private readonly ILoggerFactory _loggers = LoggerFactory.Create(logging =>
        logging.AddLogfmt(level, TimeProvider.System, IsForeseen)
    );

    /// <summary>Where the agent's parts log to.</summary>
    public ILogger Logger => field ??= _loggers.CreateLogger(Category);

    /// <summary>Whether an exception's message says all that a reader of the log needs.</summary>
    public static bool IsForeseen(Exception error) => error is ControlPlaneException or StartupException;

    /// <inheritdoc/>
    public void Dispose() => _loggers.Dispose();
}
