using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Weft.Testing;

namespace Weft.Benchmarks;

/// <summary>What weftd makes of single bits of its store that were flipped.</summary>
internal static class AttackStore
{
    private const string Said = "weft: listening on ";
    private const string Group = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/edge-east";

    /// <summary>Runs it.</summary>
    /// <param name="bin">Where weftd and weft are.</param>
    public static void Run(string bin, bool quick)
    {
        var flips = quick ? 100 : 1000;
        var root = Directory.CreateTempSubdirectory("weft-attack-");
        try
        {
            using var store = new AttackedStore(Path.GetFullPath(bin), root.FullName);
            store.Build("examples/5g-site");
            Console.Error.WriteLine($"bench: attack, {flips} flipped bits of a store of {store.Content.Length} bytes");
            var outcomes = BitFlips
                .Draw(store.Content, flips, seed: 1)
                .Select(flip => store.Try(flip.Offset, flip.Bit))
                .ToList();
            foreach (var kind in outcomes.GroupBy(outcome => outcome))
                Console.Error.WriteLine($"bench: {kind.Count()} {kind.Key}");
            double Count(FlipOutcome outcome) => outcomes.Count(o => o == outcome);
            new Figure("store-flips", outcomes.Count, "flips", ">=", flips).Print();
            new Figure("store-flips-served", Count(FlipOutcome.ServedOtherwise), "flips", "<=", 0).Print();
            new Figure("store-flips-stack-traces", Count(FlipOutcome.StackTrace), "flips", "<=", 0).Print();
            new Figure("store-flips-unclear", Count(FlipOutcome.RefusedUnclearly), "flips", "<=", 0).Print();
        }
        finally
        {
            root.Delete(true);
        }
    }

    /// <summary>What weftd did with a store that has one bit flipped.</summary>
    private enum FlipOutcome
    {
        /// <summary>It ended with the code of a damaged store, and one line that says the way out.</summary>
        Refused,

        /// <summary>It serves just what it served before.</summary>
        WithoutEffect,

        /// <summary>It serves something else, or a fault.</summary>
        ServedOtherwise,

        /// <summary>It ended with a stack trace.</summary>
        StackTrace,

        /// <summary>It ended in another way.</summary>
        RefusedUnclearly,
    }

    /// <summary>A store of a whole site, what weftd serves of it, and a directory to try it in.</summary>
    private sealed class AttackedStore(string bin, string root) : IDisposable
    {
        private const int DamagedStore = 65;
        private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };
        private readonly string _data = Path.Combine(root, "data");
        private List<string> _paths = [];
        private string _served = "";

        /// <summary>The store, cleanly closed.</summary>
        public byte[] Content { get; private set; } = [];

        private string Store => Path.Combine(_data, "weft.db");

        public void Build(string site)
        {
            var (process, url) = Start();
            var applied = Weft(url, "apply", "-f", site, "-o", "json");
            List<string> ids =
            [
                .. JsonNode.Parse(applied)!.AsArray().Select(step => step!["id"]!.ToString()).Distinct(),
            ];
            _paths =
            [
                .. ids.Select(id => $"{id}?api-version={VersionOf(id)}"),
                .. ids.Where(id => id.Contains("/l3Networks/", StringComparison.OrdinalIgnoreCase))
                    .Select(id => $"{id}/providers/Weft.Ipam/leases?api-version=2026-11-01"),
            ];
            _served = Read(url);
            Signal(process, "TERM");
            Content = File.ReadAllBytes(Store);
            // Once more, unharmed: else everything would count as served otherwise.
            if (TryContent(Content) != FlipOutcome.WithoutEffect)
                throw new InvalidOperationException("weftd doesn't serve the same after a restart");
        }

        public FlipOutcome Try(int offset, int bit) => TryContent(BitFlips.Flip(Content, offset, bit));

        public void Dispose() => _http.Dispose();

        private FlipOutcome TryContent(byte[] content)
        {
            File.Delete($"{Store}-wal");
            File.Delete($"{Store}-shm");
            File.WriteAllBytes(Store, content);
            using var process = Spawn("weftd", "serve", "--data", _data, "--listen", "127.0.0.1:0");
            var errors = process.StandardError.ReadToEndAsync();
            var line = process.StandardOutput.ReadLine();
            if (line?.StartsWith(Said, StringComparison.Ordinal) == true)
            {
                var served = Read(line[Said.Length..]);
                Signal(process, "KILL");
                return served == _served ? FlipOutcome.WithoutEffect : FlipOutcome.ServedOtherwise;
            }

            process.WaitForExit();
            var said = errors.Result;
            return said.Contains("   at ", StringComparison.Ordinal) ? FlipOutcome.StackTrace
                : process.ExitCode == DamagedStore
                && said.Count(c => c == '\n') == 1
                && said.Contains("weftd restore", StringComparison.Ordinal)
                    ? FlipOutcome.Refused
                : FlipOutcome.RefusedUnclearly;
        }

        /// <summary>All that was made, as it is served, and all leases.</summary>
        private string Read(string url)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token());
            return string.Join(
                '\n',
                _paths.Select(path =>
                {
                    using var response = _http.GetAsync(new Uri($"{url}{path}")).Result;
                    return $"{(int)response.StatusCode} {response.Content.ReadAsStringAsync().Result}";
                })
            );
        }

        private string Token() => File.ReadAllText(Path.Combine(_data, "admin.token")).Trim();

        private (Process Process, string Url) Start()
        {
            var process = Spawn("weftd", "serve", "--data", _data, "--listen", "127.0.0.1:0");
            return process.StandardOutput.ReadLine() is { } line && line.StartsWith(Said, StringComparison.Ordinal)
                ? (process, line[Said.Length..])
                : throw new InvalidOperationException($"weftd didn't start: {process.StandardError.ReadToEnd()}");
        }

        private string Weft(string url, params string[] words)
        {
            var parts = Group.Split('/');
            using var process = Spawn(
                "weft",
                [
                    .. words,
                    "--server",
                    url,
                    "--token-file",
                    Path.Combine(_data, "admin.token"),
                    "-s",
                    parts[2],
                    "-g",
                    parts[4],
                ]
            );
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? output
                : throw new InvalidOperationException($"weft {string.Join(' ', words)}: {errors.Result}");
        }

        private Process Spawn(string program, params string[] words) =>
            Process.Start(
                new ProcessStartInfo(Path.Combine(bin, program), words)
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    Environment = { ["XDG_CONFIG_HOME"] = root },
                }
            )!;

        private static void Signal(Process process, string signal)
        {
            Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
            process.WaitForExit();
        }

        private static string VersionOf(string id) =>
            id.Contains("/Weft.", StringComparison.OrdinalIgnoreCase) ? "2026-11-01"
            : id.Contains("/Microsoft.NetworkCloud", StringComparison.OrdinalIgnoreCase) ? "2026-10-01"
            : id.Contains("/Microsoft.ManagedNetworkFabric", StringComparison.OrdinalIgnoreCase) ? "2025-07-15"
            : "2021-04-01";
    }
}
