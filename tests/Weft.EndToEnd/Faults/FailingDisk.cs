using System.Diagnostics;

namespace Weft.EndToEnd.Faults;

/// <summary>
/// A disk that a program can be put on, and that fails when it is told to: the C library's calls are overlaid, so that
/// the program, its runtime and its database meet what they would meet from the kernel (failing_disk.c).
/// </summary>
internal sealed class FailingDisk : IDisposable
{
    /// <summary>EIO: the disk can't.</summary>
    public const int InputOutputError = 5;

    /// <summary>ENOSPC: the disk is full.</summary>
    public const int NoSpace = 28;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-disk-").FullName;

    private FailingDisk() { }

    private string Library => Path.Join(_folder, "failing_disk.so");

    private string Switch => Path.Join(_folder, "switch");

    /// <summary>Makes one; skips the test where there is no C compiler to make it with.</summary>
    public static async Task<FailingDisk> Create()
    {
        var disk = new FailingDisk();
        var source = Path.Join(AppContext.BaseDirectory, "Faults", "failing_disk.c");
        try
        {
            using var compiler = Process.Start("gcc", ["-shared", "-fPIC", "-o", disk.Library, source, "-ldl"]);
            await compiler.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            disk.Dispose();
            Assert.Skip("gcc isn't installed: nothing can be laid over the C library");
        }

        return disk;
    }

    /// <summary>Puts a program on this disk.</summary>
    public void Carry(ProcessStartInfo program)
    {
        program.Environment["LD_PRELOAD"] = Library;
        program.Environment["FAILING_DISK_SWITCH"] = Switch;
    }

    /// <summary>From now on files whose path has a part in it can't be synced.</summary>
    public void FailSyncs(string part, int error) => Set($"{error}\n{part}\nsync\n");

    /// <summary>From now on files whose path has a part in it can't be written.</summary>
    public void FailWrites(string part, int error) => Set($"{error}\n{part}\nwrite\n");

    /// <summary>From now on only what has a page at most can be written to them: the disk is all but full.</summary>
    public void FailLargeWrites(string part) => Set($"{NoSpace}\n{part}\nlarge\n");

    /// <summary>From now on everything goes well again.</summary>
    public void Recover() => File.Delete(Switch);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>In one step: a program that reads it meanwhile reads the one or the other.</summary>
    private void Set(string text)
    {
        File.WriteAllText(Switch + ".new", text);
        File.Move(Switch + ".new", Switch, overwrite: true);
    }
}
