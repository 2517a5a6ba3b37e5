using System.Diagnostics;
using System.Globalization;

namespace Weft.Benchmarks;

/// <summary>
/// The load generator: a small program in C, the same for the relay and its peers, so that it takes as little of the
/// machine as can be.
/// </summary>
internal sealed class RelayLoad
{
    private readonly RelayFolder _folder;
    private readonly string _program;

    private RelayLoad(RelayFolder folder, string program) => (_folder, _program) = (folder, program);

    /// <summary>Whether gcc and OpenSSL's headers are here.</summary>
    public static bool CanBuild => File.Exists("/usr/bin/gcc") && File.Exists("/usr/include/openssl/ssl.h");

    /// <summary>Compiles it; null where that can't be done.</summary>
    public static RelayLoad? Build(RelayFolder folder) =>
        CanBuild ? new RelayLoad(folder, Compile(folder, "load")) : null;

    /// <summary>Compiles a program of bench/relay.</summary>
    /// <returns>The program.</returns>
    public static string Compile(RelayFolder folder, string name)
    {
        var program = Path.Combine(folder.Root, name);
        RelayFolder.Run(
            "/usr/bin/gcc",
            "-O2",
            "-o",
            program,
            $"bench/relay/{name}.c",
            "-lssl",
            "-lcrypto",
            "-lpthread"
        );
        return program;
    }

    /// <summary>
    /// One way over four pairs, as fast as it goes, so many frames a write: Gbit/s of payload, and the processor's time
    /// that carrying a Gbit took, ms; 0 where the carrier isn't known.
    /// </summary>
    public (double Speed, double Cost) Bulk(RelayPath path, int frame, int batch, double seconds)
    {
        var before = path.Carrier is { } carrier ? RelayFolder.ProcessorTime(carrier) : default;
        var outcome = RelayFolder.Run(
            _program,
            Arguments("bulk", path, "pairs=4", $"frame={frame}", $"batch={batch}", Seconds(seconds))
        );
        var took = path.Carrier is { } same ? RelayFolder.ProcessorTime(same) - before : default;
        return (Number(outcome, "gbit"), took.TotalMilliseconds / (Number(outcome, "bytes") * 8 / 1e9));
    }

    /// <summary>One way, frame by frame of 64 B: the median, µs.</summary>
    public double Latency(RelayPath path, double seconds) =>
        Number(RelayFolder.Run(_program, Arguments("latency", path, "frame=64", "pause=200", Seconds(seconds))), "p50");

    /// <summary>Starts a load that goes on: what it says is read line by line.</summary>
    public Process Start(string kind, RelayPath path, params string[] more) =>
        _folder.Start(_program, Arguments(kind, path, more));

    /// <summary>A number by the name in front of it.</summary>
    public static double Number(string text, string name)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return double.Parse(words[Array.IndexOf(words, name) + 1], CultureInfo.InvariantCulture);
    }

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"seconds={seconds}");

    private string[] Arguments(string kind, RelayPath path, params string[] more) =>
        [
            kind,
            $"up={path.SenderAddress}",
            $"down={path.ReceiverAddress}",
            $"ws={(path.IsWebSocket ? 1 : 0)}",
            $"tls={(path.IsTlsDownAlone ? "down" : path.IsTls ? "1" : "0")}",
            $"cert={_folder.Certificate}",
            $"key={_folder.Key}",
            .. more,
        ];
}
