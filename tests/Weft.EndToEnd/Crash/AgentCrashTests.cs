using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;
using Weft.EndToEnd.Storage;

namespace Weft.EndToEnd.Crash;

/// <summary>
/// weft-agent killed in the middle of ADDs and DELs, again and again: each answer stands, without a word of weftd's, and what
/// was given back comes back.
/// </summary>
public sealed class AgentCrashTests
{
    private const int Lives = 20;
    private const int Workers = 6;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keeps_WhatItAnswered_WhenKilledAgainAndAgain()
    {
        using var port = new HeldPort();
        await using var weftd = await Weftd.Start("--listen", $"127.0.0.1:{port.Number}");
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        var cluster = $"{SmallSite.Cloud}/kubernetesClusters/{SmallSite.Clusters[0]}";
        await using var agent = await NodeAgent.Start(weftd, client, cluster, "w1");
        var pods = new Pods(agent);
        for (var life = 0; life < Lives; life++)
        {
            await pods.Live(life);
            // Half of the time weftd is away when the agent comes back: what it answers then it has of its own disk.
            if (life % 2 == 0)
                await weftd.Kill();
            await agent.Restart();
            await pods.Check();
            if (life % 2 == 0)
                await weftd.Start();
        }

        Assert.True(pods.Answered > Lives, $"only {pods.Answered} were answered: {agent.Log}");
        await pods.ReleaseAll();
        await Eventually.Holds(
            async () => (await CountHeld(weftd, client)) == 0,
            "all that was given back is free",
            () => Task.FromResult(agent.Log)
        );
    }

    private static async Task<int> CountHeld(Weftd weftd, HttpClient client)
    {
        var (status, body, _) = await weftd.SendRequest(
            client,
            "GET",
            $"{SmallSite.Network}/providers/Weft.Ipam/leases?$top=1000"
        );
        Assert.Equal(200, status);
        return body!["value"]!.AsArray().Count;
    }

    /// <summary>What a runtime knows of its pods.</summary>
    private sealed class Pods(NodeAgent agent)
    {
        private readonly ConcurrentDictionary<string, string[]> _held = [];
        private readonly ConcurrentBag<string> _unanswered = [];
        private int _next;
        private int _answered;

        public int Answered => _answered;

        /// <summary>Pods come and go until the agent is killed, right behind an answer.</summary>
        public async Task Live(int life)
        {
            using var answers = new SemaphoreSlim(0);
            var work = Enumerable.Range(0, Workers).Select(worker => Work(worker, answers)).ToArray();
            for (var i = 0; i < 3 + (life % 7); i++)
                Assert.True(await answers.WaitAsync(TimeSpan.FromSeconds(30), Cancel), agent.Log);
            await agent.Kill();
            await Task.WhenAll(work);
        }

        /// <summary>Whoever was answered has it still, and an ADD again comes to the same.</summary>
        public async Task Check()
        {
            foreach (var (pod, addresses) in _held)
            {
                var checks = await agent.Check(pod, addresses);
                Assert.True(checks["error"] is null, $"{pod}: {checks}\n{agent.Log}");
                Assert.Equal(addresses, NodeAgent.AddressesOf(await agent.Acquire(pod)));
            }
        }

        /// <summary>A runtime gives back what it was answered, and what it never heard of.</summary>
        public async Task ReleaseAll()
        {
            foreach (var pod in _held.Keys.Concat(_unanswered))
                Assert.Null((await agent.Release(pod))["error"]);
        }

        private async Task Work(int worker, SemaphoreSlim answers)
        {
            var random = new Random(worker);
            while (true)
            {
                var own = _held.Keys.Where(pod => pod.EndsWith($"-{worker}", StringComparison.Ordinal)).ToList();
                var gives = own.Count > 3 || (own.Count > 0 && random.Next(3) == 0);
                var pod = gives ? own[random.Next(own.Count)] : $"c{Interlocked.Increment(ref _next)}-{worker}";
                if (gives)
                    _held.TryRemove(pod, out _);
                JsonNode answer;
                try
                {
                    answer = await (gives ? agent.Release(pod) : agent.Acquire(pod));
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    _unanswered.Add(pod);
                    return;
                }

                if (answer["lease"] is not null)
                    _held[pod] = NodeAgent.AddressesOf(answer);
                else if (!gives || answer["error"] is not null)
                    _unanswered.Add(pod);
                _ = Interlocked.Increment(ref _answered);
                _ = answers.Release();
            }
        }
    }
}
