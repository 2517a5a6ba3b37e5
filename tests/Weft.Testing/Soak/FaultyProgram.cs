using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.Testing.Soak;

/// <summary>A program that is killed, frozen, put on a disk that fills up, and whose time of day steps.</summary>
internal sealed class FaultyProgram : IAsyncDisposable
{
    private const int Stop = 19;
    private const int Continue = 18;
    private const int Pages = 4096;

    private readonly string _program;
    private readonly string[] _arguments;
    private readonly string _clock;
    private readonly string? _overlay;
    private readonly ConcurrentQueue<string> _log = [];
    private Process? _process;

    /// <param name="folder">A folder of its own, with <c>disk</c> in it, where it keeps what it keeps.</param>
    /// <param name="overlay">What is laid over the C library's clock; null where the clock can't be stepped.</param>
    public FaultyProgram(string program, string folder, string? overlay, params string[] arguments)
    {
        (_program, _overlay, _arguments) = (program, overlay, arguments);
        _clock = Path.Join(folder, "clock");
        Disk = Path.Join(folder, "disk");
        _ = Directory.CreateDirectory(Disk);
        File.WriteAllBytes(_clock, new byte[sizeof(long)]);
    }

    /// <summary>Where it keeps what it keeps.</summary>
    public string Disk { get; }

    /// <summary>The last lines that it said, of all its lives.</summary>
    public string Log => string.Join('\n', _log.TakeLast(40));

    /// <summary>Whether it has ended by itself.</summary>
    public bool HasEnded => _process is { HasExited: true };

    private string Filler => Path.Join(Disk, "filler");

    /// <summary>Compiles what steps clocks.</summary>
    /// <returns>The library; null where there is no C compiler.</returns>
    public static async Task<string?> CompileClock(string folder)
    {
        var (source, library) = (Path.Join(folder, "stepped_clock.c"), Path.Join(folder, "stepped_clock.so"));
        await using (
            var text =
                typeof(FaultyProgram).Assembly.GetManifestResourceStream("stepped_clock.c")
                ?? throw new InvalidOperationException("stepped_clock.c isn't in the assembly")
        )
        await using (var file = File.Create(source))
            await text.CopyToAsync(file);
        try
        {
            return await Run("gcc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl") == 0 ? library : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Gives it a disk of its own.</summary>
    /// <returns>False where that isn't allowed; then it stays on the folder's.</returns>
    public async Task<bool> MountDisk(string size) =>
        Environment.IsPrivilegedProcess && await Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", Disk) == 0;

    public void Start()
    {
        var start = new ProcessStartInfo(_program, _arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        if (_overlay is not null)
        {
            start.Environment["LD_PRELOAD"] = _overlay;
            start.Environment["STEPPED_CLOCK"] = _clock;
        }

        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => _log.Enqueue(line.Data ?? "(ended)");
        _process.OutputDataReceived += (_, line) => _log.Enqueue(line.Data ?? "(ended)");
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>Kills it in the middle of whatever it does.</summary>
    public async Task Kill()
    {
        if (_process is not { } process)
            return;
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        _process = null;
    }

    public async Task Freeze(TimeSpan time)
    {
        Send(Stop);
        await Task.Delay(time);
        Send(Continue);
    }

    /// <summary>Steps its time of day, from the present one.</summary>
    public void StepClock(TimeSpan by)
    {
        // In place: it is in its memory too.
        using var file = new FileStream(_clock, FileMode.Open, FileAccess.ReadWrite);
        var offset = new byte[sizeof(long)];
        file.ReadExactly(offset);
        var seconds = BinaryPrimitives.ReadInt64LittleEndian(offset) + (long)by.TotalSeconds;
        BinaryPrimitives.WriteInt64LittleEndian(offset, seconds);
        file.Position = 0;
        file.Write(offset);
    }

    /// <summary>Takes all room of its disk for a time.</summary>
    public async Task FillDisk(TimeSpan time)
    {
        await using (
            var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 1)
        )
        {
            try
            {
                for (var page = new byte[Pages]; ; )
                    file.Write(page);
            }
            catch (IOException)
            {
                // It is full.
            }
        }

        await Task.Delay(time);
        File.Delete(Filler);
    }

    public async ValueTask DisposeAsync()
    {
        await Kill();
        if (Environment.IsPrivilegedProcess)
            _ = await Run("umount", "-l", Disk);
    }

    private static async Task<int> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        _ = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private void Send(int signal)
    {
        if (_process is { HasExited: false } process)
            _ = Signal(process.Id, signal);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
