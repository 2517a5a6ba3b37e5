using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Weft.Relay.Testing;

/// <summary>
/// Ends a suite that hangs, and says which tests hold it. A test that runs beyond the limit is named and cancelled by its
/// own token; one that doesn't heed that ends the process, so that no suite waits for ever for what never comes.
/// </summary>
internal sealed class Watchdog
{
    /// <summary>The exit code of a suite that was ended; 1 and 2 are the runner's own.</summary>
    public const int ExitCode = 3;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Whoever ends the suite from outside, as ./test does at its limit, is told the same.
    private static PosixSignalRegistration? _termination;

    private readonly ConcurrentDictionary<string, Run> _running = new();
    private readonly TimeSpan _limit;
    private readonly TimeSpan _grace;

    private Watchdog(TimeSpan limit, TimeSpan grace) => (_limit, _grace) = (limit, grace);

    public static Watchdog Current { get; } = Start();

    /// <summary>What has begun and not ended, the oldest first.</summary>
    private IEnumerable<Run> Running => _running.Values.OrderBy(r => r.Since.Elapsed).Reverse();

    public void Started(string id, string name) => _running[id] = new(name, DateTime.Now, Stopwatch.StartNew());

    /// <summary>Says how a test that has begun can be cancelled.</summary>
    public void Cancellable(string id, string name, Action cancel) =>
        _running.AddOrUpdate(
            id,
            _ => new(name, DateTime.Now, Stopwatch.StartNew()) { Cancel = cancel },
            (_, run) => run with { Cancel = cancel }
        );

    public void Ended(string id) => _running.TryRemove(id, out _);

    private static Watchdog Start()
    {
        var watchdog = new Watchdog(Seconds("WEFT_TEST_LIMIT", 180), Seconds("WEFT_TEST_GRACE", 20));
        // A thread of its own: where every thread of the pool hangs, a timer would hang too.
        _termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => watchdog.End());
        new Thread(watchdog.Watch) { IsBackground = true, Name = "watchdog" }.Start();
        return watchdog;
    }

    /// <param name="otherwise">Many times what the slowest test takes on a loaded machine.</param>
    private static TimeSpan Seconds(string variable, int otherwise) =>
        TimeSpan.FromSeconds(
            int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : otherwise
        );

    private void Watch()
    {
        var cancelled = new HashSet<string>();
        while (true)
        {
            Thread.Sleep(Interval);
            foreach (var (id, run) in _running)
            {
                if (run.Since.Elapsed > _limit && cancelled.Add(id))
                    CancelTest(run);
                if (run.Since.Elapsed > _limit + _grace)
                    End();
            }
        }
    }

    private static void CancelTest(Run run)
    {
        Say($"'{run.Name}' has run for {run.Age}, since {run.Start}; it is cancelled");
        // Whoever waits for the token runs on here, and may hang as the test does.
        _ = Task.Run(() => run.Cancel?.Invoke());
    }

    private void End()
    {
        Say("the suite is ended. These tests were running:");
        foreach (var run in Running)
            Say($"  '{run.Name}' has run for {run.Age}, since {run.Start}");
        Say($"{ThreadPool.ThreadCount} threads in the pool, {ThreadPool.PendingWorkItemCount} pieces of work wait");
        foreach (var child in Children())
            Say($"  a child runs: {child}");
        Environment.Exit(ExitCode);
    }

    /// <summary>The programs that were started here and haven't ended: a test that hangs often waits for one.</summary>
    private static IEnumerable<string> Children() =>
        Directory
            .EnumerateDirectories($"/proc/{Environment.ProcessId}/task")
            .SelectMany(task => Read($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(process => $"{process} {Read($"/proc/{process}/cmdline").Replace('\0', ' ')}");

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            // It has ended.
            return "";
        }
    }

    private static void Say(string line) => Console.Error.WriteLine($"watchdog: {line}");

    private sealed record Run(string Name, DateTime Began, Stopwatch Since)
    {
        public Action? Cancel { get; init; }

        public string Age => $"{Since.Elapsed.TotalSeconds:F0} s";

        public string Start => Began.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
    }
}
