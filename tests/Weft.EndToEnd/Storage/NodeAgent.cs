using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Storage;

/// <summary>weft-agent as a process that serves a node, and the socket that its pods' plugin asks.</summary>
internal sealed class NodeAgent : IAsyncDisposable
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("weft-node-");
    private readonly ConcurrentQueue<string> _log = [];
    private string[] _options = [];
    private Process? _process;

    public string Log => string.Join('\n', _log);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public string Socket => Path.Join(_place.FullName, "s");

    private string State => Path.Join(_place.FullName, "state");

    public static async Task<NodeAgent> Start(Weftd weftd, HttpClient client, string cluster, string name)
    {
        var agent = new NodeAgent();
        var token = Path.Join(agent._place.FullName, "token");
        await File.WriteAllTextAsync(token, await weftd.EnrolmentToken(client, cluster, name, name), Cancel);
        agent.Serve(weftd, name, "--enrollment-token-file", token);
        await agent.WaitForLog("enrolled");
        return agent;
    }

    /// <summary>Another process on a copy of all that this one keeps.</summary>
    public async Task<NodeAgent> StartCopy(Weftd weftd, string name)
    {
        var copy = new NodeAgent();
        Directory.CreateDirectory(copy.State);
        foreach (var file in Directory.GetFiles(State).Where(file => Path.GetFileName(file) != "lock"))
            File.Copy(file, Path.Join(copy.State, Path.GetFileName(file)));
        copy.Serve(weftd, name);
        await copy.WaitForLog("started");
        return copy;
    }

    private void Serve(Weftd weftd, string name, params string[] more)
    {
        _options =
        [
            "--server",
            weftd.Url.ToString(),
            "--state",
            State,
            "--name",
            name,
            "--node",
            name,
            "--socket",
            Socket,
            "--cni-bin",
            Path.Join(_place.FullName, "none"),
            .. more,
        ];
        Run();
    }

    public Task WaitForLog(string text) =>
        Eventually.Holds(() => Log.Contains(text, StringComparison.Ordinal), $"the agent says {text}", () => Log);

    /// <summary>Asks for the addresses of a pod's interface, as weft-ipam does.</summary>
    /// <returns>The answer.</returns>
    public Task<JsonNode> Acquire(string pod) => Ask("acquire", pod);

    /// <summary>Asks until it is given.</summary>
    /// <returns>The addresses.</returns>
    public async Task<string[]> AcquireAtLast(string pod)
    {
        JsonNode? answer = null;
        await Eventually.Holds(
            async () => (answer = await Acquire(pod))["lease"] is not null,
            $"{pod} is given addresses",
            () => Task.FromResult($"{answer}\n{Log}")
        );
        return AddressesOf(answer!);
    }

    public static string[] AddressesOf(JsonNode answer) =>
        [.. answer["lease"]!["addresses"]!.AsArray().Select(address => address!["address"]!.ToString().Split('/')[0])];

    /// <summary>Asks whether a pod's interface has what it was given.</summary>
    public Task<JsonNode> Check(string pod, string[] addresses) => Ask("check", pod, addresses);

    /// <summary>Gives the addresses of a pod's interface back.</summary>
    public Task<JsonNode> Release(string pod) => Ask("release", pod);

    /// <summary>Kills it in the middle of whatever it does.</summary>
    public async Task Kill()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process?.Dispose();
        _process = null;
    }

    /// <summary>Starts it again, and waits until it answers at its socket.</summary>
    public async Task Restart()
    {
        Run();
        await Eventually.Holds(
            async () =>
            {
                try
                {
                    _ = await Ask("status", "none");
                    return true;
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    return false;
                }
            },
            "the agent answers at its socket",
            () => Task.FromResult(Log)
        );
    }

    public async ValueTask DisposeAsync()
    {
        await Kill();
        _place.Delete(true);
    }

    private void Run()
    {
        var program = Programs.PathOf("Weft.Agent", "weft-agent");
        _process = Process.Start(new ProcessStartInfo(program, _options) { RedirectStandardError = true })!;
        _process.ErrorDataReceived += (_, line) => _log.Enqueue(line.Data ?? "(ended)");
        _process.BeginErrorReadLine();
    }

    private async Task<JsonNode> Ask(string verb, string pod, string[]? addresses = null)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), Cancel);
        var request = new JsonObject
        {
            ["verb"] = verb,
            ["network"] = SmallSite.Network,
            ["containerId"] = pod,
            ["interface"] = "net1",
            ["namespace"] = "core",
            ["pod"] = pod,
        };
        if (addresses is not null)
            request["addresses"] = new JsonArray([.. addresses.Select(address => JsonValue.Create(address))]);
        await socket.SendAsync(Encoding.UTF8.GetBytes($"{request.ToJsonString()}\n"), Cancel);
        using var reader = new StreamReader(new NetworkStream(socket));
        return JsonNode.Parse(await reader.ReadLineAsync(Cancel) ?? throw new IOException("it ended unanswered"))!;
    }
}
