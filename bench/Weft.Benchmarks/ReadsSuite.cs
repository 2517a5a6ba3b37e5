using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Benchmarks;

/// <summary>
/// What a read and a write cost as a site grows, what those cost others who merely wait, and what a desired state costs
/// beside its bytes alone.
/// </summary>
internal static class ReadsSuite
{
    private const int Few = 10;
    private const int Many = 1000;
    private const int AtATime = 16;

    public static async Task Run(string bin, bool quick)
    {
        MeasureDrawing(quick);
        var program = Path.Combine(bin, "weftd");
        Console.Error.WriteLine($"bench: reads, {Few} and {Many} clusters with 20 attachments each; {program}");
        using var small = new ReadsSite(program, Few);
        var before = await Measure(small, quick);
        using var large = new ReadsSite(program, Many);
        var after = await Measure(large, quick);
        foreach (var (name, most) in new[] { ("get", 1.0), ("list-100", 20), ("put", 3) })
        {
            new Figure($"{name}-at-{Many}-clusters", after[name], "ms CPU", "<=", most).Print();
            new Figure($"{name}-at-{Many}-to-{Few}-clusters", after[name] / before[name], "ratio", "<=", 1.5).Print();
        }

        new Figure($"list-100-shared-by-{Many}-clusters", after["list-shared"], "ms CPU", "<=", 20).Print();
        await MeasureWaiting(large, quick);
    }

    private static async Task<Dictionary<string, double>> Measure(ReadsSite site, bool quick) =>
        new(StringComparer.Ordinal)
        {
            ["get"] = await Cost(site, site.Get, quick ? 400 : 2000),
            ["list-100"] = await Cost(site, site.ListFew, quick ? 150 : 500),
            ["list-shared"] = await Cost(site, site.ListShared, quick ? 40 : 200),
            ["put"] = await Cost(site, site.Put, quick ? 200 : 1000),
        };

    /// <summary>What one costs weftd, ms of the processor.</summary>
    private static async Task<double> Cost(ReadsSite site, Func<Task> once, int times)
    {
        for (var i = 0; i < times / 4; i++)
            await once();
        var before = site.ProcessorMilliseconds;
        for (var i = 0; i < times; i++)
            await once();
        return (site.ProcessorMilliseconds - before) / times;
    }

    /// <summary>
    /// Allocations without and with agents that wait, in turns: what the machine does besides changes meanwhile.
    /// </summary>
    private static async Task MeasureWaiting(ReadsSite site, bool quick)
    {
        var (rounds, pods) = quick ? (3, 1000) : (7, 3000);
        var agents = await EnrolAll(site);
        var allocating = agents[^10].Credential;
        await site.Allocate(allocating, pods, AtATime);
        List<(double Rate, double Cost)> alone = [],
            beside = [];
        List<double> puts = [];
        for (var round = 0; round < rounds; round++)
        {
            await site.Rest();
            alone.Add(await Allocate(site, allocating, pods));
            using var polls = new LongPolls(site, agents);
            await site.Rest();
            beside.Add(await Allocate(site, allocating, pods));
            puts.Add(await Cost(site, site.PutUnused, quick ? 100 : 300));
            await polls.End();
        }

        PrintWaiting(alone, beside);
        new Figure($"put-beside-{Many}-waiting", Median(puts), "ms CPU", "<=", 3).Print();
    }

    private static async Task<List<(string Credential, string Digest)>> EnrolAll(ReadsSite site)
    {
        var agents = new List<(string, string)>();
        for (var i = 0; i < Many; i++)
        {
            var credential = await site.Enrol(i);
            agents.Add((credential, await site.DigestFor(credential)));
        }

        return agents;
    }

    /// <summary>How many allocations a second, and what one costs weftd, ms of the processor.</summary>
    private static async Task<(double Rate, double Cost)> Allocate(ReadsSite site, string credential, int pods)
    {
        var before = site.ProcessorMilliseconds;
        var rate = await site.Allocate(credential, pods, AtATime);
        return (rate, (site.ProcessorMilliseconds - before) / pods);
    }

    private static void PrintWaiting(List<(double Rate, double Cost)> alone, List<(double Rate, double Cost)> beside)
    {
        var rates = (Alone: Median([.. alone.Select(a => a.Rate)]), Beside: Median([.. beside.Select(b => b.Rate)]));
        var costs = (Alone: Median([.. alone.Select(a => a.Cost)]), Beside: Median([.. beside.Select(b => b.Cost)]));
        Console.Error.WriteLine(
            $"bench: {rates.Alone:0} allocations a second alone, {rates.Beside:0} beside {Many} who wait; "
                + $"{costs.Alone:0.00} and {costs.Beside:0.00} ms CPU each"
        );
        new Figure($"allocations-beside-{Many}-waiting", rates.Beside / rates.Alone, "ratio", ">=", 0.9).Print();
        new Figure($"allocation-cost-beside-{Many}-waiting", costs.Beside / costs.Alone, "ratio", "<=", 1.1).Print();
    }

    /// <summary>A desired state of 50 attachments beside the same bytes, written by the same writer from what was parsed.</summary>
    private static void MeasureDrawing(bool quick)
    {
        var clusters = quick ? 100 : Many;
        var site = new LargeSite(clusters, 2);
        DesiredState Draw(int cluster)
        {
            var desired = ClusterRenderer.Render(site.State, LargeSite.ClusterId(cluster), Limits.Default);
            _ = desired.Digest;
            return desired;
        }

        using var parsed = JsonDocument.Parse(Draw(0).ToBytes());
        var buffer = new ArrayBufferWriter<byte>(1 << 20);
        void WriteBytes()
        {
            buffer.ResetWrittenCount();
            using var writer = new Utf8JsonWriter(buffer, Json.Compact);
            parsed.RootElement.WriteTo(writer);
        }

        var times = quick ? 100 : 500;
        // The first ones pay for compiling the code, and that goes on beside them: what a running weftd pays is measured.
        var warm = Stopwatch.StartNew();
        for (var i = 0; warm.Elapsed < TimeSpan.FromSeconds(5); i++)
        {
            Draw(i % clusters);
            WriteBytes();
        }

        List<double> drawn = [],
            written = [];
        for (var i = 0; i < times; i++)
        {
            drawn.Add(Time(() => Draw(i % clusters)));
            written.Add(Time(WriteBytes));
        }

        Console.Error.WriteLine(
            $"bench: a desired state of 50 attachments is {buffer.WrittenCount / 1000} kB: drawn in {Median(drawn):0.00} ms, "
                + $"its bytes written in {Median(written):0.00} ms"
        );
        new Figure("drawing-to-writing-its-bytes", Median(drawn) / Median(written), "ratio", "<=", 5).Print();
        var all = Time(() =>
        {
            for (var i = 0; i < clusters; i++)
                Draw(i);
        });
        new Figure($"drawing-{clusters}-clusters-to-one", all / clusters / Median(drawn), "ratio", "<=", 1.5).Print();
    }

    private static double Time(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalMilliseconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>Agents that wait for another desired state, until they are told to end.</summary>
    private sealed class LongPolls : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<Task> _polls;

        public LongPolls(ReadsSite site, List<(string Credential, string Digest)> agents) =>
            _polls = [.. agents.Select(agent => Poll(site, agent.Credential, agent.Digest))];

        public async Task End()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_polls);
        }

        public void Dispose() => _stop.Dispose();

        private async Task Poll(ReadsSite site, string credential, string digest)
        {
            try
            {
                while (!_stop.IsCancellationRequested)
                    await site.Wait(credential, digest, 60, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                // All has been measured.
            }
        }
    }
}
