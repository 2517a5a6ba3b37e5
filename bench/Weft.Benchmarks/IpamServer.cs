using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Benchmarks;

/// <summary>What a load has seen of weftd.</summary>
/// <param name="Rate">Requests a second.</param>
/// <param name="Median">Microseconds.</param>
/// <param name="Slowest">What all but one in a hundred take at most, microseconds.</param>
/// <param name="Processor">What weftd spent on each, microseconds.</param>
internal sealed record IpamLoad(double Rate, double Median, double Slowest, double Processor);

/// <summary>weftd as users get it, on a store that is there, and the load on it.</summary>
internal sealed class IpamServer : IDisposable
{
    private const string Listens = "weft: listening on ";
    private const string Limits = """
        {"leases":{"perNode":10000000,"perCluster":100000000,"ratePerNode":100000,"burstPerNode":1000000,
        "ratePerCluster":1000000,"burstPerCluster":10000000,"keptPercent":0}}
        """;

    private readonly RelayFolder _folder;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(2) };
    private readonly Process _process;
    private readonly int _agents;
    private static int _pod = 1;

    /// <param name="load">The load generator.</param>
    public IpamServer(RelayFolder folder, string program, string load, int agents)
    {
        (_folder, Load, _agents) = (folder, load, agents);
        var limits = Path.Combine(folder.Root, "limits.json");
        File.WriteAllText(limits, Limits);
        var watch = Stopwatch.StartNew();
        _process = folder.Start(
            program,
            "serve",
            "--data",
            DataOf(folder),
            "--listen",
            "127.0.0.1:0",
            "--limits",
            limits
        );
        var line = _process.StandardOutput.ReadLine() ?? "";
        if (!line.StartsWith(Listens, StringComparison.Ordinal))
            throw new InvalidOperationException($"{program} didn't start");
        _ = _process.StandardOutput.ReadToEndAsync();
        _http.BaseAddress = new Uri(line[Listens.Length..]);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer",
            File.ReadAllText(Path.Combine(DataOf(folder), "admin.token")).Trim()
        );
        _ = Get("/subscriptions?api-version=2022-12-01").GetAwaiter().GetResult();
        Start = watch.Elapsed;
    }

    /// <summary>From the start of the process to the first answer.</summary>
    public TimeSpan Start { get; }

    public long ResidentBytes => RelayFolder.ResidentBytes(_process);

    public string Load { get; }

    public Uri Address => _http.BaseAddress!;

    /// <summary>Makes a token by which an agent enrols, in a file.</summary>
    public async Task<string> WriteEnrolmentToken(string name)
    {
        var path = $"{IpamSite.Cluster}/listEnrollmentToken?api-version=2026-10-01";
        using var body = new StringContent(
            new JsonObject { ["name"] = name, ["node"] = name }.ToJsonString(),
            Encoding.UTF8,
            "application/json"
        );
        using var answer = await _http.PostAsync(new Uri(path, UriKind.Relative), body);
        var said = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        var file = Path.Combine(_folder.Root, $"{name}.token");
        await File.WriteAllTextAsync(
            file,
            said["token"]?.ToString() ?? throw new InvalidOperationException(said.ToJsonString())
        );
        return file;
    }

    public static string DataOf(RelayFolder folder) => Path.Combine(folder.Root, "data");

    public static string StoreOf(RelayFolder folder) => Path.Combine(DataOf(folder), "weft.db");

    public async Task<JsonNode> Get(string path) =>
        JsonNode.Parse(await _http.GetStringAsync(new Uri(path, UriKind.Relative)))!;

    /// <summary>Writes a resource.</summary>
    public async Task Put(string id, JsonObject body, string version)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Put,
            new Uri($"{id}?api-version={version}", UriKind.Relative)
        );
        request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"{id}: {await answer.Content.ReadAsStringAsync()}");
    }

    /// <summary>Leases to new pods.</summary>
    /// <param name="networks">Their names, taken in turn.</param>
    public Task<IpamLoad> Acquire(int clients, int count, params IEnumerable<string> networks) =>
        AcquireInBatches(clients, count, 1, networks);

    /// <summary>The same, several pods of a network in a request.</summary>
    public async Task<IpamLoad> AcquireInBatches(int clients, int count, int items, params IEnumerable<string> networks)
    {
        var names = Path.Combine(_folder.Root, "networks.txt");
        await File.WriteAllLinesAsync(names, networks.Select(name => IpamSite.Network(name).ToString()));
        var agents = Path.Combine(_folder.Root, "agents.txt");
        await File.WriteAllLinesAsync(agents, await Task.WhenAll(Enumerable.Range(0, _agents).Select(OpenSession)));
        var before = RelayFolder.ProcessorTime(_process);
        string[] words =
        [
            "127.0.0.1",
            .. new[] { _http.BaseAddress!.Port, clients, count }.Select(n => n.ToString(CultureInfo.InvariantCulture)),
            "acquire",
            names,
            _pod.ToString(CultureInfo.InvariantCulture),
            agents,
            .. items > 1 ? new[] { items.ToString(CultureInfo.InvariantCulture) } : [],
        ];
        _pod += count;
        var said = RelayFolder.Run(Load, words);
        var spent = RelayFolder.ProcessorTime(_process) - before;
        Console.Error.WriteLine($"bench: {said.Trim()}, weftd {spent.TotalMicroseconds / count:0} us each");
        if (RelayLoad.Number(said, "errors") > 0)
            throw new InvalidOperationException("the load was refused");
        return new IpamLoad(
            RelayLoad.Number(said, "rate"),
            RelayLoad.Number(said, "p50"),
            RelayLoad.Number(said, "p99"),
            spent.TotalMicroseconds / count
        );
    }

    /// <summary>How long something takes, the median, milliseconds.</summary>
    public static async Task<double> Median(int runs, Func<int, Task> once)
    {
        var took = new List<double>();
        for (var i = 0; i < runs; i++)
        {
            var watch = Stopwatch.StartNew();
            await once(i);
            took.Add(watch.Elapsed.TotalMilliseconds);
        }

        return took.Order().ElementAt(runs / 2);
    }

    /// <summary>Ends it as a service manager does.</summary>
    public void Stop()
    {
        using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]))
            kill.WaitForExit();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _folder.Stop(_process);
        _http.Dispose();
    }

    private async Task<string> OpenSession(int agent)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            new Uri(AgentApi.Root + AgentApi.Session, UriKind.Relative)
        );
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", IpamSite.Credential(agent));
        using var answer = await _http.SendAsync(request);
        var body = JsonNode.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
        return $"{IpamSite.Credential(agent)} {body["session"]} {IpamSite.NodeOf(agent)}";
    }
}
