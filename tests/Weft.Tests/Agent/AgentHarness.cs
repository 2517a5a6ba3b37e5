using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Agent;

namespace Weft.Tests.Agent;

/// <summary>
/// A control plane and an agent in a directory of its own; the agent runs in this process and can be started again and
/// again.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class AgentHarness : IAsyncDisposable
{
    public const string Network = $"{FakeControlPlane.Group}/providers/Microsoft.NetworkCloud/l3Networks/n6";

    /// <summary>As in life, only quicker.</summary>
    public static readonly AgentTimings FastTimings = new()
    {
        InitialBackoff = TimeSpan.FromMilliseconds(20),
        MaxBackoff = TimeSpan.FromMilliseconds(100),
        MaxBackoffAfterRefusal = TimeSpan.FromMilliseconds(100),
        ResyncPeriod = TimeSpan.FromMilliseconds(50),
        LongPollWait = TimeSpan.FromSeconds(1),
        MinPollInterval = TimeSpan.FromMilliseconds(10),
        RequestTimeout = TimeSpan.FromSeconds(10),
        AcquireTimeout = TimeSpan.FromSeconds(10),
        SocketTimeout = TimeSpan.FromSeconds(20),
        ConnectivityGrace = TimeSpan.Zero,
    };

    private readonly StringWriter _log = new();
    private readonly TextWriter _writer;
    private CancellationTokenSource _stop = new();
    private Task? _running;

    private AgentHarness(FakeControlPlane plane, AgentTimings timings)
    {
        (Plane, Timings) = (plane, timings);
        _writer = TextWriter.Synchronized(_log);
        Root = Directory.CreateTempSubdirectory("weft-").FullName;
        TokenFile = Path.Join(Root, "token");
        File.WriteAllText(TokenFile, FakeControlPlane.Token + "\n");
        Options = new AgentOptions
        {
            Server = new Uri(plane.Url),
            State = Path.Join(Root, "state"),
            Name = "w1",
            Node = "w1",
            TokenFile = TokenFile,
            Socket = Path.Join(Root, "run", "agent.sock"),
            Manifests = Path.Join(Root, "manifests"),
            Nodes = Path.Join(Root, "nodes"),
            // Running every plugin of the machine is no part of these tests.
            PluginFolders = [],
        };
    }

    public FakeControlPlane Plane { get; }

    public AgentTimings Timings { get; set; }

    public string Root { get; }

    public string TokenFile { get; }

    public AgentOptions Options { get; set; }

    public string Log
    {
        get
        {
            // What a synchronized writer locks is itself.
            lock (_writer)
                return _log.ToString();
        }
    }

    public static async Task<AgentHarness> Create(AgentTimings? timings = null, X509Certificate2? certificate = null) =>
        new(await FakeControlPlane.Start(certificate), timings ?? FastTimings);

    /// <summary>A site whose agent runs and is enrolled.</summary>
    public static async Task<AgentHarness> Start(AgentTimings? timings = null)
    {
        var harness = await Create(timings);
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent asks for the desired state");
        return harness;
    }

    public Weft.Agent.Log NewLog() => new(_writer, TimeProvider.System);

    public Task RunAgent() => _running = Program.Run(Options, Timings, TimeProvider.System, NewLog(), _stop.Token);

    public async Task StartAgent()
    {
        var running = RunAgent();
        await Eventually(() => running.IsCompleted || File.Exists(Options.Socket), "the agent has a socket");
        if (running.IsCompleted)
            await running;
    }

    public async Task StopAgent()
    {
        await _stop.CancelAsync();
        if (_running is { } running)
            await running.ContinueWith(_ => { }, TaskScheduler.Default);
        _running = null;
        _stop.Dispose();
        _stop = new CancellationTokenSource();
    }

    public static JsonObject Request(string verb, string container, string @interface = "net1") =>
        new()
        {
            ["verb"] = verb,
            ["network"] = Network,
            ["containerId"] = container,
            ["interface"] = @interface,
            ["namespace"] = "core",
            ["pod"] = "upf-0",
        };

    public Task<JsonObject> Send(string verb, string container, string @interface = "net1") =>
        Send(Request(verb, container, @interface));

    public async Task<JsonObject> Send(JsonObject request) =>
        JsonNode.Parse(await SendLine(request.ToJsonString() + "\n"))!.AsObject();

    /// <summary>Sends text as it is, and reads until the agent closes.</summary>
    public async Task<string> SendLine(string text)
    {
        using var socket = await Connect();
        await socket.SendAsync(Encoding.UTF8.GetBytes(text));
        return await ReadToEnd(socket);
    }

    public async Task<Socket> Connect()
    {
        var socket = new Socket(System.Net.Sockets.AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Options.Socket));
        return socket;
    }

    public static async Task<string> ReadToEnd(Socket socket)
    {
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(30));
    }

    public static string AddressOf(JsonObject answer) =>
        (string?)answer["lease"]?["addresses"]?[0]?["address"]
        ?? throw new InvalidOperationException($"no lease: {answer.ToJsonString()}");

    public static string? CodeOf(JsonObject answer) => (string?)answer["error"]?["code"];

    /// <summary>Waits for what no request announces, such as a file.</summary>
    public static Task Eventually(Func<bool> holds, string what) =>
        global::Weft.Relay.Testing.Eventually.Holds(holds, what);

    public async ValueTask DisposeAsync()
    {
        await StopAgent();
        await Plane.DisposeAsync();
        _stop.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
