using System.Globalization;
using System.Text;
using Weft.Resources;
using Weft.Server.Storage;

namespace Weft.Server;

/// <summary>
/// <c>weftd backup</c>, <c>weftd check</c> and <c>weftd restore</c>: what an operator does with a store beside a weftd, or
/// without one.
/// </summary>
internal static class StoreCommand
{
    /// <summary>Where the store is unless <c>--data</c> says otherwise; the state directory of the systemd unit.</summary>
    private const string DefaultData = "/var/lib/weft";

    private const int Mistaken = 64;

    /// <summary>What <c>weftd backup --help</c> and its like say.</summary>
    public const string Usage = """
        usage: weftd backup FILE [--data DIR] [--force]
               weftd check [FILE] [--data DIR] [--accept-loss [--without-registration]] [--output table|json]
               weftd restore FILE [--data DIR] [--without-registration]

          --data DIR               the data directory (default /var/lib/weft)
          --force                  replace FILE where it is there already
          --accept-loss            go on with what is there of a store that has lost commits
          --without-registration   lease at once, without waiting for the agents to register what they hold
          --output table|json      what check prints (default table)

        backup writes a copy that is whole, also while a weftd serves from DIR. check reads every page and row: exit 0 where all
        is as it was committed, else 1. restore puts FILE in the place of DIR's store, whose files it keeps beside it, and begins
        a new epoch: agents register what they hold before addresses are leased anew.
        """;

    /// <summary>Whether the words are one of these commands.</summary>
    public static bool Knows(string word) => word is "backup" or "check" or "restore";

    /// <summary>Runs it.</summary>
    /// <param name="args">The command and what stands behind it.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="IOException">It can't be done; the message says why.</exception>
    public static int Run(string[] args, TimeProvider time)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            Console.WriteLine(Usage);
            return 0;
        }

        var given = StoreArguments.Read(args[0], args[1..]);
        foreach (var mistake in given.Mistakes)
            Console.Error.WriteLine($"weftd: {mistake}");
        if (given.Mistakes.Count > 0)
        {
            Console.Error.WriteLine($"weftd: see weftd {args[0]} --help");
            return Mistaken;
        }

        var data = given.Values.GetValueOrDefault("--data", DefaultData);
        return args[0] switch
        {
            "backup" => Backup(given, data),
            "check" => Check(given, data, time),
            _ => Restore(given, data, time),
        };
    }

    private static int Backup(StoreArguments given, string data)
    {
        var report = StoreBackup.Write(
            Path.Combine(data, StoreFiles.StoreName),
            given.File!,
            given.Values.ContainsKey("--force")
        );
        Console.WriteLine($"{given.File}: {Describe(report)}");
        return 0;
    }

    private static int Check(StoreArguments given, string data, TimeProvider time)
    {
        StoreReport report;
        if (given.Values.ContainsKey("--accept-loss"))
        {
            using var locked = DataDirectory.Lock(data);
            report = StoreRestore.AcceptLoss(
                locked,
                !given.Values.ContainsKey("--without-registration"),
                time.GetUtcNow()
            );
        }
        else
        {
            report = StoreReport.Check(given.File ?? Path.Combine(data, StoreFiles.StoreName));
        }

        if (given.Values.GetValueOrDefault("--output") == "json")
        {
            Console.Write(Json.ToIndentedText(report.ToJson()));
            return report.IsWhole ? 0 : 1;
        }

        Console.WriteLine($"{report.Path}: {Describe(report)}");
        foreach (var fault in report.Faults)
            Console.WriteLine($"  damaged: {fault}");
        if (report.Loss is not null)
            Console.WriteLine($"  lost: {report.Loss}");
        return report.IsWhole ? 0 : 1;
    }

    private static int Restore(StoreArguments given, string data, TimeProvider time)
    {
        using var locked = DataDirectory.Lock(data);
        var unknown = StoreRestore.AgentsUnknownTo(given.File!, locked.Store);
        var (report, before) = StoreRestore.Restore(
            locked,
            given.File!,
            !given.Values.ContainsKey("--without-registration"),
            time.GetUtcNow()
        );
        Console.WriteLine($"{report.Path}: {Describe(report)}");
        if (before is not null)
            Console.WriteLine($"the store before is kept as {before}");
        foreach (var agent in unknown)
            Console.Error.WriteLine(
                $"weftd: the backup doesn't know the agent {agent}, so nobody will wait for it: enrol it anew, with the state "
                    + "directory it has, before pods are started"
            );
        return 0;
    }

    private static string Describe(StoreReport report)
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{(report.IsWhole ? "whole" : "not whole")}, format {report.Format}, revision {report.Revision}, {report.Rows} rows"
        );
        if (report.Epoch is not null)
            text.Append(CultureInfo.InvariantCulture, $", epoch {report.Epoch}");
        if (report.Format == 1)
            text.Append(", without checksums: the next start of weftd, or a restore, adds them");
        if (report.IsOpen)
            text.Append(", in use or not closed");
        return text.ToString();
    }
}
