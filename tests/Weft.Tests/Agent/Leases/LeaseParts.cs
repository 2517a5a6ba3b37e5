using System.Net;
using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Microsoft.Win32.SafeHandles;
using Weft.Agent;
using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// An agent's parts for leases, on a clock that only the test moves and a network that only the test answers. What they
/// do comes out in order: each request that reaches the control plane, and each wait once it has begun.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LeaseParts : HttpMessageHandler, IAsyncDisposable
{
    /// <summary>What a program has, so that waits of requests are told from those of the loop by their length.</summary>
    public static readonly AgentTimings Timings = new();

    /// <summary>The loop's wait for what was wanted while it was about to wait: it has been woken already.</summary>
    private static readonly TimeSpan CutShort = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Channel<object> _seen = Channel.CreateUnbounded<object>();
    private readonly string _folder;
    private readonly StringWriter _log = new();
    private readonly TextWriter _writer;
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _http;
    private readonly ReleaseLoop _releases;
    private readonly ConfirmationLoop _confirmations;
    private Task _running = Task.CompletedTask;

    /// <param name="folder">Where the journal is; a new one by default.</param>
    /// <param name="sync">Syncs a file; fsync by default.</param>
    public LeaseParts(string? folder = null, Action<SafeFileHandle>? sync = null)
    {
        _folder = folder ?? Directory.CreateTempSubdirectory("weft-").FullName;
        _writer = TextWriter.Synchronized(_log);
        var log = AgentLog.Open(_writer, TimeProvider.System);
        Clock = new SeenClock(_seen.Writer, Timings.RequestTimeout, Timings.AcquireTimeout, CutShort);
        _http = new HttpClient(this) { BaseAddress = new Uri("http://weftd.invalid/agents/v1/") };
        Connectivity = new Connectivity(TimeSpan.Zero, Clock);
        Plane = new ControlPlaneClient(_http, Connectivity, Timings, Clock)
        {
            Identity = new Identity("w1", "agent", "cluster", "weft_agt_x"),
        };
        Journal = Journal.Open(JournalPath, Table, log, sync, compactFrom: sync is null ? 1 : 1024);
        var calls = new LeaseCalls(Plane, _stop.Token);
        _releases = new ReleaseLoop(Table, Journal, Locks, Plane, calls, Timings, Clock, log);
        _confirmations = new ConfirmationLoop(Table, Journal, Locks, calls, Timings, Clock, log);
        Service = new LeaseService(
            Table,
            Journal,
            Locks,
            _releases,
            new BlockDemands(Clock),
            Plane,
            calls,
            Connectivity,
            Timings,
            Clock,
            log,
            _stop.Token
        );
        Handler = new LeaseRequestHandler(Service, "w1", log);
    }

    public FakeTimeProvider Clock { get; }

    public LeaseTable Table { get; } = new();

    public KeyedLock Locks { get; } = new();

    public Connectivity Connectivity { get; }

    public ControlPlaneClient Plane { get; }

    public Journal Journal { get; }

    public LeaseService Service { get; }

    public LeaseRequestHandler Handler { get; }

    public string Log
    {
        get
        {
            lock (_writer)
                return _log.ToString();
        }
    }

    public string JournalPath => Path.Join(_folder, "journal");

    public static LeaseHolder HolderOf(string container) =>
        new(ResourceId.Parse(AgentHarness.Network).Value, container, "net1");

    /// <summary>Begins to release what is wanted.</summary>
    public void Start() => _running = _releases.Run(_stop.Token);

    /// <summary>Begins to learn what became of requests.</summary>
    public void StartConfirming() => _running = _confirmations.Run(_stop.Token);

    /// <summary>The agent is told to stop; returns how its releases ended.</summary>
    public async Task<TaskStatus> Stop()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        return _running.Status;
    }

    /// <summary>Puts requests to release on the disk, and wakes nobody.</summary>
    public async Task Want(params string[] containers)
    {
        foreach (var container in containers)
            await Journal.Append(
                JournalEntry.Create(
                    JournalEntry.ReleaseWanted,
                    HolderOf(container),
                    Clock.GetUtcNow(),
                    want: Table.NextReleaseNumber()
                )
            );
    }

    /// <summary>A directory lies where the journal has to be put when it is written anew, which fails from now on.</summary>
    public async Task FailDisk()
    {
        File.Delete(JournalPath);
        Directory.CreateDirectory(JournalPath);
        await Journal.Append(JournalEntry.Create(JournalEntry.Released, HolderOf("nobody"), default, want: 0));
        Assert.False(Journal.IsHealthy);
    }

    public void RepairDisk() => Directory.Delete(JournalPath);

    /// <summary>The next that is seen, which must be a request.</summary>
    public async Task<Request> NextRequest(string verb, string container)
    {
        var request = Assert.IsType<Request>(await Next());
        Assert.Equal((verb, container), (request.Verb, request.Container));
        return request;
    }

    /// <summary>The next some that are seen, which must be requests; in no order.</summary>
    public async Task<Dictionary<string, Request>> NextRequests(int count)
    {
        var requests = new Dictionary<string, Request>();
        for (var i = 0; i < count; i++)
        {
            var request = Assert.IsType<Request>(await Next());
            requests.Add(request.Container, request);
        }

        return requests;
    }

    /// <summary>The next that is seen, which must be a wait.</summary>
    public async Task<TimeSpan> NextWait() => Assert.IsType<TimeSpan>(await Next());

    /// <summary>A wait, and as much time as it takes.</summary>
    public async Task Pass(TimeSpan wait)
    {
        Assert.Equal(wait, await NextWait());
        Clock.Advance(wait);
    }

    /// <summary>As <see cref="Pass(TimeSpan)"/>; a step's jitter is from its half to its whole.</summary>
    public async Task PassStep(TimeSpan step)
    {
        var wait = await NextWait();

        // Timers count whole milliseconds.
        Assert.InRange(wait, (step / 2) - TimeSpan.FromMilliseconds(1), step);
        Clock.Advance(wait + TimeSpan.FromMilliseconds(1));
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await Stop();
        await Journal.DisposeAsync();
        _http.Dispose();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancel)
    {
        var verb = message.RequestUri!.AbsolutePath["/agents/v1/leases/".Length..];
        if (verb == "session")
            return new HttpResponseMessage { Content = new ByteArrayContent(new LeaseSession("scripted").ToBytes()) };
        var body = Json.ParseObject(await message.Content!.ReadAsByteArrayAsync(cancel)).Value;
        if (verb == "batch")
            return await AnswerBatch(body["items"]!.AsArray(), cancel);
        var request = new Request(verb, (string)body["containerId"]!);
        _seen.Writer.TryWrite(request);
        return await request.Answer.Task.WaitAsync(cancel);
    }

    /// <summary>Each item is a request that the test answers; one that nobody can serve is the whole call's answer.</summary>
    private async Task<HttpResponseMessage> AnswerBatch(JsonArray items, CancellationToken cancel)
    {
        var requests = items
            .Select(item => new Request((string)item!["verb"]!, (string)item["containerId"]!) { IsInBatch = true })
            .ToList();
        requests.ForEach(request => _seen.Writer.TryWrite(request));
        var answers = await Task.WhenAll(requests.Select(request => request.Answer.Task)).WaitAsync(cancel);
        if (answers.FirstOrDefault(answer => answer.StatusCode == HttpStatusCode.ServiceUnavailable) is { } failed)
            return failed;
        var said = new JsonArray();
        foreach (var answer in answers)
        {
            var item = new JsonObject { ["status"] = (int)answer.StatusCode };
            if (answer.StatusCode == HttpStatusCode.OK)
                item["lease"] = JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancel));
            else if ((int)answer.StatusCode >= 400)
                item["error"] = JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancel))!["error"]!.DeepClone();
            if (answer.Headers.RetryAfter?.Delta is { } wait)
                item["retryAfter"] = (int)wait.TotalSeconds;
            said.Add(item);
        }

        return new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent(new JsonObject { ["items"] = said }.ToJsonString()),
        };
    }

    private async Task<object> Next() =>
        await _seen.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Limit);

    /// <summary>A request that waits at the control plane.</summary>
    internal sealed record Request(string Verb, string Container)
    {
        /// <summary>Whether it came with others in one call.</summary>
        public bool IsInBatch { get; init; }

        public TaskCompletionSource<HttpResponseMessage> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Grant(string address = "10.20.6.4/24") =>
            Answer.SetResult(
                Verb == "release"
                    ? new HttpResponseMessage(HttpStatusCode.NoContent)
                    : new HttpResponseMessage(HttpStatusCode.OK)
                    {
                        Content = new StringContent($$"""{"addresses":[{"address":"{{address}}"}],"routes":[]}"""),
                    }
            );

        /// <summary>Nobody can serve it now.</summary>
        public void Fail(TimeSpan? retryAfter = null) => Refuse(HttpStatusCode.ServiceUnavailable, "", retryAfter);

        /// <param name="says">The body as it goes; an error body makes it a refusal.</param>
        public void Refuse(HttpStatusCode status, string says, TimeSpan? retryAfter = null)
        {
            var answer = new HttpResponseMessage(status) { Content = new StringContent(says, Encoding.UTF8) };
            answer.Headers.RetryAfter = retryAfter is { } wait ? new RetryConditionHeaderValue(wait) : null;
            Answer.SetResult(answer);
        }
    }
}
