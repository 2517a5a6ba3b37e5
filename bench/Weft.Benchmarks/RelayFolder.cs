using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Weft.Benchmarks;

/// <summary>
/// A folder for one run: certificate, configurations, logs; and the processes that were started for it, which end with
/// it.
/// </summary>
internal sealed class RelayFolder : IDisposable
{
    private readonly List<Process> _started = [];

    public RelayFolder()
    {
        Root = Directory.CreateTempSubdirectory("weft-bench-relay-").FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            now.AddHours(-1),
            now.AddDays(1)
        );
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Certificate, certificate.ExportCertificatePem());
    }

    public string Root { get; }

    public string Certificate => Path.Combine(Root, "tls.crt");

    public string Key => Path.Combine(Root, "tls.key");

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it wrote to its output.</returns>
    public static string Run(string program, params string[] arguments)
    {
        using var process = Launch(program, arguments);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} exited with {process.ExitCode}"
            );
    }

    /// <summary>Starts a program that ends with this folder, or by <see cref="Stop"/>.</summary>
    public Process Start(string program, params string[] arguments)
    {
        var process = Launch(program, arguments);
        _started.Add(process);
        return process;
    }

    public void Stop(Process process)
    {
        if (!process.HasExited)
            process.Kill(true);
        process.WaitForExit();
        _started.Remove(process);
    }

    /// <summary>Waits until somebody listens on a port.</summary>
    public static void WaitForPort(int port)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(10); Task.Delay(20).Wait())
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", port);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }

        throw new InvalidOperationException($"nobody listens on port {port}");
    }

    /// <summary>What a process has in memory, bytes.</summary>
    public static long ResidentBytes(Process process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status")
            .First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024
            * long.Parse(
                line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
                CultureInfo.InvariantCulture
            );
    }

    /// <summary>What a process and its children have used of the processor.</summary>
    public static TimeSpan ProcessorTime(Process process)
    {
        var all = File.ReadAllText($"/proc/{process.Id}/task/{process.Id}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Append($"{process.Id}");
        // Fields 14 and 15 of proc_pid_stat(5), in hundredths of a second; the name before them may hold blanks.
        return TimeSpan.FromMilliseconds(
            10
                * all.Sum(id =>
                {
                    var fields = File.ReadAllText($"/proc/{id}/stat").Split(") ")[^1].Split(' ');
                    return long.Parse(fields[11], CultureInfo.InvariantCulture)
                        + long.Parse(fields[12], CultureInfo.InvariantCulture);
                })
        );
    }

    public void Dispose()
    {
        foreach (var process in _started.ToArray())
            Stop(process);
        Directory.Delete(Root, true);
    }

    private static Process Launch(string program, string[] arguments) =>
        Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }
        ) ?? throw new InvalidOperationException($"{program} can't be started");
}
