using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;
using Weft.Relay.Clients;
using Weft.Relay.Wire;

namespace Weft.EndToEnd.Relay;

/// <summary>weftd with its relay as a process, TLS on both ports; agents of this process behind it; and weft as processes.</summary>
internal sealed class RelayLab : IAsyncDisposable
{
    public const string Cluster = $"{SmallSite.Cloud}/kubernetesClusters/east";
    public const string Node = $"{Cluster}/providers/Weft.Fleet/nodes/w1";

    private readonly Authority _authority;
    private readonly Weftd _weftd;
    private readonly HttpClient _http;
    private readonly X509Certificate2Collection _roots = [];
    private readonly CancellationTokenSource _end = new();
    private readonly List<HybridConnectionListener> _agents = [];
    private readonly List<Task> _running = [];

    private RelayLab(Authority authority, Weftd weftd)
    {
        (_authority, _weftd) = (authority, weftd);
        _roots.ImportFromPemFile(authority.CertificateFile);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(_roots);
        _http = new HttpClient(handler);
    }

    public DirectoryInfo Home { get; } = Directory.CreateTempSubdirectory("weft-home-");

    public string Kubeconfig => Path.Combine(Home.FullName, ".kube", "config");

    /// <summary>The program: that of <c>WEFT_BIN</c>, which may be compiled ahead of time, or the build's.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("WEFT_BIN") is { } bin ? Path.Join(bin, "weft") : Path.GetFullPath(Path.Join(AppContext.BaseDirectory, "..", "..", "Weft.Cli", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "weft"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A site with cluster east and node w1.</summary>
    public static async Task<RelayLab> Start()
    {
        var authority = new Authority();
        var weftd = await Weftd.Start("--tls-cert", authority.CertificateFile, "--tls-key", authority.KeyFile, "--relay-listen", "127.0.0.1:0");
        var lab = new RelayLab(authority, weftd);
        foreach (var (id, body) in SmallSite.All)
            await weftd.Make(lab._http, id, body);
        await weftd.Make(lab._http, Node, new JsonObject { ["properties"] = new JsonObject { ["agentPool"] = "workers", ["uplinks"] = new JsonArray(new JsonObject { ["name"] = "bond0" }) } });
        return lab;
    }

    /// <summary>Starts an agent that leads to a service, and waits until it listens.</summary>
    public async Task Listen(string target, string service, int port)
    {
        Assert.True(TargetBook.TryCreate([KeyValuePair.Create(service, $"127.0.0.1:{port}")], false, out var book, out _));
        var first = await Credentials(target);
        Assert.True(HybridConnectionAddress.TryParse($"{first["relay"]}/{first["hybridConnectionName"]}", out var address));
        Assert.False(address.IsPlain);
        var connected = new TaskCompletionSource();
        var agent = new HybridConnectionListener(address, async _ =>
        {
            var fresh = await Credentials(target);
            return new RelayToken(fresh["token"]!.ToString(), DateTimeOffset.FromUnixTimeSeconds((long)fresh["expiresOn"]!));
        }, new ListenerOptions
        {
            Client = new RelayClientOptions { TrustedRoots = _roots },
            OnSender = book.ServeAsync,
            OnEvent = e => _ = e.Kind == ListenerEventKind.Connected && connected.TrySetResult(),
        });
        _agents.Add(agent);
        _running.Add(agent.RunAsync(_end.Token));
        await connected.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
    }

    public async Task Rules(string target, string properties)
    {
        var answer = await _weftd.Ask(_http, "PUT", $"{target}/providers/Weft.Relay/networkRuleSets/default?force=true", new JsonObject { ["properties"] = JsonNode.Parse(properties) });
        Assert.True(answer.Status is 200 or 201, answer.Body?.ToJsonString());
    }

    /// <summary>Starts weft.</summary>
    public Process Weft(params string[] args) => Spawn(Program, [.. Connection, .. args]);

    /// <summary>Runs weft to its end.</summary>
    public Task<Ended> RunWeft(params string[] args) => End(Weft(args));

    /// <summary>Starts a program with this lab's home.</summary>
    public Process Spawn(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["HOME"] = Home.FullName;
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Home.FullName, ".config");
        start.Environment.Remove("KUBECONFIG");
        return Process.Start(start)!;
    }

    /// <summary>Runs a program to its end.</summary>
    public Task<Ended> Run(string program, params string[] args) => End(Spawn(program, args));

    /// <summary>Waits for a program's end; its stdin ends at once.</summary>
    public static async Task<Ended> End(Process process, string input = "")
    {
        using var owned = process;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(90), Cancel);
        return new Ended(process.ExitCode, await output, await error);
    }

    /// <summary>Starts a proxy, and waits until it says that it is ready.</summary>
    public async Task<Process> Proxy(params string[] args)
    {
        var proxy = Weft(["proxy", .. args]);
        for (var said = ""; ;)
        {
            var line = await proxy.StandardError.ReadLineAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel) ?? throw new InvalidOperationException(said);
            if (line.StartsWith("ready: ", StringComparison.Ordinal))
                return proxy;
            said += line + "\n";
        }
    }

    /// <summary>Asks a process to end, and waits until it has.</summary>
    public static async Task<int> Signal(Process process, int signal)
    {
        using var owned = process;
        Assert.Equal(0, Kill(process.Id, signal));
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (var agent in _agents)
            await agent.DisposeAsync();
        await Task.WhenAll(_running).ContinueWith(_ => { }, TaskScheduler.Default);
        await _weftd.DisposeAsync();
        _http.Dispose();
        _authority.Dispose();
        _end.Dispose();
        Home.Delete(true);
    }

    public string[] Connection =>
        ["--server", _weftd.Url.ToString(), "--token-file", Path.Combine(_weftd.Data, "admin.token"), "--ca", _authority.CertificateFile, "-s", SmallSite.Subscription.Split('/')[2], "-g", "rg1"];

    private async Task<JsonNode> Credentials(string target) =>
        (await _weftd.Ask(_http, "POST", $"{target}/providers/Weft.Relay/connections/default/listCredentials", new JsonObject { ["role"] = "listener" })).Body!;

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}

/// <summary>How a program ended.</summary>
internal sealed record Ended(int Code, string Output, string Error);
