using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Weft.Tests.Agent.Nodes;

/// <summary>
/// A network namespace of a test's own, entered by one thread: it goes away with the thread, and nothing of the machine
/// is touched.
/// </summary>
internal static class TestNamespace
{
    private const int NewNetwork = 0x40000000;

    /// <summary>Runs a test in an empty namespace. Programs that it starts are in it too.</summary>
    public static void Run(Action test)
    {
        Assert.SkipUnless(Environment.UserName == "root", "a network namespace needs root");
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (Unshare(NewNetwork) != 0)
                    throw new InvalidOperationException($"unshare: {Marshal.GetLastPInvokeErrorMessage()}");
                test();
            }
            catch (Exception e)
            {
                fault = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
    }

    /// <summary>Runs <c>ip</c>: what an administrator would do, and an eye that isn't the agent's.</summary>
    public static string Ip(string arguments) => Run("ip", arguments);

    /// <summary>Runs a program, and fails with what it said where it fails.</summary>
    public static string Run(string program, string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {error.Result}");
        return output;
    }

    [DllImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static extern int Unshare(int flags);
}
