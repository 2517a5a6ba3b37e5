using Weft.Files;

namespace Weft.Agent.Manifests;

/// <summary>What became of a folder.</summary>
/// <param name="Findings">What could not be done, a sentence each, with the file's name.</param>
internal sealed record FolderResult(int Written, int Removed, IReadOnlyList<string> Findings);

/// <summary>
/// A folder that the agent shares with others: what it made it keeps true and takes away again; what it didn't make it
/// doesn't touch.
/// </summary>
/// <param name="root">The folder; made when there is something to put into it.</param>
/// <param name="owned">Which files in it are the agent's.</param>
internal sealed class Folder(string root, OwnedFiles owned)
{
    private const UnixFileMode Open =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    /// <summary>
    /// Makes the folder true: writes what is missing or differs, removes what is no longer desired, leaves the rest
    /// alone.
    /// </summary>
    /// <param name="desired">All files that should be there, each name once.</param>
    /// <returns>What was done. One file that fails keeps no other from being done.</returns>
    public FolderResult Apply(IReadOnlyList<DesiredFile> desired)
    {
        var findings = new List<string>();
        var names = new HashSet<string>(owned.Names, StringComparer.Ordinal);
        var own = desired.Where(file => IsOwned(file, names, findings)).ToList();
        try
        {
            names.UnionWith(own.Select(file => file.Path));
            owned.Replace(names);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FolderResult(0, 0, [$"the list of files made can't be written: {e.Message}"]);
        }

        var touched = new HashSet<string>(StringComparer.Ordinal);
        var written = own.Count(file => TryDo(file.Path, findings, () => Write(file, touched)));
        var gone = names.Except(desired.Select(file => file.Path), StringComparer.Ordinal).ToList();
        var removed = gone.Where(name => TryDo(name, findings, () => Remove(name, names, touched))).Count();
        TryDo(root, findings, () => SyncAndForget(touched, names));
        return new FolderResult(written, removed, findings);
    }

    private bool IsOwned(DesiredFile file, HashSet<string> names, List<string> findings)
    {
        var path = Path.Join(root, file.Path);
        if (names.Contains(file.Path) || !(Path.Exists(path) || new FileInfo(path).LinkTarget is not null))
            return true;
        findings.Add($"'{file.Path}' is there and was not made by the agent: move it away from '{root}'");
        return false;
    }

    /// <summary>Writes one file unless it is right already.</summary>
    private bool Write(DesiredFile file, HashSet<string> touched)
    {
        var path = Path.Join(root, file.Path);
        ThrowIfLink(file.Path);
        if (IsUpToDate(path, file))
            return false;
        var parent = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(parent, Open);
        DurableFile.Replace(path, file.Content, file.Mode);
        touched.Add(parent);
        return true;
    }

    private bool Remove(string name, HashSet<string> names, HashSet<string> touched)
    {
        var path = Path.Join(root, name);
        var parent = Path.GetDirectoryName(path)!;
        if (Directory.Exists(parent))
        {
            ThrowIfLink(name);
            File.Delete(DurableFile.TemporaryOf(path));
            File.Delete(path);
            touched.Add(parent);
        }

        return names.Remove(name);
    }

    /// <summary>What was renamed and removed is on the disk before the list forgets it.</summary>
    private bool SyncAndForget(HashSet<string> touched, HashSet<string> names)
    {
        foreach (var directory in touched)
            DurableFile.SyncDirectory(directory);
        owned.Replace(names);
        return true;
    }

    /// <summary>
    /// A link on the way would lead out of the folder; the last part may be one, for it is replaced and not followed.
    /// </summary>
    private void ThrowIfLink(string name)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
        {
            if (new DirectoryInfo(Path.Join(root, name[..slash])).LinkTarget is { } target)
                throw new IOException($"'{name[..slash]}' is a link to '{target}'");
        }
    }

    private static bool IsUpToDate(string path, DesiredFile file)
    {
        var there = new FileInfo(path);
        return there.Exists
            && there.LinkTarget is null
            && there.Length == file.Content.Length
            && there.UnixFileMode == file.Mode
            && File.ReadAllBytes(path).AsSpan().SequenceEqual(file.Content);
    }

    private static bool TryDo(string name, List<string> findings, Func<bool> act)
    {
        try
        {
            return act();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Add($"'{name}': {e.Message}");
            return false;
        }
    }
}
