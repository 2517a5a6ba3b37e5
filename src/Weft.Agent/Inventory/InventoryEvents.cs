namespace Weft.Agent.Inventory;

/// <summary>The events of what a node has.</summary>
internal static partial class InventoryEvents
{
    [LoggerMessage(2601, LogLevel.Information, "")]
    public static partial void InventoryReported(this ILogger log, int devices, int cniPlugins);

    [LoggerMessage(2602, LogLevel.Warning, "")]
    public static partial void InventoryRefused(this ILogger log, Exception error);

    [LoggerMessage(2603, LogLevel.Warning, "")]
    public static partial void CniBinarySilent(this ILogger log, string file, string next);
}
