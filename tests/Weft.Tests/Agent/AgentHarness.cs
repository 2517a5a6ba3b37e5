using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Weft.Agent;

namespace Weft.Tests.Agent;

/// <summary>
/// An agent in a directory of its own, which runs in this process and can be started again and again; and its control
/// plane: the real weftd in this process, or a scripted one for faults.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class AgentHarness : IAsyncDisposable
{
    public const string Network = $"{ScriptedControlPlane.Group}/providers/Microsoft.NetworkCloud/l3Networks/n6";

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
        // Longer than anybody would wait: a loaded machine ends no test's folder under an agent that still writes.
        ShutdownTimeout = TimeSpan.FromMinutes(1),
    };

    private readonly StringWriter _log = new();
    private readonly TextWriter _writer;
    private CancellationTokenSource _stop = new();
    private Task? _running;

    private readonly ScriptedControlPlane? _plane;

    private AgentHarness(ScriptedControlPlane? plane, Uri server, string token, AgentTimings timings)
    {
        (_plane, Timings) = (plane, timings);
        _writer = TextWriter.Synchronized(_log);
        Root = Directory.CreateTempSubdirectory("weft-").FullName;
        TokenFile = Path.Join(Root, "token");
        File.WriteAllText(TokenFile, token + "\n");
        Options = new AgentOptions
        {
            Server = server,
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

    /// <summary>The scripted control plane; an agent that has joined a real one has none.</summary>
    public ScriptedControlPlane Plane =>
        _plane ?? throw new InvalidOperationException("this agent is one of a real weftd");

    public AgentTimings Timings { get; set; }

    public TimeProvider Clock { get; set; } = TimeProvider.System;

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
        From(await ScriptedControlPlane.Start(certificate), timings ?? FastTimings);

    /// <summary>An agent of a real weftd's cluster, <see cref="Documents.East"/>; it doesn't run yet.</summary>
    /// <param name="node">The node that it serves; null for the cluster as a whole.</param>
    public static async Task<AgentHarness> Join(
        InProcessServer server,
        AgentTimings? timings = null,
        string name = "w1",
        string? node = "w1"
    )
    {
        var token = await server.EnrolmentToken(Documents.East, name, node);
        var harness = new AgentHarness(null, server.Client.BaseAddress!, token, timings ?? FastTimings);
        harness.Options = harness.Options with { Name = name, Node = node };
        return harness;
    }

    /// <summary>An agent that runs, and that has applied what a real weftd desires.</summary>
    public static async Task<AgentHarness> StartWith(InProcessServer server, AgentTimings? timings = null)
    {
        var harness = await Join(server, timings);
        await harness.StartAgentAndReport();
        return harness;
    }

    private static AgentHarness From(ScriptedControlPlane plane, AgentTimings timings) =>
        new(plane, new Uri(plane.Url), ScriptedControlPlane.Token, timings);

    /// <summary>A site whose agent runs and is enrolled.</summary>
    public static async Task<AgentHarness> Start(AgentTimings? timings = null)
    {
        var harness = await Create(timings);
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent asks for the desired state");
        return harness;
    }

    public ILogger NewLog() => AgentLog.Open(_writer, TimeProvider.System);

    public Task RunAgent() => _running = Program.Run(Options, Timings, Clock, NewLog(), _stop.Token);

    public async Task StartAgent()
    {
        var running = RunAgent();
        await Eventually(() => running.IsCompleted || File.Exists(Options.Socket), "the agent has a socket");
        if (running.IsCompleted)
            await running;
    }

    /// <summary>Starts the agent for the first time, and waits until the control plane knows what it has applied.</summary>
    public async Task StartAgentAndReport()
    {
        await StartAgent();
        await Eventually(() => Log.Contains("reported state=", StringComparison.Ordinal), "the agent reports");
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

    /// <param name="network">The network's id; null for the scripted control plane's.</param>
    public static JsonObject Request(
        string verb,
        string container,
        string @interface = "net1",
        string? network = null
    ) =>
        new()
        {
            ["verb"] = verb,
            ["network"] = network ?? Network,
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
    public static Task Eventually(Func<bool> holds, string what) => Weft.Relay.Testing.Eventually.Holds(holds, what);

    /// <inheritdoc cref="Eventually(Func{bool}, string)"/>
    public static Task Eventually(Func<Task<bool>> holds, string what) =>
        Weft.Relay.Testing.Eventually.Holds(holds, what);

    public async ValueTask DisposeAsync()
    {
        await StopAgent();
        if (_plane is not null)
            await _plane.DisposeAsync();
        _stop.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
