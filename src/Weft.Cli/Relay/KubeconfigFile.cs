using Weft.Cli.Primitives;

namespace Weft.Cli.Relay;

/// <summary>
/// A kubeconfig on disk. Each change reads it anew under two locks: one that the kernel lets go of when a process dies,
/// among proxies, and kubectl's own. It is replaced in one step, mode 0600; before the first change there is a copy.
/// </summary>
/// <param name="path">Where it is; where that is a link, what it leads to is replaced and the link stays.</param>
internal sealed class KubeconfigFile(string path, TimeProvider clock)
{
    // A change takes milliseconds; whoever holds the lock this long has died with it (kubectl leaves its lock behind)
    // or is stopped.
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StaleLockAge = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockRetryInterval = TimeSpan.FromMilliseconds(20);

    // How .NET on Linux says that somebody has a lock: EWOULDBLOCK of flock(2), EEXIST of open(2).
    private const int WouldBlock = 11,
        AlreadyExists = 17;

    // What a proxy writes into kubectl's lock, to tell its own from one of kubectl.
    private static ReadOnlySpan<byte> OwnMark => "weft\n"u8;

    private readonly string _path = Resolve(path);

    /// <summary>Where it is.</summary>
    public string Path => _path;

    /// <summary>The copy that is made before the first entry of any proxy goes in.</summary>
    public string Backup => _path + ".before-weft";

    /// <summary>When it was written last; null where it isn't there.</summary>
    public DateTime? LastWritten => File.Exists(_path) ? File.GetLastWriteTimeUtc(_path) : null;

    /// <summary>Where kubectl has its kubeconfig.</summary>
    /// <param name="option">What <c>--kubeconfig</c> says, or null.</param>
    /// <returns>A path: the option's, the first of <c>KUBECONFIG</c>, or <c>~/.kube/config</c>.</returns>
    public static string PathIn(string? option, IReadOnlyDictionary<string, string> environment) =>
        option
        ?? environment
            .GetValueOrDefault("KUBECONFIG", "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault()
        ?? System.IO.Path.Combine(environment.GetValueOrDefault("HOME", "/"), ".kube", "config");

    /// <summary>Reads it; one that isn't there has no entries.</summary>
    /// <exception cref="CliError">It can't be read.</exception>
    public KubeconfigText Read()
    {
        try
        {
            return KubeconfigText.Parse(File.Exists(_path) ? File.ReadAllText(_path) : "", _path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliError(
                $"{_path} cannot be read: {e.Message}",
                next: "name another file with --kubeconfig FILE"
            );
        }
    }

    /// <summary>Changes it.</summary>
    /// <param name="change">From what is there to what is to be; may be called with what others wrote in
    /// between.</param>
    /// <exception cref="CliError">It can't be written, or somebody holds its lock.</exception>
    public async Task UpdateAsync(Func<KubeconfigText, KubeconfigText> change, CancellationToken cancel)
    {
        PrivateFile.CreateDirectoryOf(_path);
        await using var own = await LockAsync(cancel);
        await using var kubectls = await KubectlLockAsync(cancel);
        var old = Read();
        var changed = change(old);
        if (ReferenceEquals(changed, old))
            return;
        if (File.Exists(_path) && !KubeconfigEntry.IsIn(old))
            PrivateFile.Write(Backup, File.ReadAllText(_path));
        PrivateFile.Write(_path, changed.Text);
    }

    private static string Resolve(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            return File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
        }
        catch (IOException)
        {
            // It isn't there, or leads in circles: writing it will say so.
            return full;
        }
    }

    /// <summary>
    /// Keeps other proxies out. The file stays: who deletes a lock's file may delete the one that another just locked.
    /// </summary>
    private Task<IAsyncDisposable> LockAsync(CancellationToken cancel)
    {
        var name = System.IO.Path.Combine(
            System.IO.Path.GetDirectoryName(_path)!,
            $".{System.IO.Path.GetFileName(_path)}.weft-lock"
        );
        return AcquireAsync(
            () =>
                new FileStream(
                    name,
                    new FileStreamOptions
                    {
                        Mode = FileMode.OpenOrCreate,
                        Access = FileAccess.ReadWrite,
                        Share = FileShare.None,
                        UnixCreateMode = PrivateFile.Mode,
                    }
                ),
            $"another weft holds {name}",
            cancel
        );
    }

    /// <summary>
    /// Keeps kubectl out, as it keeps itself out: by a file that must not be there (client-go, tools/clientcmd,
    /// lockFile).
    /// </summary>
    private Task<IAsyncDisposable> KubectlLockAsync(CancellationToken cancel)
    {
        var name = _path + ".lock";
        return AcquireAsync(
            () =>
            {
                // kubectl itself would refuse to write for ever.
                if (IsLeftBehind(name))
                    File.Delete(name);
                var file = new FileStream(
                    name,
                    new FileStreamOptions
                    {
                        Mode = FileMode.CreateNew,
                        Access = FileAccess.Write,
                        Options = FileOptions.DeleteOnClose,
                        BufferSize = 0,
                    }
                );
                file.Write(OwnMark);
                return file;
            },
            $"{name} is there: another program is changing the kubeconfig",
            cancel
        );
    }

    /// <summary>
    /// Whether who made kubectl's lock has died with it. Only one proxy can be here, so another's lock is nobody's; one of
    /// kubectl is empty and says nothing but its age.
    /// </summary>
    private bool IsLeftBehind(string name)
    {
        var held = new FileInfo(name);
        return held.Exists
            && (held.Length == OwnMark.Length || clock.GetUtcNow() - held.LastWriteTimeUtc > StaleLockAge);
    }

    private async Task<IAsyncDisposable> AcquireAsync(Func<FileStream> open, string holder, CancellationToken cancel)
    {
        for (var start = clock.GetTimestamp(); ; )
        {
            try
            {
                return open();
            }
            catch (IOException e) when (e.HResult is WouldBlock or AlreadyExists)
            {
                if (clock.GetElapsedTime(start) > LockTimeout)
                    throw new CliError(
                        $"{_path} cannot be written: {holder}",
                        next: "try again, or name another file with --kubeconfig FILE"
                    );
                await Task.Delay(LockRetryInterval, clock, cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CliError(
                    $"{_path} cannot be written: {e.Message}",
                    next: "name another file with --kubeconfig FILE"
                );
            }
        }
    }
}
