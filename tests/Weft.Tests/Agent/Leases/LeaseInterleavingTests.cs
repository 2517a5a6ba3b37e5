using System.Collections.Concurrent;
using System.Net;
using System.Runtime.Versioning;
using System.Threading.Channels;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// Lease service, release loop, lock and journal of an agent, and a network on which a script decides what becomes of
/// each request: whatever the order in which ADDs, DELs and answers come, the promises of docs/specs/agent-socket.md
/// hold. A script is a word over five letters.
/// </summary>
/// <remarks>
/// A: an ADD begins. D: a DEL is acknowledged. g: the request that waits at the control plane is granted. f: it is
/// refused with 503. l: it is granted, and the answer is lost.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class LeaseInterleavingTests
{
    [Fact]
    public async Task Keeps_ItsPromises_InWhateverOrder()
    {
        await using var agent = new ScriptedAgent();
        await Gen.Char["ADgfl"]
            .Array[3, 14]
            .SampleAsync(script => agent.Run(new string(script)), iter: 300, threads: 1);
    }

    [Theory]
    [InlineData("AADg")] // the second ADD waits for the first one's turn when the DEL comes
    [InlineData("AgDDgg")] // a DEL comes while the release of the one before is under way
    [InlineData("AgDADgg")] // an ADD waits for the release, and a DEL ends it
    [InlineData("AlDg")] // the control plane granted, and nobody heard it
    [InlineData("AgDlAg")] // the release was done, and nobody heard it: it is done again before the next lease
    [InlineData("AgDfAfg")] // nothing gets through at first
    public async Task Keeps_ItsPromises_WhereItIsTight(string script)
    {
        await using var agent = new ScriptedAgent();
        await agent.Run(script);
    }

    /// <summary>The agent's parts for leases; each script has a holder of its own.</summary>
    private sealed class ScriptedAgent : HttpMessageHandler, IAsyncDisposable
    {
        private readonly ConcurrentDictionary<string, Trial> _trials = new(StringComparer.Ordinal);
        private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
        private readonly CancellationTokenSource _stop = new();
        private readonly Journal _journal;
        private readonly HttpClient _http;
        private readonly Task _releasing;
        private int _count;

        public ScriptedAgent()
        {
            var (table, locks, timings) = (new LeaseTable(), new KeyedLock(), AgentHarness.FastTimings);
            var (clock, log) = (TimeProvider.System, NullLogger.Instance);
            _http = new HttpClient(this) { BaseAddress = new Uri("http://weftd.invalid/agents/v1/") };
            var connectivity = new Connectivity(TimeSpan.Zero, clock);
            var plane = new ControlPlaneClient(_http, connectivity, timings, clock)
            {
                Identity = new Identity("w1", "agent", "cluster", "weft_agt_x"),
            };
            _journal = Journal.Open(Path.Join(_folder, "journal"), table, log);
            var calls = new LeaseCalls(plane, _stop.Token);
            var loop = new ReleaseLoop(table, _journal, locks, plane, calls, timings, clock, log);
            Service = new LeaseService(
                table,
                _journal,
                locks,
                loop,
                new BlockDemands(clock),
                plane,
                calls,
                connectivity,
                timings,
                clock,
                log,
                _stop.Token
            );
            _releasing = loop.Run(_stop.Token);
        }

        public LeaseService Service { get; }

        /// <summary>What the control plane holds, by container.</summary>
        public ConcurrentDictionary<string, string> Held { get; } = new(StringComparer.Ordinal);

        public async Task Run(string script)
        {
            var container = $"c{++_count}";
            var trial = _trials[container] = new Trial(this, container);
            foreach (var letter in script)
                await trial.Step(letter);
            await trial.Finish();
        }

        async ValueTask IAsyncDisposable.DisposeAsync()
        {
            await _stop.CancelAsync();
            await _releasing.ContinueWith(_ => { }, TaskScheduler.Default);
            await _journal.DisposeAsync();
            _http.Dispose();
            _stop.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage message,
            CancellationToken cancel
        )
        {
            var verb = message.RequestUri!.AbsolutePath["/agents/v1/leases/".Length..];
            if (verb == "session")
                return new HttpResponseMessage
                {
                    Content = new ByteArrayContent(new LeaseSession("scripted").ToBytes()),
                };
            var body = Json.ParseObject(await message.Content!.ReadAsByteArrayAsync(cancel)).Value;
            var container = (string)body["containerId"]!;
            var request = _trials[container].Decide(verb);
            var answer = await request.Answer.Task;
            try
            {
                return Reply(verb, container, answer);
            }
            finally
            {
                request.IsDone.SetResult();
            }
        }

        private HttpResponseMessage Reply(string verb, string container, char answer)
        {
            if (answer == 'f')
                return new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
            var address = $"10.20.{_count >> 8}.{_count & 255}/16";
            if (verb == "release")
                Held.TryRemove(container, out _);
            else
                address = Held.GetOrAdd(container, address);
            if (answer == 'l')
                throw new HttpRequestException("the connection is gone");
            return verb == "release"
                ? new HttpResponseMessage(HttpStatusCode.NoContent)
                : new HttpResponseMessage(HttpStatusCode.OK)
                {
                    Content = new StringContent($$"""{"addresses":[{"address":"{{address}}"}],"routes":[]}"""),
                };
        }
    }

    /// <summary>A request that has come to the control plane, and waits for the script.</summary>
    /// <param name="Deletes">How many DELs had been sent when it came.</param>
    private sealed record PlaneRequest(string Verb, int Deletes)
    {
        public TaskCompletionSource<char> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>What it asks for is done, or refused.</summary>
        public TaskCompletionSource IsDone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>An ADD that the script has begun.</summary>
    private sealed record Add(Task<Outcome<PodLease>> Result)
    {
        /// <summary>A DEL was acknowledged while it was under way: it must not get a lease.</summary>
        public bool IsReleased { get; set; }
    }

    /// <summary>One holder, what it was told, and what must be true of it.</summary>
    private sealed class Trial(ScriptedAgent agent, string container)
    {
        private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

        private static readonly ResourceId Network = ResourceId.Parse(AgentHarness.Network).Value;

        private readonly LeaseHolder _holder = new(Network, container, "net1");
        private readonly Channel<PlaneRequest> _requests = Channel.CreateUnbounded<PlaneRequest>();
        private readonly List<Add> _running = [];
        private PlaneRequest? _held;
        private string? _lease;
        private int _deletes;

        /// <summary>A DEL was acknowledged, and no release has come to the control plane since it was sent.</summary>
        private bool _owesRelease;

        /// <summary>A release that was begun has not been confirmed to the agent.</summary>
        private bool _isUnconfirmed;

        /// <summary>An ADD ended without a lease: the runtime owes a DEL, as the CNI specification has it.</summary>
        private bool _owesDelete;

        private bool IsQuiet => _running.Count == 0 && _held is null && !_owesRelease && !_isUnconfirmed;

        /// <summary>What the script says to a request that has come to the control plane.</summary>
        public PlaneRequest Decide(string verb)
        {
            var request = new PlaneRequest(verb, Volatile.Read(ref _deletes));
            // Once the script is over nobody reads any more: a release that is sent twice does no harm.
            if (!_requests.Writer.TryWrite(request))
                request.Answer.SetResult('g');
            return request;
        }

        public async Task Step(char letter)
        {
            if (letter == 'A')
                _running.Add(new Add(agent.Service.Acquire(new PodLeaseRequest(_holder))));
            else if (letter == 'D')
                await Delete();
            else
                await Reply(letter);
            await WaitForProgress();
        }

        /// <summary>Everything that is under way is granted; then what is held is what was said.</summary>
        public async Task Finish()
        {
            await Drain();
            if (_owesDelete)
                await Delete();
            await Drain();
            Assert.Equal(_lease, agent.Held.GetValueOrDefault(container));
            _requests.Writer.Complete();
            while (_requests.Reader.TryRead(out var request))
                request.Answer.SetResult('g');
        }

        private async Task Drain()
        {
            while (!IsQuiet)
                await Reply('g');
        }

        private async Task Delete()
        {
            _running.ForEach(add => add.IsReleased = true);
            Interlocked.Increment(ref _deletes);
            await agent.Service.Release(_holder, null);
            (_owesRelease, _owesDelete, _lease) = (true, false, null);
        }

        private async Task Reply(char letter)
        {
            await WaitForProgress();
            if (_held is not { } request)
                return;
            _held = null;
            if (request.Verb == "release")
                _isUnconfirmed = letter != 'g';
            request.Answer.SetResult(letter);
            await request.IsDone.Task;
            await WaitForProgress();
        }

        /// <summary>Waits for what must come: a request at the control plane, or the end of every ADD.</summary>
        private async Task WaitForProgress()
        {
            while (_held is null && !IsQuiet)
            {
                var coming = _requests.Reader.WaitToReadAsync().AsTask();
                await Task.WhenAny([coming, .. _running.Select(add => add.Result)])
                    .WaitAsync(Limit, TestContext.Current.CancellationToken);
                await CompleteAdds();
                if (_requests.Reader.TryRead(out var request))
                    Hold(request);
            }
        }

        private void Hold(PlaneRequest request)
        {
            _held = request;
            if (request.Verb == "release" && request.Deletes == _deletes)
                _owesRelease = false;
        }

        private async Task CompleteAdds()
        {
            foreach (var add in _running.Where(add => add.Result.IsCompleted).ToList())
            {
                _running.Remove(add);
                if (await LeaseOf(add) is not { } lease)
                {
                    _owesDelete |= !add.IsReleased;
                    continue;
                }

                Assert.False(add.IsReleased, $"an ADD got {lease} after its holder was released");
                _lease = lease;
            }
        }

        private static async Task<string?> LeaseOf(Add add)
        {
            try
            {
                return (await add.Result).TryGet(out var lease, out _) ? lease.Addresses[0].Address : null;
            }
            catch (ControlPlaneException)
            {
                return null;
            }
        }
    }
}
