using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.EndToEnd.Relay;

/// <summary>weft-agent as a process, with its own listener at the relay.</summary>
internal sealed class AgentProcess
{
    private readonly ConcurrentQueue<string> _output = [];
    private readonly Process _process;

    /// <summary>Takes charge of one that has just begun.</summary>
    /// <param name="process">The process.</param>
    public AgentProcess(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "(ended)");
        process.BeginErrorReadLine();
    }

    /// <summary>What it has said last, for messages of failed tests.</summary>
    public string Output => string.Join('\n', _output.TakeLast(20));

    /// <summary>Whether it has ever said a text.</summary>
    public bool HasSaid(string text) => _output.Any(line => line.Contains(text, StringComparison.Ordinal));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>How often it has told weftd what has become of its desired state.</summary>
    public int Reports => _output.Count(line => line.Contains(" reported ", StringComparison.Ordinal));

    /// <summary>Waits until senders can come and weftd has its report.</summary>
    public Task WaitUntilReady() =>
        WaitUntil(
            () => Reports > 0 && _output.Any(line => line.Contains(" relay-listens ", StringComparison.Ordinal)),
            "the agent waits at the relay and has reported"
        );

    /// <summary>Waits until it has got somewhere.</summary>
    public Task WaitUntil(Func<bool> holds, string what) =>
        Eventually.Holds(
            () => holds() || (_process.HasExited ? throw new InvalidOperationException($"it ended: {Output}") : false),
            what,
            () => Output
        );

    /// <summary>Kills it in the middle of whatever it does.</summary>
    public async Task Kill()
    {
        _process.Kill();
        await _process.WaitForExitAsync(Cancel);
    }

    /// <summary>Asks it to stop; returns its exit code.</summary>
    public async Task<int> Stop()
    {
        Assert.Equal(0, Signal(_process.Id, 15));
        await _process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        return _process.ExitCode;
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
