using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Testing.Soak;

/// <summary>How long leases are worked on.</summary>
/// <param name="Calls">So many answered calls at least.</param>
/// <param name="ServerClients">Who asks weftd itself.</param>
/// <param name="AgentClients">Who asks the agent of a node, for each of the two.</param>
/// <param name="BetweenFaults">From the end of a fault to the next one.</param>
/// <param name="AtMost">Then it ends, however much was done.</param>
internal sealed record SoakPlan(
    long Calls,
    int ServerClients,
    int AgentClients,
    TimeSpan BetweenFaults,
    TimeSpan AtMost
);

/// <summary>What came of it.</summary>
/// <param name="Calls">Answered calls.</param>
/// <param name="Faults">How often each fault was made.</param>
/// <param name="Problems">What may never be, a sentence each.</param>
internal sealed record SoakReport(
    long Calls,
    TimeSpan Elapsed,
    IReadOnlyDictionary<string, int> Faults,
    IReadOnlyList<string> Problems
);

/// <summary>
/// weftd and the agents of two nodes as processes, many clients, and faults: each is killed, frozen, has its time of day stepped and its
/// disk filled. All that clients were told is one history, which must be linearizable, and at the end everybody has what they were told.
/// </summary>
/// <param name="server">The program weftd.</param>
/// <param name="agent">The program weft-agent.</param>
internal sealed class SoakRun(string server, string agent, SoakPlan plan) : IAsyncDisposable
{
    private const int Nodes = 2;
    private static readonly TimeSpan ForAStart = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan FullFor = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan FrozenFor = TimeSpan.FromMilliseconds(900);

