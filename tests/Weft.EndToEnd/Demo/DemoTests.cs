using System.Diagnostics;

namespace Weft.EndToEnd.Demo;

/// <summary>The demo of the main job, on this machine's kernel.</summary>
public sealed class DemoTests
{
    private const int Lacking = 77;

    /// <summary>A word or two of each check, in the order in which they are made.</summary>
    private static readonly string[] Checks =
    [
        "weftd listens",
        "weft apply",
        "weft plan: nothing would change",
        "each agent has written its manifests and its node file",
        "every node has its ports",
        "probe1 and router1 have theirs",
        "with the addresses drawn for them",
        "ADD core/upf-0 on core-east-w1: 10.20.6.",
        "ADD core/upf-1 on core-east-w1: 10.20.6.",
        "ADD core/upf-2 on core-east-w2: 10.20.6.",
        "ADD core/upf-0 on core-west-w1: 10.20.6.",
        "ADD core/upf-1 on core-west-w2: 10.20.6.",
        "ADD core/smf-0 on core-west-w2: 10.20.6.",
        "no two have the same",
        "all addresses are of n6's prefixes",
        "each reaches each by IPv4 (28 pairs",
        "each reaches each by IPv6 (28 pairs",
        "8900 bytes go through unfragmented by IPv4",
        "8900 bytes go through unfragmented by IPv6",
        "pod core/upf-0 net1 in core-east",
        "pod core/upf-0 net1 in core-west",
        "virtual machine probe1 n6",
        "virtual machine router1 n6",
        "weft ipam show n6: 8 of each family",
        "ADD again: core/upf-0 of core-east",
        "CHECK passes for every pod",
        "a pod that asks for 10.20.6.77 gets it",
        "is refused (100)",
        "leaves probe1's address alone",
        "stops (SIGTERM)",
        "it answers the same for the pods it knew",
        "weftd stops (SIGTERM)",
        "the agent knows the answer",
        "all the same: its node owns some",
        "try later (11)",
        "DEL succeeds",
        "the release arrives",
        "given meanwhile: pod core/dns-2 net1 in core-west",
        "DEL core/upf-0 on core-east-w1",
        "DEL core/dns-2 on core-west-w1",
        "weft who names nobody for any address",
        "as before the first pod",
        "nothing is left behind",
    ];

    [Fact]
    public async Task Pods_of_two_clusters_and_machines_share_a_network()
    {
        var (exit, output, errors) = await Run(TestContext.Current.CancellationToken);
        if (exit == Lacking)
            Assert.Skip(errors.Trim());

        var all = $"{output}\n{errors}";
        Assert.True(exit == 0, all);
        Assert.DoesNotContain("FAIL", output, StringComparison.Ordinal);
        var passed = output.Split('\n').Where(line => line.StartsWith("  ok    ", StringComparison.Ordinal)).ToList();
        Assert.All(Checks, check => Assert.Contains(passed, line => line.Contains(check, StringComparison.Ordinal)));
        Assert.EndsWith($"demo: {passed.Count} checks passed\n", output, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Output, string Errors)> Run(CancellationToken cancel)
    {
        var root = Root();
        using var programs = Programs.Of(root);
        var start = new ProcessStartInfo(Path.Join(root, "examples", "demo", "demo.sh"), ["--quiet"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = root,
        };
        start.Environment["WEFT_BIN"] = programs.Directory;
        using var demo = Process.Start(start)!;
        try
        {
            var output = demo.StandardOutput.ReadToEndAsync(cancel);
            var errors = demo.StandardError.ReadToEndAsync(cancel);
            await demo.WaitForExitAsync(cancel).WaitAsync(TimeSpan.FromMinutes(5), cancel);
            return (demo.ExitCode, await output, await errors);
        }
        finally
        {
            // The script takes everything down with it.
            if (!demo.HasExited)
                demo.Kill();
        }
    }

    private static string Root()
    {
        for (
            var directory = AppContext.BaseDirectory;
            directory is not null;
            directory = Path.GetDirectoryName(directory)
        )
        {
            if (File.Exists(Path.Join(directory, "Weft.slnx")))
                return directory;
        }

        throw new InvalidOperationException($"no directory above {AppContext.BaseDirectory} has Weft.slnx");
    }

    /// <summary>
    /// The directory that holds the four programs: <c>WEFT_BIN</c>, or links to what was built as this test was.
    /// </summary>
    private sealed record Programs(string Directory, bool IsOurs) : IDisposable
    {
        private static readonly (string Project, string Program)[] Built =
        [
            ("Weft.Server", "weftd"),
            ("Weft.Cli", "weft"),
            ("Weft.Agent", "weft-agent"),
            ("Weft.Cni", "weft-ipam"),
        ];

        public static Programs Of(string root)
        {
            if (Environment.GetEnvironmentVariable("WEFT_BIN") is { Length: > 0 } given)
                return new Programs(given, false);
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
            var links = System.IO.Directory.CreateTempSubdirectory("weft-demo-test-").FullName;
            foreach (var (project, program) in Built)
                File.CreateSymbolicLink(
                    Path.Join(links, program),
                    Path.Join(root, "artifacts", "bin", project, configuration, program)
                );
            return new Programs(links, true);
        }

        public void Dispose()
        {
            if (IsOurs)
                System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
