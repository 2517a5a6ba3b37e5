using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Relay;

/// <summary>
/// weftd with its relay, TLS on both ports; agents behind it, and people's programs before it: all of them processes.
/// </summary>
internal sealed class RelayLab : IAsyncDisposable
{
    public const string Cluster = $"{SmallSite.Cloud}/kubernetesClusters/east";
    public const string Node = $"{Cluster}/providers/Weft.Fleet/nodes/w1";

    private readonly Authority _authority;
    private readonly ConcurrentBag<Process> _processes = [];

    static RelayLab() => HearSignals();

    private RelayLab(Authority authority, Weftd weftd) =>
        (_authority, Weftd, Client) = (authority, weftd, authority.Client());

    /// <summary>The control plane, with its relay.</summary>
    public Weftd Weftd { get; }

    /// <summary>A client that trusts it.</summary>
    public HttpClient Client { get; }

    /// <summary>The home of whoever is before the relay; it goes with the lab.</summary>
    public string Home { get; } = Directory.CreateTempSubdirectory("weft-home-").FullName;

    public string Kubeconfig => Path.Combine(Home, ".kube", "config");

    /// <summary>What weft is told of the site, for the administrator.</summary>
    public string[] AsAdministrator => As(Path.Combine(Weftd.Data, "admin.token"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A site with cluster east and node w1.</summary>
    /// <param name="address">Where weftd listens.</param>
    public static async Task<RelayLab> Start(string address = "127.0.0.1")
    {
        var authority = new Authority(address);
        var weftd = await Weftd.Start(
            "--listen",
            $"{address}:0",
            "--tls-cert",
            authority.CertificateFile,
            "--tls-key",
            authority.KeyFile,
            "--relay-listen",
            $"{address}:0"
        );
        var lab = new RelayLab(authority, weftd);
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(lab.Client, id, body);
        var uplink = new JsonObject { ["name"] = "eth0", ["macAddress"] = "52:54:00:00:00:01" };
        await weftd.Create(
            lab.Client,
            Node,
            new JsonObject
            {
                ["properties"] = new JsonObject { ["agentPool"] = "workers", ["uplinks"] = new JsonArray(uplink) },
            }
        );
        return lab;
    }

    /// <summary>The command line.</summary>
    public static string Weft { get; } = Programs.PathOf("Weft.Cli", "weft");

    /// <summary>Starts an agent of cluster east, and waits until it is at the relay and has reported.</summary>
    /// <param name="name">Its name: another agent of that name goes on where this one ended.</param>
    /// <param name="before">What is run in its stead to run it, such as <c>ip netns exec NAME</c>.</param>
    /// <param name="options">What its command line says besides.</param>
    public async Task<AgentProcess> StartAgent(string name, string[] before, params string[] options)
    {
        var (state, token) = (Path.Join(Home, $"{name}.agent"), Path.Join(Home, $"{name}.enroll"));
        if (!File.Exists(token))
        {
            var node = options.SkipWhile(option => option != "--node").Skip(1).FirstOrDefault();
            await WriteSecret(token, await Weftd.EnrolmentToken(Client, Cluster, name, node));
        }

        var agent = SpawnAgent(state, before, ["--name", name, "--enrollment-token-file", token, .. options]);
        await agent.WaitUntilReady();
        return agent;
    }

    /// <summary>Starts an agent on a directory, however it proves who it is, and waits for nothing.</summary>
    public AgentProcess SpawnAgent(string state, string[] before, params string[] options)
    {
        string[] line =
        [
            .. before,
            Programs.PathOf("Weft.Agent", "weft-agent"),
            "--server",
            Weftd.Url.ToString(),
            "--ca",
            _authority.CaFile,
            "--state",
            state,
            "--socket",
            $"{state}.sock",
            "--cni-bin",
            Path.Join(Home, "none"),
            .. options,
        ];
        return new AgentProcess(Spawn(line[0], line[1..]));
    }

    /// <summary>Somebody who may connect to cluster east and what is in it, and nothing else.</summary>
    /// <returns>What weft is told of the site, for them.</returns>
    public async Task<string[]> AsUser()
    {
        const string User = "/providers/Weft.Identity/principals/ops";
        var made = await Weftd.SendRequest(
            Client,
            "PUT",
            User,
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["assignments"] = new JsonArray(new JsonObject { ["role"] = "RelayUser", ["scope"] = Cluster }),
                },
            }
        );
        Assert.Equal(201, made.Status);
        var token = Path.Join(Home, "user.token");
        await WriteSecret(
            token,
            (await Weftd.SendRequest(Client, "POST", $"{User}/rotateToken")).Body!["token"]!.ToString()
        );
        return As(token);
    }

    /// <summary>Starts a program with this lab's home, and weft in its path.</summary>
    public Process Spawn(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["HOME"] = Home;
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Home, ".config");
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Weft)}:{start.Environment["PATH"]}";
        start.Environment.Remove("KUBECONFIG");
        var process = Process.Start(start)!;
        _processes.Add(process);
        return process;
    }

    /// <summary>Runs a program to its end.</summary>
    public Task<ProcessResult> Run(string program, params string[] args) => End(Spawn(program, args));

    /// <summary>Waits for a program's end; its stdin ends behind the input.</summary>
    public static async Task<ProcessResult> End(Process process, string input = "")
    {
        var (output, error) = (
            process.StandardOutput.ReadToEndAsync(Cancel),
            process.StandardError.ReadToEndAsync(Cancel)
        );
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromMinutes(4), Cancel);
        return new ProcessResult(process.ExitCode, await output, await error);
    }

    /// <summary>Sends a signal to a process, and waits until it has ended.</summary>
    public static async Task<int> Signal(Process process, int signal)
    {
        Assert.Equal(0, Kill(process.Id, signal));
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }

            process.Dispose();
        }

        await Weftd.DisposeAsync();
        Client.Dispose();
        _authority.Dispose();
        Directory.Delete(Home, true);
    }

    /// <summary>Writes a file that nobody else reads.</summary>
    public static async Task WriteSecret(string file, string secret)
    {
        await using var writer = new StreamWriter(
            file,
            new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }
        );
        await writer.WriteAsync(secret);
    }

    private string[] As(string tokenFile) =>
        [
            "--server",
            Weftd.Url.ToString(),
            "--ca",
            _authority.CaFile,
            "--token-file",
            tokenFile,
            "-s",
            SmallSite.Subscription.Split('/')[2],
            "-g",
            "rg1",
        ];

    /// <summary>
    /// A shell without job control has its background commands ignore SIGINT, nohup has its ignore SIGHUP, and so does
    /// whatever they start: this suite's children would never hear of them.
    /// </summary>
    private static void HearSignals()
    {
        const int HangUp = 1;
        const int Interrupt = 2;
        var ignored = File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        var mask = Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16);
        foreach (var signal in (int[])[HangUp, Interrupt])
        {
            if ((mask & (1UL << (signal - 1))) != 0)
                _ = SetHandler(signal, 0);
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);

    [DllImport("libc", EntryPoint = "signal")]
    private static extern nint SetHandler(int signal, nint handler);
}

/// <summary>How a program ended.</summary>
internal sealed record ProcessResult(int Code, string Output, string Error);
