using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.Versioning;
using CsCheck;
using Weft.Contracts;
using Weft.Fleet.Quotas;

namespace Weft.Tests.Server.Reclaim;

/// <summary>
/// Pool, weftd, two nodes' agents, the cluster's agent and a clock, beside a set of what runs: whatever fails and in whatever
/// order, no two sandboxes that run have one address, what a sandbox was told it has, and in the end exactly that is held.
/// </summary>
/// <remarks>
/// A script is a word over these letters. a, b: an ADD on the first, the second node. d: a DEL. k: a pod is deleted by force,
/// without a DEL. s: a sandbox is made anew. x: an ADD is killed. r: an agent is started again; j: without its journal. c: a way
/// is cut; l: it loses answers; o: all ways are open. t: five minutes pass, and leases are looked at; T: at once, by an operator.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class AddressModelTests
{
    private const string Letters = "aabbddkksxrjclooott" + "T";

    [Fact]
    public async Task Holds_WhatRuns_WhateverFails() =>
        // A site for each: what one script leaves behind when it fails would be in the way of the shorter ones.
        await Gen.Char[Letters].Array[4, 16].SampleAsync(script => Run(new string(script)), iter: 25, threads: 1);

    [Theory]
    [InlineData("akjtaatt")] // it was deleted by force, and the journal that knew of it is gone
    [InlineData("aladott")] // the answer of an ADD was lost, and its pod goes on to be deleted
    [InlineData("abcddaott")] // DELs while cut off
    [InlineData("asstst")] // sandboxes of a pod that is still there
    [InlineData("xttaT")] // nobody ever heard of what it was given
    [InlineData("ajdtt")] // a DEL of what the agent doesn't know any more
    [InlineData("ackott")] // gone while the node couldn't be asked
    [InlineData("abtTtTa")] // all is well
    public Task Holds_WhatRuns_WhereItIsTight(string script) => Run(script);

    private static async Task Run(string script)
    {
        await using var site = await Site.Create();
        await site.Run(script);
    }

    /// <summary>A sandbox that runs, and what it was told.</summary>
    private sealed record Sandbox(ModelNode Node, string Network, string Container, string Pod, string[] Addresses);

    private sealed class Site : IAsyncDisposable
    {
        /// <summary>Between two looks.</summary>
        private static readonly TimeSpan Every = TimeSpan.FromSeconds(LeaseLimits.Default.ReclaimSeconds);

        /// <summary>Less than an agent's poll takes.</summary>
        private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

        private static readonly TimeSpan NoAnswer = TimeSpan.FromMilliseconds(500);
        private static readonly TimeSpan LongerThanPatience = TimeSpan.FromSeconds(21);

        /// <summary>Seen gone twice, each time perhaps between two polls of an agent.</summary>
        private const int MostLooks = 30;

        // One of three addresses, so that what is freed too early is given away at once; one where nothing ever runs out.
        private static readonly string[] Networks =
        [
            $"{Documents.Cloud}/l3Networks/tiny",
            $"{Documents.Cloud}/l3Networks/n6",
        ];

        private readonly InProcessServer _server;
        private readonly List<ModelNode> _nodes = [];
        private readonly List<Sandbox> _running = [];
        private readonly ConcurrentDictionary<string, string> _pods = [];
        private InquiredAgent? _cluster;
        private int _number;
        private string _last = "";

        private Site(InProcessServer server) => _server = server;

        public static async Task<Site> Create()
        {
            var site = new Site(await InProcessServer.WithSite());
            var credential = await site._server.Enrol(Documents.East, "east");
            site._cluster = await InquiredAgent.Listen(
                site._server,
                credential,
                $"{Documents.East}/providers/Weft.Fleet/agents/east"
            );
            site._cluster.Pod = site.Observe;
            foreach (var name in new[] { "w1", "w2" })
                site._nodes.Add(await ModelNode.Start(site._server, name));
            return site;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in _nodes)
                await node.DisposeAsync();
            await _cluster!.DisposeAsync();
            await _server.DisposeAsync();
        }

        /// <summary>Does what a script says, sees that all promises hold, and leaves nothing behind.</summary>
        public async Task Run(string script)
        {
            foreach (var (index, letter) in script.Index())
            {
                await Step(letter, index);
                CheckUnique(script);
            }

            await Step('o', 0);
            await HeldAtLast(script);
            while (_running.Count > 0)
                await Delete(_running[0]);
            await HeldAtLast(script);
        }

        private Task Step(char letter, int index) =>
            letter switch
            {
                'a' => Add(_nodes[0], NewPod()),
                'b' => Add(_nodes[1], NewPod()),
                'd' => OnOne(index, Delete),
                'k' => OnOne(index, Kill),
                's' => OnOne(index, MakeAnew),
                'x' => KillAdd(_nodes[index % _nodes.Count]),
                'r' => _nodes[index % _nodes.Count].Restart(keepsJournal: true),
                'j' => _nodes[index % _nodes.Count].Restart(keepsJournal: false),
                'c' => Lead(ModelWay.Cut, _nodes[index % _nodes.Count]),
                'l' => Lead(ModelWay.LosesAnswers, _nodes[index % _nodes.Count]),
                'o' => Lead(ModelWay.Open, [.. _nodes]),
                't' => Pass(),
                _ => Look(repair: true),
            };

        private async Task Add(ModelNode node, string pod)
        {
            var (network, container) = (Networks[_number % Networks.Length], $"s{_number}");
            var addresses = await node.Add(network, container, pod, _pods[pod]);
            if (addresses is not null)
            {
                _running.Add(new Sandbox(node, network, container, pod, addresses));
                return;
            }

            // The runtime gives up, and cleans up as the CNI specification has it.
            await node.Delete(network, container);
            _ = _pods.TryRemove(pod, out _);
        }

        /// <summary>The runtime dies with the plugin: the lease may be there, and nobody has heard of it.</summary>
        private async Task KillAdd(ModelNode node)
        {
            var pod = NewPod();
            var container = $"s{_number}";
            _ = await node.Add(Networks[_number % Networks.Length], container, pod, _pods[pod]);
            node.Forget(container);
            _ = _pods.TryRemove(pod, out _);
        }

        private async Task Delete(Sandbox sandbox)
        {
            await sandbox.Node.Delete(sandbox.Network, sandbox.Container);
            End(sandbox);
        }

        private Task Kill(Sandbox sandbox)
        {
            sandbox.Node.Forget(sandbox.Container);
            End(sandbox);
            return Task.CompletedTask;
        }

        private async Task MakeAnew(Sandbox sandbox)
        {
            sandbox.Node.Forget(sandbox.Container);
            _ = _running.Remove(sandbox);
            _number++;
            await Add(sandbox.Node, sandbox.Pod);
        }

        private void End(Sandbox sandbox)
        {
            _ = _running.Remove(sandbox);
            _ = _pods.TryRemove(sandbox.Pod, out _);
        }

        private static Task Lead(ModelWay way, params ModelNode[] nodes)
        {
            foreach (var node in nodes)
                node.Way = way;
            return Task.CompletedTask;
        }

        private Task OnOne(int index, Func<Sandbox, Task> act) =>
            _running.Count == 0 ? Task.CompletedTask : act(_running[index % _running.Count]);

        /// <summary>
        /// Time passes until weftd looks by itself, and agents wait for its questions meanwhile: what moves the clock by more ends
        /// their polls, and in life they are away for no time.
        /// </summary>
        private async Task Pass()
        {
            var past = _server.Clock.GetUtcNow() - _server.Clock.Start;
            _server.Clock.Advance(Every - TimeSpan.FromTicks(past.Ticks % Every.Ticks) - Short);
            await Listen();
            _server.Clock.Advance(Short * 2);
            await Look(repair: false);
        }

        /// <summary>An agent whose answer is lost is waited for until time has passed: it does while nothing comes.</summary>
        private async Task Look(bool repair)
        {
            await Listen();
            var looking = _server.Post(
                "/providers/Weft.Ipam/audit",
                $$"""{"repair":{{(repair ? "true" : "false")}}}"""
            );
            while (await Task.WhenAny(looking, Task.Delay(NoAnswer)) != looking)
                _server.Clock.Advance(LongerThanPatience);
            _last = (await looking).Expect(200).Text;
        }

        private async Task Listen()
        {
            foreach (var node in _nodes)
                await node.Listen();
        }

        private string NewPod()
        {
            var pod = string.Create(CultureInfo.InvariantCulture, $"p{++_number}");
            _pods[pod] = $"uid-of-{pod}";
            return pod;
        }

        /// <summary>What the API server has.</summary>
        private PodObservation Observe(PodReference asked) =>
            _pods.TryGetValue(asked.Name, out var uid)
                ? new PodObservation(PodState.Present, uid, asked.Node, "default", KubeNodeState.Ready)
                : new PodObservation(PodState.Absent, NodeState: KubeNodeState.Ready);

        private void CheckUnique(string script)
        {
            var taken = new HashSet<(string, string)>();
            foreach (var sandbox in _running)
            {
                Assert.Equal(2, sandbox.Addresses.Length);
                foreach (var address in sandbox.Addresses)
                    Assert.True(taken.Add((sandbox.Network, address)), $"{script}: two have {address}");
            }
        }

        /// <summary>Time passes until what is held is what runs; what runs is held all the while.</summary>
        private async Task HeldAtLast(string script)
        {
            var runs = _running
                .SelectMany(sandbox => sandbox.Addresses.Select(address => $"{sandbox.Container} {address}"))
                .Order(StringComparer.Ordinal)
                .ToArray();
            string[] held;
            for (var looks = 0; !(held = await Held()).SequenceEqual(runs); looks++)
            {
                Assert.True(
                    runs.All(held.Contains) && looks < MostLooks,
                    $"{script}: {string.Join(", ", runs)} run, and {string.Join(", ", held)} are held; {_last}"
                );
                await Pass();
            }
        }

        private async Task<string[]> Held()
        {
            var held = new List<string>();
            foreach (var network in Networks)
            {
                var leases = (await _server.Get($"{network}/providers/Weft.Ipam/leases?$top=1000")).Expect(200).Json;
                held.AddRange(
                    leases["value"]!
                        .AsArray()
                        .Where(lease =>
                            $"{lease!["properties"]!["holder"]}".StartsWith("pod ", StringComparison.Ordinal)
                        )
                        .Select(lease => $"{$"{lease!["properties"]!["holderId"]}".Split('#')[1]} {lease["name"]}")
                );
            }

            return [.. held.Order(StringComparer.Ordinal)];
        }
    }
}
