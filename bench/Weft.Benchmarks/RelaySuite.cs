namespace Weft.Benchmarks;

/// <summary>
/// How fast, how soon and in how much memory the relay carries bytes, beside nginx and ssh. Taken in turns: of each
/// turn the ratio, of the ratios the median.
/// </summary>
internal static class RelaySuite
{
    /// <summary>
    /// Small frames a write: as many as one record of TLS holds. With one a write, most of the two cores goes into the
    /// load's own calls.
    /// </summary>
    private const int Gathered = 15;

    public static void Run(string bin, bool quick)
    {
        using var folder = new RelayFolder();
        if (RelayLoad.Build(folder) is not { } load)
        {
            Console.Error.WriteLine(
                "bench: the load needs gcc and OpenSSL's headers (apt-get install gcc libc6-dev libssl-dev)"
            );
            return;
        }

        var trial = quick ? new Trial(load, 2, 0.4, IsQuick: true) : new Trial(load, 9, 2.0, IsQuick: false);
        var (plain, _) = RelayPeers.Relay(folder, false);
        var (tls, _) = RelayPeers.Relay(folder, true);
        if (RelayPeers.Nginx(folder) is { } nginx)
        {
            BesideNginx(trial, plain, nginx.Plain, tls, nginx.Tls);
        }
        else
        {
            Console.Error.WriteLine(
                "bench: nginx isn't here (apt-get install nginx libnginx-mod-stream), so most figures have nothing to be measured beside"
            );
        }

        if (RelayPeers.Ssh(folder) is { } ssh)
            BesideSsh(trial, tls, ssh);
        else
            Console.Error.WriteLine("bench: sshd isn't here (apt-get install openssh-server)");
        ListenersSuite.Measure(folder, bin, quick);
        Stalled(folder, load, quick ? 6 : 60);
    }

    private static void BesideNginx(
        Trial trial,
        RelayPath plain,
        RelayPath nginxPlain,
        RelayPath tls,
        RelayPath nginxTls
    )
    {
        trial.Bulk("relay-bulk-64k-tls-to-nginx", tls, nginxTls, 65536, 1, 1.0);
        trial.Bulk("relay-bulk-64k-plain-to-nginx", plain, nginxPlain, 65536, 1, 1.2);
        trial.Bulk("relay-bulk-1k-tls-to-nginx", tls, nginxTls, 1024, Gathered, 1.3);
        trial.Bulk("relay-bulk-1k-plain-to-nginx", plain, nginxPlain, 1024, Gathered, 1.2);
        if (!trial.IsQuick)
        {
            trial.Bulk("relay-bulk-1k-single-tls-to-nginx", tls, nginxTls, 1024, 1, 1.3);
            trial.Bulk("relay-bulk-1k-single-plain-to-nginx", plain, nginxPlain, 1024, 1, 1.2);
        }

        Latency(trial.Load, "plain", plain, nginxPlain, trial.Turns, trial.Seconds);
        Latency(trial.Load, "tls", tls, nginxTls, trial.Turns, trial.Seconds);
    }

    private static void BesideSsh(Trial trial, RelayPath tls, RelayPath ssh)
    {
        // ssh encrypts once, from the one end of its tunnel to the other; what connects to either end is plain. One
        // hop of TLS is its like, two are more.
        var once = tls with
        {
            SenderAddress = tls.PlainAddress,
            IsTlsDownAlone = true,
        };
        trial.Bulk("relay-bulk-one-tls-hop-to-ssh", once, ssh, 65536, 1, 2);
        if (!trial.IsQuick)
            trial.Bulk("relay-bulk-tls-to-ssh", tls, ssh, 65536, 1, 2);
    }

