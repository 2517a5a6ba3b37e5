using System.Diagnostics;

namespace Weft.Testing;

/// <summary>A disk that a test can fill: a tmpfs of one mebibyte, gone with the test.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-disk-");

    /// <summary>Where it is mounted.</summary>
    public string Path => _directory.FullName;

    private string Filler => System.IO.Path.Join(Path, "filler");

    /// <summary>Mounts one, or skips the test where that isn't allowed.</summary>
    public static async Task<SmallDisk> Mount()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may mount a small disk");
        var disk = new SmallDisk();
        Assert.SkipUnless(
            await Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.Path) == 0,
            "mounting isn't allowed here"
        );
        return disk;
    }

    /// <summary>Takes all room that is left.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 1);
        try
        {
            for (var page = new byte[4096]; ; )
                file.Write(page);
        }
        catch (IOException)
        {
            // It is full.
        }
    }

    /// <summary>Gives so many pages of 4 KiB back.</summary>
    public void Free(int pages)
    {
        using var file = new FileStream(Filler, FileMode.Open, FileAccess.Write);
        file.SetLength(file.Length - (pages * 4096));
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(Filler);

    /// <summary>Makes it sixteen times as large.</summary>
    public async Task<bool> Grow() => await Run("mount", "-o", "remount,size=64m", Path) == 0;

    public async ValueTask DisposeAsync()
    {
        _ = await Run("umount", "-l", Path);
        _directory.Delete(true);
    }

    private static async Task<int> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }
}
