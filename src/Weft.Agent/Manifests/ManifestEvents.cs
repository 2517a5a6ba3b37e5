namespace Weft.Agent.Manifests;

/// <summary>The events of the folders that the agent writes.</summary>
internal static partial class ManifestEvents
{
    [LoggerMessage(2101, LogLevel.Warning, "")]
    public static partial void FolderChanged(this ILogger log, string? was, string @is, int files_left_there);
}
