namespace Weft.Agent.Verification;

/// <summary>
/// Finds the network namespace of a pod that runs on this node, with what every kubelet leaves on its disk and no
/// container runtime to ask.
/// </summary>
/// <param name="logs">Where kubelet keeps the pods' logs, a folder <c>NAMESPACE_NAME_UID</c> for each.</param>
internal sealed class PodNamespaces(string logs = "/var/log/pods", string processes = "/proc")
{
    /// <summary>Finds a pod.</summary>
    /// <param name="pod"><c>namespace/name</c>.</param>
    /// <returns>The path of its network namespace, or null where it isn't on this node.</returns>
    public string? Find(string pod)
    {
        if (pod.Split('/') is not [var space, var name] || !Directory.Exists(logs))
            return null;
        var uids = Directory
            .EnumerateDirectories(logs, $"{space}_{name}_*")
            .OrderByDescending(Directory.GetLastWriteTimeUtc)
            .Select(folder => Path.GetFileName(folder)[(space.Length + name.Length + 2)..])
            .ToList();
        if (uids.Count == 0)
            return null;
        foreach (
            var process in Directory
                .EnumerateDirectories(processes)
                .Where(p => Path.GetFileName(p).All(char.IsAsciiDigit))
        )
        {
            // The uid is part of the cgroup's name, with '_' for '-' under systemd.
            if (
                Groups(process) is { } groups
                && uids.Exists(uid =>
                    groups.Contains(uid, StringComparison.Ordinal)
                    || groups.Contains(uid.Replace('-', '_'), StringComparison.Ordinal)
                )
            )
                return $"{process}/ns/net";
        }

        return null;
    }

    private static string? Groups(string process)
    {
        try
        {
            return File.ReadAllText($"{process}/cgroup");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile.
            return null;
        }
    }
}
