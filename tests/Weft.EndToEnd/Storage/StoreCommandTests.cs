using System.Text;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Storage;

/// <summary>What an operator does with a store, and meets when it is damaged: exit codes and single lines.</summary>
public sealed class StoreCommandTests
{
    private const int Damaged = 65;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Refuses_SecondServer_WhenTheLockFileIsRemoved()
    {
        await using var weftd = await Weftd.Start();
        File.Delete(Path.Join(weftd.Data, "weftd.lock"));

        var second = await Weftd.Run(weftd.Data);

        Assert.Equal((1, ""), (second.Code, second.Output));
        Assert.Contains(
            $"another weftd works on {weftd.Data} (process {weftd.ProcessId})",
            second.Errors,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Ends_WithACodeOfItsOwn_WhenTheStoreIsDamaged()
    {
        await using var weftd = await StartWithSite();
        Assert.Equal(0, await weftd.Stop());
        var store = Path.Join(weftd.Data, "weft.db");
        var content = await File.ReadAllBytesAsync(store, Cancel);
        // The first ones may stand in space that isn't used any more.
        var member = Encoding.UTF8.GetBytes("\"location\"");
        for (int at = 0, next; (next = content.AsSpan(at).IndexOf(member)) >= 0; at += next + 1)
            content[at + next] ^= 2;
        await File.WriteAllBytesAsync(store, content, Cancel);

        var second = await Weftd.Run(weftd.Data);

        Assert.Equal((Damaged, ""), (second.Code, second.Output));
        Assert.Matches(
            @"^weftd: the store \S+ is damaged: the row '[^']+' doesn't match its checksum\. .*weftd restore FILE.*\n$",
            second.Errors
        );
        var check = await Weftd.RunCommand("check", "--data", weftd.Data);
        Assert.Equal((1, ""), (check.Code, check.Errors));
        Assert.Contains("damaged: the row '", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ends_WithACodeOfItsOwn_WhenTheStoreIsGone()
    {
        await using var weftd = await StartWithSite();
        await weftd.Kill();
        File.Delete(Path.Join(weftd.Data, "weft.db-wal"));
        var cut = await Weftd.Run(weftd.Data);
        Assert.Equal((Damaged, ""), (cut.Code, cut.Output));
        Assert.Contains("has lost commits", cut.Errors, StringComparison.Ordinal);

        File.Delete(Path.Join(weftd.Data, "weft.db"));
        var gone = await Weftd.Run(weftd.Data);
        Assert.Equal((Damaged, ""), (gone.Code, gone.Output));
        Assert.Contains("is missing, and admin.token", gone.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Backs_UpAndRestores()
    {
        await using var weftd = await StartWithSite();
        using var client = new HttpClient();
        var backup = Path.Join(Path.GetDirectoryName(weftd.Data), "weft-1.db");

        var written = await Weftd.RunCommand("backup", backup, "--data", weftd.Data);
        Assert.Equal((0, ""), (written.Code, written.Errors));
        await AssertRefused("--force", "backup", backup, "--data", weftd.Data);
        await AssertRefused($"(process {weftd.ProcessId})", "restore", backup, "--data", weftd.Data);
        var report = await Check(backup);
        var (id, body) = SmallSite.All.Single(d => d.Id.EndsWith("/csn1", StringComparison.Ordinal));
        var late = id.Replace("/csn1", "/late", StringComparison.Ordinal);
        await weftd.Create(client, late, body);
        Assert.Equal(0, await weftd.Stop());

        var restored = await Weftd.RunCommand("restore", backup, "--data", weftd.Data);

        Assert.Equal((0, ""), (restored.Code, restored.Errors));
        Assert.Contains("the store before is kept as ", restored.Output, StringComparison.Ordinal);
        var after = await Check(Path.Join(weftd.Data, "weft.db"));
        Assert.True((long)after["revision"]! >= (long)report["revision"]! + 1_000_000_000);
        Assert.NotNull(after["epoch"]);
        await weftd.Start();
        Assert.Equal(404, (await weftd.SendRequest(client, "GET", late)).Status);
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", id)).Status);
    }

    /// <summary>A backup leaves the log of a store that was not closed as it is: it is still needed.</summary>
    [Fact]
    public async Task Backs_Up_WhatAProcessLeavesThatIsKilled()
    {
        await using var weftd = await StartWithSite();
        await weftd.Kill();
        var backup = Path.Join(Path.GetDirectoryName(weftd.Data), "weft-1.db");

        Assert.Equal(0, (await Weftd.RunCommand("backup", backup, "--data", weftd.Data)).Code);
        Assert.Equal(0, (await Weftd.RunCommand("check", "--data", weftd.Data)).Code);

        Assert.True(new FileInfo(Path.Join(weftd.Data, "weft.db-wal")).Length > 0);
        await weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, _) in SmallSite.All.Where(d => !d.Body.ContainsKey("state")))
            Assert.Equal(200, (await weftd.SendRequest(client, "GET", id)).Status);
    }

    [Fact]
    public async Task Names_AgentsThatABackupDoesNotKnow()
    {
        await using var weftd = await StartWithSite();
        using var client = new HttpClient();
        var backup = Path.Join(Path.GetDirectoryName(weftd.Data), "weft-1.db");
        Assert.Equal(0, (await Weftd.RunCommand("backup", backup, "--data", weftd.Data)).Code);
        _ = await weftd.Enrol(client, $"{SmallSite.Cloud}/kubernetesClusters/east", "late");
        Assert.Equal(0, await weftd.Stop());

        var restored = await Weftd.RunCommand("restore", backup, "--data", weftd.Data);

        Assert.Equal(0, restored.Code);
        Assert.Contains("/agents/late, so nobody will wait for it", restored.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copies_ItsStoreByItself()
    {
        await using var weftd = await Weftd.Start("--backup-every", "10s", "--keep", "1");
        var backups = Path.Join(weftd.Data, "backups");
        await Eventually.Holds(
            () => Directory.Exists(backups) && Directory.GetFiles(backups, "*.db").Length > 0,
            "a copy of the store is in backups",
            () => string.Join('\n', weftd.Errors)
        );

        var copy = Directory.GetFiles(backups, "*.db")[0];
        Assert.True((bool)(await Check(copy))["whole"]!);
    }

    [Theory]
    [InlineData("backup", "backup needs a FILE")]
    [InlineData("restore a b", "takes one FILE")]
    [InlineData("check --output xml", "'xml' is no form")]
    [InlineData("check --data", "--data needs a value")]
    [InlineData("backup a --forced", "has no option '--forced'")]
    [InlineData("check a --accept-loss", "give --data DIR and no FILE")]
    public async Task Refuses_WordsItDoesNotKnow(string line, string because)
    {
        var run = await Weftd.RunCommand(line.Split(' '));

        Assert.Equal((64, ""), (run.Code, run.Output));
        Assert.Contains(because, run.Errors, StringComparison.Ordinal);
    }

    private static async Task AssertRefused(string because, params string[] words)
    {
        var run = await Weftd.RunCommand(words);
        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.Contains(because, run.Errors, StringComparison.Ordinal);
    }

    private static async Task<JsonNode> Check(string file)
    {
        var check = await Weftd.RunCommand("check", file, "--output", "json");
        Assert.Equal((0, ""), (check.Code, check.Errors));
        return JsonNode.Parse(check.Output)!;
    }

    private static async Task<Weftd> StartWithSite()
    {
        var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        return weftd;
    }
}
