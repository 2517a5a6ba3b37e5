using System.Diagnostics;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Storage;

/// <summary>What a site's running pods have after its store was restored from a backup.</summary>
public sealed class RestoreTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gives_NobodyTheAddressOfARunningPod_AfterARestore()
    {
        using var port = new HeldPort();
        await using var weftd = await Weftd.Start("--listen", $"127.0.0.1:{port.Number}");
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        await using var w1 = await NodeAgent.Start(weftd, client, $"{SmallSite.Cloud}/kubernetesClusters/east", "w1");
        await using var w2 = await NodeAgent.Start(weftd, client, $"{SmallSite.Cloud}/kubernetesClusters/west", "w2");
        var before = NodeAgent.AddressesOf(await w1.Acquire("before"));
        var backup = Path.Join(Path.GetDirectoryName(weftd.Data), "weft-1.db");
        Assert.Equal(0, (await Weftd.RunCommand("backup", backup, "--data", weftd.Data)).Code);
        var running = NodeAgent.AddressesOf(await w1.Acquire("running"));
        Assert.Equal(0, await weftd.Stop());
        var restored = await Weftd.RunCommand("restore", backup, "--data", weftd.Data);
        Assert.True(restored.Code == 0, restored.Errors);

        await weftd.Start();

        Assert.Empty((await w2.AcquireAtLast("next")).Intersect(running.Concat(before)));
        await AssertKnown(weftd, w1, w2, running);
    }

    /// <summary>Both agents have registered, and the pod of the first is known by its addresses.</summary>
    private static async Task AssertKnown(Weftd weftd, NodeAgent w1, NodeAgent w2, string[] running)
    {
        Assert.Contains("leases-registered", w1.Log, StringComparison.Ordinal);
        Assert.Contains("leases-registered", w2.Log, StringComparison.Ordinal);
        foreach (var address in running)
        {
            var who = await Weft(weftd, "who", address);
            Assert.True(who.Code == 0, who.Errors);
            Assert.Contains("core/running", who.Output, StringComparison.Ordinal);
        }

        Assert.Empty((await w1.Check("running", running)).AsObject());
        var report = await Weft(weftd, "ipam", "registrations");
        Assert.True(report.Code == 0, report.Errors);
        // What the pod was given of a block may have been told by the block's report first; then nothing is left to adopt.
        Assert.Matches(@"w1 +east +w1 +Registered +2 +[0-2] +0", report.Output);
        Assert.DoesNotContain("CONFLICT", report.Output, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Errors)> Weft(Weftd weftd, params string[] arguments)
    {
        var program = Programs.PathOf("Weft.Cli", "weft");
        using var process = Process.Start(
            new ProcessStartInfo(
                program,
                [
                    .. arguments,
                    "--server",
                    weftd.Url.ToString(),
                    "--token-file",
                    Path.Join(weftd.Data, "admin.token"),
                    "-s",
                    SmallSite.Subscription.Split('/')[^1],
                    "-g",
                    "rg1",
                ]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var (output, errors) = (
            process.StandardOutput.ReadToEndAsync(Cancel),
            process.StandardError.ReadToEndAsync(Cancel)
        );
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }
}
