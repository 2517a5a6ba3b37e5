using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Agent.Kubernetes;
using Weft.Tests.Agent;

namespace Weft.Tests.Kubernetes;

/// <summary>Two replicas, one writer.</summary>
public sealed class LeaderElectionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Elects_OneOfTwo_AndTheOtherWhenItGoes()
    {
        await using var kube = await FakeKube.Start();
        var folder = Directory.CreateTempSubdirectory("weft-election-");
        await FailsOver(kube.Config(folder.FullName));
        folder.Delete(true);
    }

    [Fact]
    public async Task StopsWriting_BeforeAnotherMayBegin_WhenItIsCutOff()
    {
        await using var kube = await FakeKube.Start();
        var folder = Directory.CreateTempSubdirectory("weft-election-");
        using var replica = new Replica("cut-off", kube.Config(folder.FullName));
        await AgentHarness.Eventually(() => replica.IsLeader, "it leads");
        Assert.True(replica.MayWrite);

        // A proxy in between has gone: whatever it asks for fails.
        kube.Before = (_, request) =>
            request.Resource == "leases"
                ? throw new KubeError(503, "ServiceUnavailable", "gone")
                : Task.FromResult(false);
        await AgentHarness.Eventually(() => !replica.IsLeader, "it no longer leads");
        Assert.False(replica.MayWrite);
        var lease = kube.Store.Get(kube.Store.Find("coordination.k8s.io", "v1", "leases"), "weft-system", "weft-agent");
        Assert.StartsWith("cut-off", (string?)lease["spec"]!["holderIdentity"], StringComparison.Ordinal);

        kube.Before = null;
        await AgentHarness.Eventually(() => replica.IsLeader, "it leads again");
        await replica.Stop();
        folder.Delete(true);
    }

    [Fact]
    public async Task WritesNothing_WhenItWakesFromAFreeze()
    {
        await using var kube = await FakeKube.Start();
        var folder = Directory.CreateTempSubdirectory("weft-election-");
        using var client = KubeConnection.Open(new KubeOptions { KubeConfig = kube.Config(folder.FullName) });
        var clock = new FakeTimeProvider();
        var timings = new KubeTimings();
        var election = new LeaderElection(
            new KubeApi(client, timings, TimeProvider.System),
            "frozen",
            timings,
            clock,
            NoLog()
        );
        var api = new KubeApi(client, timings, TimeProvider.System) { MayWrite = () => election.MayWrite };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var leading = new TaskCompletionSource();
        var running = election.Run(
            async cancel =>
            {
                leading.SetResult();
                await Task.Delay(Timeout.Infinite, cancel);
            },
            stop.Token
        );
        await leading.Task.WaitAsync(Cancel);
        await api.Apply("api/v1/namespaces/weft-system/configmaps/before", Map("before"), false, Cancel);

        // The clock has gone on while nothing of it ran: no renewal has come through, and the next thing is a write.
        kube.Before = (_, request) =>
            request.Resource == "leases"
                ? throw new KubeError(503, "ServiceUnavailable", "late")
                : Task.FromResult(false);
        clock.Advance(TimeSpan.FromSeconds(11));
        var refused = await Assert.ThrowsAsync<KubeException>(() =>
            api.Apply("api/v1/namespaces/weft-system/configmaps/after", Map("after"), false, Cancel)
        );
        Assert.Equal("NotLeading", refused.Reason);
        Assert.DoesNotContain(kube.Requests, a => a.Request.Name == "after");
        await stop.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        folder.Delete(true);
    }

    /// <summary>Whatever API server it is.</summary>
    internal static async Task FailsOver(string config)
    {
        using var first = new Replica("first", config);
        await AgentHarness.Eventually(() => first.IsLeader, "the first leads");
        using var second = new Replica("second", config);
        using var third = new Replica("third", config);
        await AgentHarness.Eventually(
            () => second.Tries >= 10 && third.Tries >= 10,
            "the others have tried to lead, again and again"
        );
        Assert.False(second.IsLeader || third.IsLeader);

        // One that ends gives the Lease back; one that is killed is waited for.
        await first.Stop();
        await AgentHarness.Eventually(() => second.IsLeader || third.IsLeader, "another leads");
        var (leader, other) = second.IsLeader ? (second, third) : (third, second);
        Assert.False(other.IsLeader);
        leader.Kill();
        await AgentHarness.Eventually(() => other.IsLeader, "the last one leads");
        await other.Stop();
        Assert.True(Replica.MostAtOnce(config) == 1, "two have led at once");
    }

    private static byte[] Map(string name) =>
        System.Text.Encoding.UTF8.GetBytes(KubeHarness.ConfigMap(name, new JsonObject { ["a"] = "b" }).ToJsonString());

    private static NullLogger NoLog() => NullLogger.Instance;

    private sealed class Replica : IDisposable
    {
        private static readonly ConcurrentDictionary<string, (int Now, int Most)> Leading = new();

        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        private readonly k8s.Kubernetes _client;
        private readonly LeaderElection _election;
        private readonly Task _running;
        private readonly string _config;
        private readonly CountingClock _clock = new();
        private volatile bool _dead;

        public Replica(string name, string config)
        {
            _config = config;
            _client = KubeConnection.Open(new KubeOptions { KubeConfig = config });
            _election = new LeaderElection(
                new KubeApi(
                    _client,
                    KubeHarness.FastTimings with
                    {
                        RetryTimeout = TimeSpan.FromMilliseconds(200),
                    },
                    TimeProvider.System
                ),
                name,
                KubeHarness.FastTimings,
                _clock,
                NoLog()
            );
            _running = _election.Run(Lead, _stop.Token);
        }

        public bool IsLeader { get; private set; }

        /// <summary>How often it has looked at the Lease and waited.</summary>
        public int Tries => _clock.Waits;

        public bool MayWrite => _election.MayWrite;

        public static int MostAtOnce(string config) => Leading[config].Most;

        public async Task Stop()
        {
            await _stop.CancelAsync();
            await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        /// <summary>As by SIGKILL: it says nothing any more, and gives nothing back.</summary>
        public void Kill()
        {
            _dead = true;
            _client.HttpClient.CancelPendingRequests();
            _client.Dispose();
            Count(-1);
            IsLeader = false;
        }

        public void Dispose()
        {
            _stop.Dispose();
            if (!_dead)
                _client.Dispose();
        }

        private async Task Lead(CancellationToken cancel)
        {
            IsLeader = true;
            Count(1);
            await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
            if (_dead)
                return;
            IsLeader = false;
            Count(-1);
        }

        private void Count(int change) =>
            Leading.AddOrUpdate(
                _config,
                _ => (change, change),
                (_, was) => (was.Now + change, Math.Max(was.Most, was.Now + change))
            );
    }
}
