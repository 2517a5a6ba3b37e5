using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Crash;

/// <summary>What was acknowledged outlives the process, whenever it is killed.</summary>
public sealed class CrashTests
{
    private const int RestartCount = 200;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keeps_EverythingAcknowledged_WhenKilledTwoHundredTimes()
    {
        await using var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        var pods = await EnrolAgents(weftd, client);
        var puts = new ConcurrentDictionary<string, int>();

        for (var life = 0; life < RestartCount; life++)
        {
            await Live(weftd, pods, puts, life);
            await weftd.Start();
        }

        var held = await Leases(weftd, client);
        Assert.Equal(held.Count, held.Select(l => l.Address).Distinct().Count());
        var acquired = pods.Sum(p => p.Acquired);
        Assert.True(
            acquired > RestartCount,
            $"only {acquired} leases were acknowledged: the server was hardly killed in the middle of anything"
        );
        foreach (var p in pods)
            p.Check(held);
        Assert.NotEmpty(puts);
        foreach (var (name, number) in puts)
            await CheckTag(weftd, client, name, number);
    }

    /// <summary>Two agents of each cluster.</summary>
    private static async Task<List<Pods>> EnrolAgents(Weftd weftd, HttpClient client)
    {
        var pods = new List<Pods>();
        foreach (var cluster in SmallSite.Clusters.SelectMany(c => new[] { c, c }))
            pods.Add(new Pods(cluster, await Enrol(weftd, client, cluster, $"agent{pods.Count}"), pods.Count));
        return pods;
    }

    /// <summary>Everybody works until the server is killed.</summary>
    private static async Task Live(Weftd weftd, List<Pods> pods, ConcurrentDictionary<string, int> puts, int life)
    {
        using var answers = new SemaphoreSlim(0);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var work = pods.Select(p => Task.Run(() => p.Work(weftd, answers, over.Token), Cancel))
            .Append(Task.Run(() => Tag(weftd, puts, over.Token), Cancel))
            .ToArray();
        // The kill falls right behind an answer, with the others' questions on their way.
        for (var i = 0; i < 2 + (life % 6); i++)
            Assert.True(
                await answers.WaitAsync(TimeSpan.FromSeconds(10), Cancel),
                $"no answers in life {life}: {string.Join('\n', weftd.Errors)}"
            );
        await weftd.Kill();
        await over.CancelAsync();
        await Task.WhenAll(work);
    }

    /// <summary>
    /// A resource has the last number that was acknowledged, or the next, whose answer never came.
    /// </summary>
    private static async Task CheckTag(Weftd weftd, HttpClient client, string name, int number)
    {
        var (status, body, _) = await weftd.SendRequest(
            client,
            "GET",
            $"{SmallSite.Cloud}/cloudServicesNetworks/{name}"
        );
        Assert.Equal(200, status);
        Assert.InRange(
            int.Parse(body!["tags"]!["n"]!.ToString(), System.Globalization.CultureInfo.InvariantCulture),
            number,
            number + 1
        );
    }

    /// <summary>Puts resources, each again and again with a higher number.</summary>
    private static async Task Tag(Weftd weftd, ConcurrentDictionary<string, int> puts, CancellationToken over)
    {
        using var client = new HttpClient();
        var template = SmallSite.All.Single(d => d.Id.EndsWith("/csn1", StringComparison.Ordinal)).Body;
        for (var i = puts.Values.Sum(); !over.IsCancellationRequested; i++)
        {
            var name = $"csn-{i % 10}";
            var body = template.DeepClone().AsObject();
            var next = puts.GetValueOrDefault(name) + 1;
            body["tags"] = new JsonObject { ["n"] = next.ToString(System.Globalization.CultureInfo.InvariantCulture) };
            if (
                await Try(() =>
                    weftd.SendRequest(client, "PUT", $"{SmallSite.Cloud}/cloudServicesNetworks/{name}", body)
                )
                is not { } answer
            )
                return;
            Assert.True(answer.Status is 200 or 201, answer.Body?.ToJsonString());
            puts[name] = next;
        }
    }

    private static async Task<string> Enrol(Weftd weftd, HttpClient client, string cluster, string name)
    {
        return await weftd.Enrol(client, $"{SmallSite.Cloud}/kubernetesClusters/{cluster}", name);
    }

