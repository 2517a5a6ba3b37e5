using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json;

namespace Weft.Tests.Agent;

/// <summary>The program itself, as a child: what only a process can show.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessTests
{
    // Both stand beside each other in the artifacts: bin/Weft.Tests/debug and bin/Weft.Agent/debug.
    private static readonly string Here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
    private static readonly string Program = Path.GetFullPath(
        Path.Join(Here, "..", "..", "Weft.Agent", Path.GetFileName(Here), "weft-agent")
    );

    [Fact]
    public async Task Keeps_EveryLease_WhenKilledAgainAndAgain()
    {
        await using var harness = await AgentHarness.Create();
        var held = new ConcurrentDictionary<string, string>();
        var released = new ConcurrentBag<string>();
        for (var life = 0; life < 4; life++)
        {
            using var agent = await Start(harness);
            using var over = new CancellationTokenSource();
            var workers = Enumerable
                .Range(0, 4)
                .Select(worker => Work(harness, $"{life}-{worker}", held, released, over.Token))
                .ToArray();
            var goal = (life + 1) * 40;
            await harness.Plane.Until(() => held.Count + released.Count >= goal, "the agent has answered often");
            agent.Kill();
            await agent.WaitForExitAsync(TestContext.Current.CancellationToken);
            await over.CancelAsync();
            await Task.WhenAll(workers);
        }

        using var last = await Start(harness);
        await harness.Plane.Until(
            () => released.All(container => !harness.Plane.Leases.ContainsKey($"{container}/net1")),
            "every answered release reaches the server"
        );
        await harness.Plane.GoAway();
        Assert.NotEmpty(held);
        Assert.NotEmpty(released);
        foreach (var (container, address) in held)
            Assert.Equal(address, AgentHarness.AddressOf(await harness.Send("acquire", container)));
        await Stop(last);
    }

    [Fact]
    public async Task Stops_AtSigterm_WhileOthersWait()
    {
        await using var harness = await AgentHarness.Create();
        using var agent = await Start(harness);
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent waits for the desired state");
        using var silent = await harness.Connect();
        var clock = Stopwatch.StartNew();
        await Stop(agent);
        // Long before those go that it could wait for: the silent one, and the desired state.
        var timings = new Weft.Agent.AgentTimings();
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, timings.SocketTimeout - TimeSpan.FromSeconds(2));
        Assert.True(timings.SocketTimeout < timings.LongPollWait);
        Assert.False(File.Exists(harness.Options.Socket));
    }

    [Fact]
    public async Task Exits_WithOneLineAndOne_WhenTheTokenIsRefused()
    {
        await using var harness = await AgentHarness.Create();
        await File.WriteAllTextAsync(harness.TokenFile, "weft_enr_stale", TestContext.Current.CancellationToken);
        var (code, said) = await RunToEnd([.. Arguments(harness)]);
        Assert.Equal(1, code);
        Assert.Contains("weft-agent: the control plane refused the enrolment token", said, StringComparison.Ordinal);
        Assert.DoesNotContain("weft_enr_stale", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--server is 'weft'", "--server", "weft", "--state", "/nowhere", "--name", "w1")]
    [InlineData("--name is 'W 1'", "--server", "http://127.0.0.1:1", "--state", "/nowhere", "--name", "W 1")]
    [InlineData(
        "--node is '../w1'",
        "--server",
        "http://127.0.0.1:1",
        "--state",
        "/nowhere",
        "--name",
        "w1",
        "--node",
        "../w1"
    )]
    [InlineData(
        "--log-level is 'loud'; it must be one of trace|debug|info|warn|error",
        "--server",
        "http://127.0.0.1:1",
        "--state",
        "/nowhere",
        "--name",
        "w1",
        "--log-level",
        "loud"
    )]
    [InlineData("'--state' is required", "--server", "http://127.0.0.1:1", "--name", "w1")]
    public async Task Refuses_BadCommandLine(string message, params string[] arguments)
    {
        var (code, said) = await RunToEnd(arguments);
        Assert.Equal(1, code);
        Assert.Contains(message, said, StringComparison.Ordinal);
        Assert.False(Directory.Exists("/nowhere"));
    }

    [Fact]
    public async Task Prints_ItsVersion()
    {
        var (code, said) = await RunToEnd(["--version"]);
        Assert.Equal(0, code);
        Assert.StartsWith(Weft.Agent.AgentOptions.Version, said, StringComparison.Ordinal);
    }

    /// <summary>Acquires without end, releases every other one; an answer counts once it is read in full.</summary>
    private static async Task Work(
        AgentHarness harness,
        string name,
        ConcurrentDictionary<string, string> held,
        ConcurrentBag<string> released,
        CancellationToken over
    )
    {
        for (var i = 0; !over.IsCancellationRequested; i++)
        {
            try
            {
                var container = $"c{name}-{i}";
                if (await harness.Send("acquire", container) is not { } answer || answer["lease"] is null)
                    continue;
                held[container] = AgentHarness.AddressOf(answer);
                if (i % 2 == 0)
                    continue;

                // From here on it may or may not be released; only the answer makes it sure.
                held.TryRemove(container, out _);
                if ((await harness.Send("release", container)).Count == 0)
                    released.Add(container);
            }
            catch (Exception e) when (e is SocketException or IOException or JsonException or NullReferenceException)
            {
                // Killed in the middle: nothing was answered, so nothing is promised.
                if (!File.Exists(harness.Options.Socket))
                    throw;
                await Task.Yield();
            }
        }
    }

    private static IEnumerable<string> Arguments(AgentHarness harness) =>
        [
            "--server",
            harness.Plane.Url,
            "--state",
            harness.Options.State,
            "--name",
            "w1",
            "--node",
            "w1",
            "--enrollment-token-file",
            harness.TokenFile,
            "--socket",
            harness.Options.Socket,
            "--manifests",
            harness.Options.Manifests,
        ];

    private static async Task<AgentProcess> Start(AgentHarness harness)
    {
        var agent = new AgentProcess { StartInfo = StartOf(Arguments(harness)) };
        agent.ErrorDataReceived += (_, line) => agent.Said.Enqueue(line.Data ?? "");
        Assert.True(agent.Start());
        agent.BeginErrorReadLine();
        await AgentHarness.Eventually(() => agent.HasExited || Answers(harness), "the agent answers on its socket");
        Assert.False(agent.HasExited, "the agent runs");
        await AgentHarness.Eventually(() => harness.Send("status", "").Result.Count == 0, "the agent can serve");
        return agent;
    }

    private static bool Answers(AgentHarness harness)
    {
        try
        {
            using var probe = harness.Connect().Result;
            return true;
        }
        catch (AggregateException e) when (e.InnerException is SocketException)
        {
            return false;
        }
    }

    /// <summary>Asks it to stop; it does, and calls that no failure.</summary>
    private static async Task Stop(AgentProcess agent)
    {
        Assert.Equal(0, Kill(agent.Id, 15));
        await Exit(agent);
        Assert.True(agent.ExitCode == 0, $"{agent.ExitCode}: {string.Join('\n', agent.Said.TakeLast(20))}");
    }

    private static async Task<(int Code, string Said)> RunToEnd(string[] arguments)
    {
        using var agent = Spawn(arguments);
        var output = agent.StandardOutput.ReadToEndAsync();
        var error = agent.StandardError.ReadToEndAsync();
        await Exit(agent);
        return (agent.ExitCode, await output + await error);
    }

    private static Task Exit(Process agent)
    {
        var cancel = TestContext.Current.CancellationToken;
        return agent.WaitForExitAsync(cancel).WaitAsync(TimeSpan.FromSeconds(30), cancel);
    }

    private static Process Spawn(IEnumerable<string> arguments) => Process.Start(StartOf(arguments))!;

    private static ProcessStartInfo StartOf(IEnumerable<string> arguments) =>
        new(Program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };

    /// <summary>An agent, and what it has logged.</summary>
    private sealed class AgentProcess : Process
    {
        public ConcurrentQueue<string> Said { get; } = new();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
