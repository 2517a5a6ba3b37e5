using Weft.Agent.ControlPlane;
using Weft.Logging;

namespace Weft.Agent;

/// <summary>The agent's log.</summary>
internal static class AgentLog
{
    /// <summary>Opens the log.</summary>
    /// <param name="writer">Where the lines go; stderr in the program.</param>
    /// <param name="level">The least level that is logged.</param>
    public static ILogger Open(TextWriter writer, TimeProvider clock, LogLevel level = LogLevel.Information) =>
        new LogfmtLogger(writer, clock, new LogfmtOptions(level, IsForeseen), "Weft.Agent");

    private static bool IsForeseen(Exception error) => error is ControlPlaneException or StartupException;
}
