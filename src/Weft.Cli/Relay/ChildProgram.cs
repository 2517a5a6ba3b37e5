using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.Cli.Relay;

/// <summary>
/// A program that is run in this one's place: with its terminal, streams and environment, and with its exit code.
/// </summary>
internal static partial class ChildProgram
{
    // What shells answer for a program that isn't there.
    private const int NotFoundExitCode = 127;

    /// <summary>
    /// Runs a program to its end. Interrupts from the terminal reach it by themselves; what asks this process to end is
    /// passed on to it.
    /// </summary>
    /// <param name="say">What it is for, where it can't be started.</param>
    /// <returns>Its exit code; 128 and the signal where a signal ended it.</returns>
    /// <exception cref="CliError">It can't be started.</exception>
    public static async Task<int> RunAsync(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        string say
    )
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Start(start, say);
        using var term = ForwardSignal(PosixSignal.SIGTERM, 15, process);
        using var hangUp = ForwardSignal(PosixSignal.SIGHUP, 1, process);
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    private static Process Start(ProcessStartInfo start, string say)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new CliError($"{start.FileName} can't be started: {e.Message}", next: say, exit: NotFoundExitCode);
        }
    }

    private static PosixSignalRegistration ForwardSignal(PosixSignal signal, int number, Process process) =>
        PosixSignalRegistration.Create(
            signal,
            context =>
            {
                context.Cancel = true;
                if (!process.HasExited)
                    _ = Kill(process.Id, number);
            }
        );

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