    private static async Task<List<(string Address, string Holder)>> Leases(Weftd weftd, HttpClient client)
    {
        var leases = new List<(string, string)>();
        for (var path = $"{SmallSite.Network}/providers/Weft.Ipam/leases?$top=1000"; path.Length > 0; )
        {
            var (status, body, _) = await weftd.SendRequest(client, "GET", path);
            Assert.Equal(200, status);
            leases.AddRange(
                body!["value"]!
                    .AsArray()
                    .Select(l => (l!["properties"]!["address"]!.ToString(), l["properties"]!["holderId"]!.ToString()))
            );
            path = body["nextLink"] is { } next ? new Uri(next.ToString()).PathAndQuery : "";
        }

        return leases;
    }

    /// <summary>Asks; null where the server was killed before it answered.</summary>
    private static async Task<(int Status, JsonNode? Body)?> Try(
        Func<Task<(int Status, JsonNode? Body, System.Net.Http.Headers.HttpResponseHeaders Headers)>> ask
    )
    {
        try
        {
            var (status, body, _) = await ask();
            return (status, body);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return null;
        }
    }

    /// <summary>
    /// One agent's pods: what was promised of each, and what is unknown because the answer never came.
    /// </summary>
    private sealed class Pods(string cluster, string credential, int seed)
    {
        private readonly Random _random = new(seed);
        private readonly Dictionary<string, string[]> _held = [];
        private readonly HashSet<string> _released = [];
        private readonly HashSet<string> _unknown = [];
        private int _next;

        public int Acquired { get; private set; }

        public async Task Work(Weftd weftd, SemaphoreSlim answers, CancellationToken over)
        {
            using var client = new HttpClient();
            while (!over.IsCancellationRequested)
            {
                var acquires = _held.Count == 0 || _random.Next(5) < 3;
                var container = acquires ? Fresh() : _held.Keys.ElementAt(_random.Next(_held.Count));
                var request = new JsonObject
                {
                    ["network"] = SmallSite.Network,
                    ["containerId"] = container,
                    ["interface"] = "net1",
                };
                _ = acquires ? _released.Remove(container) : _held.Remove(container);
                var answer = await Try(() =>
                    weftd.SendRequest(
                        client,
                        "POST",
                        $"/agents/v1/leases/{(acquires ? "acquire" : "release")}",
                        request,
                        credential
                    )
                );
                if (answer is not var (status, body))
                {
                    _ = _unknown.Add(container);
                    return;
                }

                Assert.True(status is 200 or 204, body?.ToJsonString());
                _ = _unknown.Remove(container);
                if (acquires)
                {
                    Acquired++;
                    _held[container] =
                    [
                        .. body!["addresses"]!.AsArray().Select(a => a!["address"]!.ToString().Split('/')[0]),
                    ];
                }
                else
                {
                    _ = _released.Add(container);
                }

                _ = answers.Release();
            }
        }

        public void Check(List<(string Address, string Holder)> leases)
        {
            var mine = leases
                .Select(l => (l.Address, Parts: l.Holder.Split('#')))
                .Where(l => l.Parts[1].StartsWith($"c{seed}-", StringComparison.Ordinal))
                .GroupBy(l => l.Parts[1])
                .ToDictionary(g => g.Key, g => g.Select(l => l.Address).Order(StringComparer.Ordinal).ToArray());
            foreach (var (container, addresses) in _held)
                Assert.Equal(addresses.Order(StringComparer.Ordinal), mine.GetValueOrDefault(container) ?? []);
            foreach (var container in _released)
                Assert.False(mine.ContainsKey(container), $"{container} was released, and is held in {cluster}");
            foreach (var container in mine.Keys)
                Assert.True(
                    _held.ContainsKey(container) || _unknown.Contains(container),
                    $"{container} holds what it never asked for"
                );
        }

        /// <summary>
        /// A container that was never used, one whose answer never came, or one that has been released.
        /// </summary>
        private string Fresh() =>
            (_random.Next(4), _unknown.Count, _released.Count) switch
            {
                (0, > 0, _) => _unknown.First(),
                (1, _, > 0) => _released.First(),
                _ => $"c{seed}-{_next++}",
            };
    }
}