    /// <summary>
    /// Both carriers, and but for a quick run nobody in between, who is the bound: what the load itself costs the two
    /// cores no relay can win back.
    /// </summary>
    private static void Bulk(
        string name,
        int turns,
        double target,
        Func<RelayPath, (double Speed, double Cost)> run,
        RelayPath relay,
        RelayPath peer
    )
    {
        List<(double Speed, double Cost)> ours = [],
            theirs = [],
            direct = [];
        for (var i = 0; i < turns; i++)
        {
            // Who goes first changes, so that what the machine does meanwhile falls on both alike.
            if (i % 2 == 0)
                ours.Add(run(relay));
            theirs.Add(run(peer));
            if (i % 2 == 1)
                ours.Add(run(relay));
            if (i % 3 == 2)
                direct.Add(run(RelayPath.Direct(relay.IsTls)));
        }

        var bound = direct.Count == 0 ? "" : $", {Median(direct, b => b.Speed):0.00} with nobody in between";
        var cost = peer.Carrier is null
            ? ""
            : $"; processor time, ms a Gbit: {Median(ours, b => b.Cost):0} to {Median(theirs, b => b.Cost):0}";
        Console.Error.WriteLine(
            $"bench: {name}: {Median(ours, b => b.Speed):0.00} to {Median(theirs, b => b.Speed):0.00} Gbit/s{bound}{cost}"
        );
        new Figure(
            name,
            Median([.. ours.Zip(theirs, (us, them) => us.Speed / them.Speed)]),
            "ratio",
            ">=",
            target
        ).Print();
    }

    /// <summary>What each adds to the way without it.</summary>
    private static void Latency(
        RelayLoad load,
        string name,
        RelayPath relay,
        RelayPath nginx,
        int turns,
        double seconds
    )
    {
        List<double> ours = [],
            theirs = [],
            without = [];
        for (var i = 0; i < turns; i++)
        {
            without.Add(load.Latency(RelayPath.Direct(relay.IsTls), seconds));
            theirs.Add(load.Latency(nginx, seconds));
            ours.Add(load.Latency(relay, seconds));
        }

        Console.Error.WriteLine(
            $"bench: one way, 64 B, {name}: direct {Median(without):0.0} µs, nginx {Median(theirs):0.0} µs, relay {Median(ours):0.0} µs"
        );
        new Figure(
            $"relay-latency-added-{name}-to-nginx",
            (Median(ours) - Median(without)) / (Median(theirs) - Median(without)),
            "ratio",
            "<=",
            1.5
        ).Print();
    }

    /// <summary>A reader that stops while its sender blasts.</summary>
    private static void Stalled(RelayFolder folder, RelayLoad load, int seconds)
    {
        var (path, process) = RelayPeers.Relay(folder, true);
        var run = load.Start("stall", path, "pairs=3", $"stall={seconds}", "seconds=2", "frame=65536");
        _ = run.StandardOutput.ReadLine();
        _ = run.StandardOutput.ReadLine();
        var (before, most) = (RelayFolder.ResidentBytes(process), 0L);
        var resumed = run.StandardOutput.ReadLineAsync();
        while (!resumed.Wait(100))
            most = Math.Max(most, RelayFolder.ResidentBytes(process));
        var outcome =
            run.StandardOutput.ReadLine()
            ?? throw new InvalidOperationException("the load with a stalled reader broke off");
        new Figure("relay-stalled-reader-growth", (most - before) / 1e6, "MB", "<=", 4).Print();
        new Figure(
            "relay-stalled-reader-others-p99-to-rest",
            RelayLoad.Number(outcome, "paused") / RelayLoad.Number(outcome, "rest"),
            "ratio",
            "<=",
            2
        ).Print();
        new Figure("relay-stalled-reader-data-whole", RelayLoad.Number(outcome, "whole"), "yes", ">=", 1).Print();
        folder.Stop(run);
        folder.Stop(process);
    }

    private static double Median(
        List<(double Speed, double Cost)> values,
        Func<(double Speed, double Cost), double> of
    ) => Median([.. values.Select(of)]);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[sorted.Count / 2] + sorted[(sorted.Count - 1) / 2]) / 2;
    }

    /// <summary>The load, how often it is asked, and how long it runs each time.</summary>
    private sealed record Trial(RelayLoad Load, int Turns, double Seconds, bool IsQuick)
    {
        public void Bulk(string name, RelayPath relay, RelayPath peer, int frame, int batch, double target) =>
            RelaySuite.Bulk(name, Turns, target, path => Load.Bulk(path, frame, batch, Seconds), relay, peer);
    }
}
