using System.Diagnostics;

namespace Weft.Benchmarks;

/// <summary>Listeners that wait at weftd: what each costs, and how soon all are back after a kill.</summary>
internal static class ListenersSuite
{
    /// <summary>
    /// Longer than the relay lets a listener be silent before it pings (30 s), and than it looks for that.
    /// </summary>
    private static readonly TimeSpan BeyondAPing = TimeSpan.FromSeconds(45);

    public static void Run(string bin, bool quick)
    {
        using var folder = new RelayFolder();
        if (!RelayLoad.CanBuild)
        {
            Console.Error.WriteLine(
                "bench: the listeners need gcc and OpenSSL's headers (apt-get install gcc libc6-dev libssl-dev)"
            );
            return;
        }

        Measure(folder, bin, quick);
    }

    /// <summary>Measures.</summary>
    /// <param name="folder">Certificate, data and processes.</param>
    /// <param name="bin">The folder of weftd.</param>
    /// <param name="quick">Whether to take fewer of them, and not to wait until each was pinged.</param>
    public static void Measure(RelayFolder folder, string bin, bool quick)
    {
        var count = quick ? 2000 : 10_000;
        using var site = new ListeningSite(folder, Path.Combine(bin, "weftd"), count);
        // What it grew by while the connections were made would hide what listeners grow it by.
        site.Restart();
        var empty = MeasureAtRest(site.Process);
        var listeners = folder.Start(RelayLoad.Compile(folder, "listeners"), site.Relay, site.ListenerLines);
        MeasureMemory(site, listeners, count, empty, quick);
        MeasureReturn(site, listeners, count);
        folder.Stop(listeners);
        folder.Stop(site.Process);
    }

    /// <summary>What each costs that is there and, but for a quick run, has been pinged.</summary>
    private static void MeasureMemory(ListeningSite site, Process listeners, int count, long empty, bool quick)
    {
        PrintFigure("first", ReadListenersLine(listeners, count));
        Task.Delay(quick ? TimeSpan.FromSeconds(2) : BeyondAPing).Wait();
        var full = RelayFolder.ResidentBytes(site.Process);
        listeners.StandardInput.WriteLine();
        listeners.StandardInput.Flush();
        var (answered, (there, _)) = (RelayLoad.Number(ReadListenersLine(listeners, count), "pings"), site.Status());
        if ((!quick && answered < count) || there != count)
            throw new InvalidOperationException(
                $"of {count} listeners the relay knows {there}, and {answered} pings were answered"
            );
        Console.Error.WriteLine(
            $"bench: {count} listeners of weftd, {answered} pings answered: "
                + $"{empty / 1e6:0.0} MB without them, {full / 1e6:0.0} MB with them"
        );
        new Figure($"relay-listener-resident-{count}", (full - empty) / 1000.0 / count, "kB", "<=", 45).Print();
    }

    /// <summary>How soon all are back after a kill, and how many attempts failed until then.</summary>
    private static void MeasureReturn(ListeningSite site, Process listeners, int count)
    {
        var watch = Stopwatch.StartNew();
        site.Restart();
        var starting = watch.Elapsed;
        var back = ReadListenersLine(listeners, count);
        PrintFigure($"back after a kill (weftd was there again after {starting.TotalSeconds:0.0} s)", back);
        new Figure($"relay-listeners-back-{count}", watch.Elapsed.TotalSeconds, "s", "<=", 60).Print();
        new Figure(
            $"relay-listeners-back-{count}-refused",
            RelayLoad.Number(back, "refused") + RelayLoad.Number(back, "broken") + site.Status().Refusals,
            "attempts",
            "<=",
            0
        ).Print();
    }

    private static string ReadListenersLine(Process listeners, int count)
    {
        var line =
            listeners.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the listeners broke off");
        return RelayLoad.Number(line, "here") >= count
            ? line
            : throw new InvalidOperationException($"not all {count} listeners are there: {line}");
    }

    private static void PrintFigure(string when, string line) =>
        Console.Error.WriteLine($"bench: listeners, {when}: {line}");

    private static long MeasureAtRest(Process process)
    {
        Task.Delay(1000).Wait();
        return RelayFolder.ResidentBytes(process);
    }
}
