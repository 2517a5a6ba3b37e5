using System.Diagnostics;
using System.Globalization;

namespace Weft.Benchmarks;

/// <summary>What leases are measured beside: the disk itself, and a database that does the least that leasing needs.</summary>
internal static class IpamPeers
{
    private const string User = "postgres";

    /// <summary>How long a write of 4 KiB and its fdatasync take on the disk of a folder, the median, milliseconds.</summary>
    /// <param name="load">The load generator.</param>
    public static double MeasureSync(RelayFolder folder, string load, int runs) =>
        RelayLoad.Number(
            RelayFolder.Run(
                load,
                "sync",
                Path.Combine(folder.Root, "sync"),
                runs.ToString(CultureInfo.InvariantCulture)
            ),
            "p50"
        ) / 1000;

    /// <summary>
    /// What a transaction of PostgreSQL takes of the processor that leases one address, durable, in one statement: the next of
    /// its network, and a row whose keys are the address and the holder. A hundred networks, 16 clients, prepared statements, a
    /// socket in the file system.
    /// </summary>
    /// <returns>Microseconds, and transactions a second; null where there is no PostgreSQL.</returns>
    public static (double Processor, double Rate)? MeasurePostgres(RelayFolder folder, int count)
    {
        if (FindBin() is not { } bin)
            return null;
        var root = Directory.CreateTempSubdirectory("weft-bench-pg-").FullName;
        RelayFolder.Run("/usr/bin/chown", User, root);
        try
        {
            As($"{bin}/initdb -D {root}/data -A trust >/dev/null");
            As(
                $"{bin}/pg_ctl -D {root}/data -w -l {root}/log -o \"-k {root} -c listen_addresses=''\" start >/dev/null"
            );
            try
            {
                return Measure(bin, root, count);
            }
            finally
            {
                As($"{bin}/pg_ctl -D {root}/data -m immediate stop >/dev/null");
            }
        }
        finally
        {
            Directory.Delete(root, true);
        }
    }

    private static (double Processor, double Rate) Measure(string bin, string root, int count)
    {
        File.WriteAllText(
            $"{root}/schema.sql",
            """
            create table pool(network int primary key, next bigint not null);
            insert into pool select n, 0 from generate_series(1, 100) n;
            create table lease(network int, address bigint, holder text unique not null, since timestamptz not null,
                primary key(network, address));
            """
        );
        File.WriteAllText(
            $"{root}/lease.sql",
            """
            \set network random(1, 100)
            with picked as (update pool set next = next + 1 where network = :network returning network, next)
            insert into lease select network, next, gen_random_uuid()::text, now() from picked;

            """
        );
        As($"psql -q -h {root} -f {root}/schema.sql {User}");
        var server = Process.GetProcessById(
            int.Parse(File.ReadLines($"{root}/data/postmaster.pid").First(), CultureInfo.InvariantCulture)
        );
        var before = Spent(server);
        var said = As(
            $"{bin}/pgbench -n -M prepared -h {root} -f {root}/lease.sql -c 16 -j 1 -t {count / 16} {User} 2>&1"
        );
        // Of a session that ended it is known once its parent has waited for it.
        Task.Delay(300).Wait();
        var spent = Spent(server) - before;
        var rate = said.Split('\n').First(line => line.StartsWith("tps = ", StringComparison.Ordinal)).Split(' ')[2];
        Console.Error.WriteLine($"bench: PostgreSQL {rate} a second, {spent.TotalMicroseconds / count:0} us each");
        return (spent.TotalMicroseconds / count, double.Parse(rate, CultureInfo.InvariantCulture));
    }

    /// <summary>What a server, its processes and those it has waited for have used of the processor.</summary>
    private static TimeSpan Spent(Process server)
    {
        // Fields 16 and 17 of proc_pid_stat(5), in hundredths of a second.
        var fields = File.ReadAllText($"/proc/{server.Id}/stat").Split(") ")[^1].Split(' ');
        return RelayFolder.ProcessorTime(server)
            + TimeSpan.FromMilliseconds(
                10
                    * (
                        long.Parse(fields[13], CultureInfo.InvariantCulture)
                        + long.Parse(fields[14], CultureInfo.InvariantCulture)
                    )
            );
    }

    private static string? FindBin()
    {
        string? Found() =>
            Directory.Exists("/usr/lib/postgresql")
                ? Directory
                    .GetDirectories("/usr/lib/postgresql")
                    .Select(path => $"{path}/bin")
                    .FirstOrDefault(path => File.Exists($"{path}/initdb"))
                : null;
        if (Found() is { } there)
            return there;
        try
        {
            RelayFolder.Run("/usr/bin/apt-get", "-qq", "install", "-y", "--no-install-recommends", "postgresql");
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"bench: PostgreSQL isn't here (apt-get install postgresql): {e.Message}");
        }

        return Found();
    }

    private static string As(string command) =>
        RelayFolder.Run("/usr/sbin/runuser", "-u", User, "--", "/bin/sh", "-c", $"cd / && {command}");
}
