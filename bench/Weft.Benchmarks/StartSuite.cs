using System.Diagnostics;
using System.Globalization;

namespace Weft.Benchmarks;

/// <summary>How quickly the programs start, and what weftd needs when it rests.</summary>
internal static class StartSuite
{
    private const string HostLocal = "/usr/lib/cni/host-local";

    public static void Run(string bin, bool quick)
    {
        var runs = quick ? 20 : 100;
        Console.Error.WriteLine($"bench: start, {runs} runs each, medians; programs of {bin}");
        Weftd(Path.Combine(bin, "weftd"), quick ? 3 : 10);
        new Figure(
            "weft-version",
            Median(runs, () => Once(Path.Combine(bin, "weft"), ["--version"], [])),
            "ms",
            "<=",
            30
        ).Print();
        if (!File.Exists(HostLocal))
        {
            Console.Error.WriteLine(
                $"bench: {HostLocal} is missing (apt-get install containernetworking-plugins), "
                    + "so the plugin has no peer to be measured beside"
            );
            return;
        }

        // Taken in turns, so that whatever else the machine does falls on both alike.
        KeyValuePair<string, string?>[] version = [new("CNI_COMMAND", "VERSION")];
        List<double> ours = [],
            theirs = [];
        for (var i = 0; i < runs; i++)
        {
            ours.Add(Once(Path.Combine(bin, "weft-ipam"), [], version, "{\"cniVersion\":\"1.0.0\"}"));
            theirs.Add(Once(HostLocal, [], version, "{\"cniVersion\":\"1.0.0\"}"));
        }

        new Figure("weft-ipam-version", Median(ours), "ms", "<=", Median(theirs)).Print();
        new Figure("weft-ipam-version-to-host-local", Median(ours) / Median(theirs), "ratio", "<=", 1.0).Print();
        new Figure(
            "weft-ipam-size",
            new FileInfo(Resolve(Path.Combine(bin, "weft-ipam"))).Length / 1e6,
            "MB",
            "<=",
            10
        ).Print();
    }

    private static void Weftd(string program, int runs)
    {
        List<double> starts = [],
            memory = [];
        for (var i = 0; i < runs; i++)
        {
            var data = Directory.CreateTempSubdirectory("weft-bench-");
            try
            {
                var watch = Stopwatch.StartNew();
                using var server = Start(program, ["serve", "--data", data.FullName, "--listen", "127.0.0.1:0"], []);
                if (
                    server.StandardOutput.ReadLine()?.StartsWith("weft: listening on ", StringComparison.Ordinal)
                    != true
                )
                    throw new InvalidOperationException($"{program} didn't start: {server.StandardError.ReadToEnd()}");
                starts.Add(watch.Elapsed.TotalMilliseconds);
                // Resting: the start's garbage is what a user sees too, so nothing is collected first.
                Task.Delay(500).Wait();
                memory.Add(ResidentMegabytes(server.Id));
                Process.Start("kill", ["-TERM", server.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
                server.WaitForExit();
            }
            finally
            {
                data.Delete(true);
            }
        }

        new Figure("weftd-cold-start", Median(starts), "ms", "<=", 1000).Print();
        new Figure("weftd-resident-idle", Median(memory), "MB", "<=", 120).Print();
    }

    private static double Once(
        string program,
        string[] args,
        KeyValuePair<string, string?>[] environment,
        string input = ""
    )
    {
        var watch = Stopwatch.StartNew();
        using var process = Start(program, args, environment);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? watch.Elapsed.TotalMilliseconds
            : throw new InvalidOperationException($"{program} exited with {process.ExitCode}");
    }

    private static Process Start(string program, string[] args, KeyValuePair<string, string?>[] environment)
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} can't be started");
    }

    private static double Median(int runs, Func<double> once) =>
        Median([.. Enumerable.Range(0, runs).Select(_ => once())]);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static double ResidentMegabytes(int process)
    {
        var line = File.ReadLines($"/proc/{process}/status")
            .First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(
                line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
                CultureInfo.InvariantCulture
            ) / 1000;
    }

    private static string Resolve(string path) => File.ResolveLinkTarget(path, true)?.FullName ?? path;
}
