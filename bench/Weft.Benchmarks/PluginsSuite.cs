using System.Diagnostics;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Benchmarks;

/// <summary>How quickly desired states are rendered, and whom a write wakes.</summary>
internal static class PluginsSuite
{
    private const int Nodes = 2;

    public static void Run(bool quick)
    {
        var clusters = quick ? 100 : 1000;
        var watch = Stopwatch.StartNew();
        var site = new LargeSite(clusters, Nodes);
        Console.Error.WriteLine(
            $"bench: plugins; {clusters} clusters with 50 attachments and {Nodes} nodes each, made in {watch.Elapsed.TotalSeconds:0.0} s"
        );
        PrintSize(Render(site.State, 0));

        // The first drawings pay for compiling the code; what a running weftd pays is measured.
        for (var i = 0; i < 20; i++)
            Render(site.State, i);
        var one = Median(
            Enumerable.Range(0, quick ? 50 : 300).Select(i => Time(() => Render(site.State, i % clusters)))
        );
        new Figure("picture-of-one-cluster", one, "ms", "<=", 2).Print();
        var all = Median(
            Enumerable
                .Range(0, quick ? 1 : 3)
                .Select(_ =>
                    Time(() =>
                    {
                        for (var i = 0; i < clusters; i++)
                            Render(site.State, i);
                    })
                )
        );
        new Figure($"pictures-of-{clusters}-clusters", all / 1000, "s", "<=", 2.0 * clusters / 1000).Print();

        site.Enrol(clusters);
        site.Tag(0, "warm");
        var write = Median(Enumerable.Range(0, quick ? 10 : 50).Select(i => Time(() => site.Tag(i, "core"))));
        new Figure("write-that-alters-no-picture", write, "ms", "<=", 50).Print();
    }

    private static void PrintSize(DesiredState desired)
    {
        if (desired.RenderErrors is [var first, ..])
            throw new InvalidOperationException($"not everything is drawn: {first.Message}");
        Console.Error.WriteLine(
            $"bench: a picture has {desired.Manifests.Length} manifests, "
                + $"{desired.Nodes[0].Configuration!.Links.Length} interfaces a node "
                + $"and {Json.ToUtf8(desired.ToJson()).Length / 1000} kB"
        );
    }

    private static DesiredState Render(StoreState state, int cluster)
    {
        var desired = ClusterRenderer.Render(state, LargeSite.ClusterId(cluster), Limits.Default);
        // An agent is told by the digest whether it has it already, so a desired state without one is half of the work.
        _ = desired.Digest;
        return desired;
    }

    private static double Time(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalMilliseconds;
    }

    private static double Median(IEnumerable<double> values) =>
        values.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : 0;
}
