using System.Collections.Concurrent;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using CsCheck;
using Microsoft.AspNetCore.Http;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// One agent, and a control plane that answers when a script says so, and how: whatever the order in which ADDs, DELs
/// and answers come, the promises of docs/specs/agent-socket.md hold. A script is a word over five letters.
/// </summary>
/// <remarks>
/// A: an ADD begins. D: a DEL is acknowledged. g: the request that waits at the control plane is granted. f: it is
/// refused with 503. l: it is granted, and the answer is lost.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class LeaseInterleavingTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Keeps_ItsPromises_InWhateverOrder()
    {
        await using var harness = await AgentHarness.Start(
            AgentHarness.FastTimings with
            {
                AcquireTimeout = Limit,
                RequestTimeout = Limit,
                SocketTimeout = Limit,
            }
        );
        var trials = new Trials(harness);
        await Gen.Char["ADgfl"]
            .Array[3, 14]
            .SampleAsync(script => trials.Run(new string(script)), iter: 300, threads: 4);
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
        await using var harness = await AgentHarness.Start(
            AgentHarness.FastTimings with
            {
                AcquireTimeout = Limit,
                RequestTimeout = Limit,
                SocketTimeout = Limit,
            }
        );
        await new Trials(harness).Run(script);
    }

    /// <summary>All trials of one agent; each has a holder of its own.</summary>
    private sealed class Trials
    {
        private readonly AgentHarness _harness;
        private readonly ConcurrentDictionary<string, Trial> _trials = new(StringComparer.Ordinal);
        private int _count;

        public Trials(AgentHarness harness)
        {
            _harness = harness;
            harness.Plane.Before = Hold;
        }

        public async Task Run(string script)
        {
            var container = $"c{Interlocked.Increment(ref _count)}";
            var trial = _trials[container] = new Trial(_harness, container);
            foreach (var letter in script)
                await trial.Step(letter);
            await trial.Finish();
        }

        private async Task<bool> Hold(string verb, PodLeaseRequest body, HttpContext context)
        {
            switch (await _trials[body.Holder.ContainerId].Decide(verb))
            {
                case 'f':
                    await ScriptedControlPlane.Refuse(context, 503, "ServiceUnavailable", "not now");
                    return true;
                case 'l':
                    context.Response.OnStarting(() =>
                    {
                        context.Abort();
                        return Task.CompletedTask;
                    });
                    return false;
                default:
                    return false;
            }
        }
    }

    /// <summary>A request that has come to the control plane, and waits for the script.</summary>
    /// <param name="Deletes">How many DELs had been acknowledged when it came.</param>
    private sealed record PlaneRequest(string Verb, int Deletes)
    {
        public TaskCompletionSource<char> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>An ADD that the script has begun.</summary>
    private sealed record Add(Task<JsonObject> Answer)
    {
        /// <summary>A DEL was acknowledged while it was under way: it must not get a lease.</summary>
        public bool IsReleased { get; set; }
    }

    /// <summary>One holder, what it was told, and what must be true of it.</summary>
    private sealed class Trial(AgentHarness harness, string container)
    {
        private readonly Channel<PlaneRequest> _requests = Channel.CreateUnbounded<PlaneRequest>();
        private readonly List<Add> _running = [];
        private PlaneRequest? _held;
        private string? _lease;
        private int _deletes;

        /// <summary>A DEL was acknowledged, and no release has begun at the control plane since.</summary>
        private bool _owesRelease;

        /// <summary>A release that was begun has not been confirmed to the agent.</summary>
        private bool _isUnconfirmed;

        /// <summary>An ADD ended without a lease: the runtime owes a DEL, as the CNI specification has it.</summary>
        private bool _owesDelete;

        private bool IsQuiet => _running.Count == 0 && _held is null && !_owesRelease && !_isUnconfirmed;

        /// <summary>What the script says to a request that has come to the control plane.</summary>
        public async Task<char> Decide(string verb)
        {
            var request = new PlaneRequest(verb, Volatile.Read(ref _deletes));
            // Once the script is over nobody reads any more: a release that is sent twice does no harm.
            return _requests.Writer.TryWrite(request) ? await request.Answer.Task : 'g';
        }

        public async Task Step(char letter)
        {
            switch (letter)
            {
                case 'A':
                    _running.Add(new Add(harness.Send("acquire", container)));
                    await WaitForProgress();
                    break;
                case 'D':
                    await Delete();
                    break;
                default:
                    await Reply(letter);
                    break;
            }
        }

        /// <summary>Everything that is under way is granted; then what is held is what was said.</summary>
        public async Task Finish()
        {
            await Drain();
            if (_owesDelete)
                await Delete();
            await Drain();
            await harness.Plane.Until(
                () => harness.Plane.Leases.GetValueOrDefault($"{container}/net1") == _lease,
                $"the control plane holds {_lease ?? "nothing"} for {container}"
            );
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
            Assert.Equal("{}", (await harness.Send("release", container)).ToJsonString());
            Interlocked.Increment(ref _deletes);
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
            await WaitForProgress();
        }

        /// <summary>Waits for what must come: a request at the control plane, or the end of every ADD.</summary>
        private async Task WaitForProgress()
        {
            while (_held is null && !IsQuiet)
            {
                var coming = _requests.Reader.WaitToReadAsync().AsTask();
                var first = await Task.WhenAny([coming, .. _running.Select(add => add.Answer)])
                    .WaitAsync(Limit, TestContext.Current.CancellationToken);
                if (first != coming)
                    await Complete();
                else if (_requests.Reader.TryRead(out var request))
                    Hold(request);
            }
        }

        private void Hold(PlaneRequest request)
        {
            _held = request;
            if (request.Verb == "release" && request.Deletes == _deletes)
                _owesRelease = false;
        }

        private async Task Complete()
        {
            foreach (var add in _running.Where(add => add.Answer.IsCompleted).ToList())
            {
                _running.Remove(add);
                var answer = await add.Answer;
                if (answer["lease"] is null)
                {
                    _owesDelete |= !add.IsReleased;
                    continue;
                }

                Assert.False(add.IsReleased, $"an ADD got {answer.ToJsonString()} after its holder was released");
                _lease = AgentHarness.AddressOf(answer);
            }
        }
    }
}
