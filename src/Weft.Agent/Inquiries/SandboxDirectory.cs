using System.Collections.Immutable;
using Weft.Contracts;

namespace Weft.Agent.Inquiries;

/// <summary>
/// The sandboxes that a container runtime has, by the folder in which it keeps one entry for each, named by its id:
/// containerd's <c>/run/containerd/io.containerd.grpc.v1.cri/sandboxes</c>.
/// </summary>
/// <param name="path">The folder; null where the agent isn't told of one.</param>
internal sealed class SandboxDirectory(string? path)
{
    /// <summary>Lists it.</summary>
    /// <returns>The sandboxes; none is known where it can't be read.</returns>
    public SandboxSet Read()
    {
        if (path is null)
            return SandboxSet.Unknown;
        try
        {
            return new SandboxSet([.. new DirectoryInfo(path).EnumerateFileSystemInfos().Select(entry => entry.Name)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return SandboxSet.Unknown;
        }
    }
}

/// <summary>The ids of sandboxes; null where they aren't known.</summary>
internal sealed record SandboxSet(ImmutableHashSet<string>? Ids)
{
    /// <summary>Nothing is known.</summary>
    public static readonly SandboxSet Unknown = new((ImmutableHashSet<string>?)null);

    /// <summary>
    /// Whether a sandbox is there. An empty folder says nothing: no node runs without a sandbox, so it is the wrong folder, or
    /// one that isn't mounted.
    /// </summary>
    public SandboxState StateOf(string id) =>
        Ids is not { Count: > 0 } ? SandboxState.Unknown
        : Ids.Contains(id) ? SandboxState.Present
        : SandboxState.Absent;
}
