namespace Weft.Agent.Nodes;

/// <summary>The events of a node's own network.</summary>
internal static partial class NodeEvents
{
    [LoggerMessage(2501, LogLevel.Information, "")]
    public static partial void NodeNetwork(this ILogger log, string node, object service, TimeSpan rollback_after);

    [LoggerMessage(2502, LogLevel.Information, "")]
    public static partial void NodeStep(this ILogger log, string what, string does);

    [LoggerMessage(2503, LogLevel.Information, "")]
    public static partial void NodeUndo(this ILogger log, string what, string does);

    [LoggerMessage(2504, LogLevel.Warning, "")]
    public static partial void NotUndone(this ILogger log, Exception error, string what, string does);

    [LoggerMessage(2505, LogLevel.Warning, "")]
    public static partial void ChangeCutShort(this ILogger log, string next);

    [LoggerMessage(2506, LogLevel.Warning, "")]
    public static partial void RolledBack(this ILogger log, string why, int attempts, TimeSpan rest);

    [LoggerMessage(2507, LogLevel.Warning, "")]
    public static partial void NotGivenBack(this ILogger log, Exception error, string what);

    [LoggerMessage(2508, LogLevel.Warning, "")]
    public static partial void RulesNotWatched(this ILogger log, Exception error);

    [LoggerMessage(2511, LogLevel.Warning, "what the node is managed by is known for as long as this process runs")]
    public static partial void ManagementNotKept(this ILogger log, Exception error);

    [LoggerMessage(2509, LogLevel.Information, "")]
    public static partial void NodePolicyRead(this ILogger log, string file);

    [LoggerMessage(2510, LogLevel.Error, "what it said before holds")]
    public static partial void NodePolicyNotTaken(this ILogger log, string why);
}