    private readonly string _root = Directory.CreateTempSubdirectory("weft-soak-").FullName;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(1) };
    private readonly LeaseHistory _history = new();
    private readonly List<FaultyProgram> _agents = [];
    private readonly Dictionary<string, int> _faults = [];
    private FaultyProgram _server = null!;
    private SoakSite _site = null!;

    /// <summary>What the programs said last: for whoever looks for a cause.</summary>
    public string Logs => string.Join("\n--\n", _agents.Prepend(_server).Select(program => program.Log));

    /// <summary>Runs it.</summary>
    /// <exception cref="OperationCanceledException">A program didn't start.</exception>
    public async Task<SoakReport> Run()
    {
        var (port, hasDisks, overlay) = (FreePort(), true, await FaultyProgram.CompileClock(_root));
        var url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        hasDisks &= await StartServer(url, overlay);
        for (var node = 0; node < Nodes; node++)
            hasDisks &= await StartAgent(url, node, overlay);
        var workers = await Workers(url);
        var watch = Stopwatch.StartNew();
        using (var over = new CancellationTokenSource())
        {
            var work = workers.Select(worker => Task.Run(() => worker.Work(over.Token))).ToArray();
            await Disturb(watch, hasDisks, overlay is not null);
            await over.CancelAsync();
            await Task.WhenAll(work);
        }

        var elapsed = watch.Elapsed;
        var differences = await Compare(workers);
        return new SoakReport(_history.Calls, elapsed, _faults, [.. _history.Check(SoakSite.Sizes), .. differences]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _agents.Append(_server))
        {
            if (program is not null)
                await program.DisposeAsync();
        }

        _http.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<bool> StartServer(Uri url, string? overlay)
    {
        var folder = Directory.CreateDirectory(Path.Join(_root, "weftd")).FullName;
        var limits = Path.Join(folder, "limits.json");
        await File.WriteAllTextAsync(limits, SoakSite.Limits);
        var data = Path.Join(folder, "disk", "data");
        _server = new FaultyProgram(
            server,
            folder,
            overlay,
            "serve",
            "--data",
            data,
            "--listen",
            url.Authority,
            "--limits",
            limits
        );
        var hasDisk = await _server.MountDisk("256m");
        _server.Start();
        _site = new SoakSite(_http, url, data);
        await WaitFor(() => File.Exists(Path.Join(data, "admin.token")), "weftd makes its directory");
        await _site.WaitUntilItAnswers(ForAStart);
        await _site.Create();
        return hasDisk;
    }

    private async Task<bool> StartAgent(Uri url, int number, string? overlay)
    {
        var folder = Directory.CreateDirectory(Path.Join(_root, NodeOf(number))).FullName;
        var token = Path.Join(folder, "token");
        await File.WriteAllTextAsync(
            token,
            await _site.EnrolmentToken(SmallSite.Clusters[number], NodeOf(number), NodeOf(number))
        );
        var program = new FaultyProgram(
            agent,
            folder,
            overlay,
            "--server",
            url.ToString(),
            "--state",
            Path.Join(folder, "disk", "state"),
            "--name",
            NodeOf(number),
            "--node",
            NodeOf(number),
            "--enrollment-token-file",
            token,
            "--socket",
            SocketOf(number),
            "--cni-bin",
            Path.Join(folder, "none")
        );
        _agents.Add(program);
        var hasDisk = await program.MountDisk("32m");
        program.Start();
        await WaitFor(() => program.Log.Contains("enrolled", StringComparison.Ordinal), $"{NodeOf(number)} enrols");
        return hasDisk;
    }

    private static string NodeOf(int number) => string.Create(CultureInfo.InvariantCulture, $"w{number + 1}");

    private string SocketOf(int number) => Path.Join(_root, NodeOf(number), "s");

    private async Task<SoakWorker[]> Workers(Uri url)
    {
        var workers = new List<SoakWorker>();
        string[] networks = [SoakSite.Large, SoakSite.Small];
        for (var i = 0; i < plan.ServerClients; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"client{i}");
            var credential = await _site.Enrol(SmallSite.Clusters[i % SmallSite.Clusters.Length], name, i);
            Add(new ServerLeaseClient(_http, url, credential));
        }

        for (var i = 0; i < plan.AgentClients * Nodes; i++)
            Add(new AgentLeaseClient(SocketOf(i % Nodes)));
        return [.. workers];

        void Add(ILeaseClient client) =>
            workers.Add(new SoakWorker(workers.Count, client, _history, networks, _site.HolderOf));
    }

    /// <summary>Makes one fault after another until there were enough calls, each fault once at least.</summary>
    private async Task Disturb(Stopwatch watch, bool hasDisks, bool hasClocks)
    {
        var faults = Faults(hasDisks, hasClocks).ToArray();
        for (var i = 0; (i < faults.Length || _history.Calls < plan.Calls) && watch.Elapsed < plan.AtMost; i++)
        {
            await Task.Delay(plan.BetweenFaults);
            var (name, make) = faults[i % faults.Length];
            await make(i / faults.Length);
            _faults[name] = _faults.GetValueOrDefault(name) + 1;
            await EndedBySelf();
        }
    }

    private IEnumerable<(string Name, Func<int, Task> Make)> Faults(bool hasDisks, bool hasClocks)
    {
        yield return ("weftd killed", _ => Restart(_server));
        yield return ("agent killed", round => Restart(_agents[round % Nodes]));
        yield return ("weftd frozen", _ => _server.Freeze(FrozenFor));
        yield return ("agent frozen", round => _agents[round % Nodes].Freeze(FrozenFor));
        yield return ("all killed", KillAll);
        if (hasDisks)
        {
            yield return ("weftd's disk full", _ => _server.FillDisk(FullFor));
            yield return ("agent's disk full", round => _agents[round % Nodes].FillDisk(FullFor));
        }

        if (!hasClocks)
            yield break;
        // A day on, a day back, a day back, a day on: each of them comes round.
        yield return ("weftd's clock stepped", round => Step(_server, round));
        yield return ("agent's clock stepped", round => Step(_agents[round % Nodes], round / Nodes));
    }

    private static Task Step(FaultyProgram program, int round)
    {
        program.StepClock(round % 4 is 0 or 3 ? Day : -Day);
        return Task.CompletedTask;
    }

    private async Task Restart(FaultyProgram program)
    {
        await program.Kill();
        program.Start();
        if (program == _server)
            await _site.WaitUntilItAnswers(ForAStart);
    }

    private async Task KillAll(int round)
    {
        foreach (var program in _agents.Append(_server))
            await program.Kill();
        foreach (var program in _agents.Prepend(_server))
            program.Start();
        await _site.WaitUntilItAnswers(ForAStart);
    }

    /// <summary>A program that ended by itself is a finding, and is started anew: the rest goes on.</summary>
    private async Task EndedBySelf()
    {
        foreach (var program in _agents.Prepend(_server).Where(program => program.HasEnded))
        {
            _history.Find($"a program ended by itself: {program.Log}");
            await Restart(program);
        }
    }

    /// <summary>What weftd has, and what clients were told, once the agents have told it of all releases.</summary>
    private async Task<IReadOnlyList<string>> Compare(SoakWorker[] workers)
    {
        var told = workers.SelectMany(worker => worker.Held).ToHashSet();
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var there = await _site.Leases();
            var differences = there
                .Where(lease => !told.Contains(lease))
                .Select(lease => $"{lease.Container} has {lease.Address} of {lease.Network} and doesn't know")
                .Concat(
                    told.Except(there).Select(lease => $"{lease.Container} has lost {lease.Address} of {lease.Network}")
                )
                .Concat(
                    there
                        .GroupBy(lease => (lease.Network, lease.Address))
                        .Where(group => group.Count() > 1)
                        .Select(group => $"{group.Key.Address} has {group.Count()} holders")
                )
                .ToArray();
            if (differences.Length == 0 || watch.Elapsed > ForAStart)
                return differences;
            await Task.Delay(200);
        }
    }

    private async Task WaitFor(Func<bool> holds, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!holds())
        {
            if (watch.Elapsed > ForAStart)
                throw new OperationCanceledException($"{what}: not within {ForAStart}\n{Logs}");
            await Task.Delay(20);
        }
    }
}
