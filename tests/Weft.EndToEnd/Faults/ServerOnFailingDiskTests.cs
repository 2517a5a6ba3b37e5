using System.Text.Json.Nodes;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Faults;

/// <summary>weftd on a disk that fails: it ends by itself, and what it acknowledged is there at the next start.</summary>
public sealed class ServerOnFailingDiskTests
{
    private const int DiskFailure = 74;

    private static Document First => SmallSite.All.First();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ends_AndStartsNoMore_UntilTheDiskIsWell(bool failsToWrite)
    {
        using var disk = await FailingDisk.Create();
        await using var weftd = await Weftd.Start(disk.Carry);
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);

        if (failsToWrite)
            disk.FailWrites("weft.db", FailingDisk.InputOutputError);
        else
            disk.FailSyncs("weft.db", FailingDisk.InputOutputError);
        var refused = await weftd.SendRequest(client, "PUT", First.Id, Tagged("1"));
        Assert.Equal(503, refused.Status);
        Assert.Equal(DiskFailure, await weftd.WaitForEnd());
        Assert.Contains(weftd.Errors, line => line.StartsWith("weftd: the store can't", StringComparison.Ordinal));
        Assert.DoesNotContain(weftd.Errors, line => line.Contains("   at ", StringComparison.Ordinal));

        var again = await Weftd.Run(weftd.Data, disk.Carry);
        Assert.Equal((DiskFailure, ""), (again.Code, again.Output));
        Assert.StartsWith("weftd: the store", again.Errors, StringComparison.Ordinal);

        disk.Recover();
        await weftd.Start();
        foreach (var (id, _) in SmallSite.All.Where(document => !document.Body.ContainsKey("state")))
            Assert.Equal(200, (await weftd.SendRequest(client, "GET", id)).Status);
        Assert.Equal(200, (await weftd.SendRequest(client, "PUT", First.Id, Tagged("2"))).Status);
    }

    [Fact]
    public async Task Goes_OnByItself_OnceAFullDiskHasRoom()
    {
        using var disk = await FailingDisk.Create();
        await using var weftd = await Weftd.Start(disk.Carry);
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);

        disk.FailWrites("weft.db", FailingDisk.NoSpace);
        Assert.Equal(503, (await weftd.SendRequest(client, "PUT", First.Id, Tagged("1"))).Status);
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", First.Id)).Status);
        disk.Recover();
        Assert.Equal(200, (await weftd.SendRequest(client, "PUT", First.Id, Tagged("2"))).Status);
    }

    /// <summary>Nothing is acknowledged that isn't on record (docs/specs/audit.md).</summary>
    [Theory]
    [InlineData(true, FailingDisk.NoSpace)]
    [InlineData(true, FailingDisk.InputOutputError)]
    [InlineData(false, FailingDisk.InputOutputError)]
    public async Task Refuses_Writes_WhileTheAuditLogCannotBeWritten(bool failsToWrite, int error)
    {
        using var disk = await FailingDisk.Create();
        await using var weftd = await Weftd.Start(disk.Carry);
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);

        if (failsToWrite)
            disk.FailWrites("audit.log", error);
        else
            disk.FailSyncs("audit.log", error);
        var done = 0;
        async Task<bool> IsRefused(int number)
        {
            var answer = await weftd.SendRequest(client, "PUT", First.Id, Tagged($"{number}"));
            // A record may fail before or after the answer's own write, so a write may be done and told 503.
            var isDone = answer.Status == 200 || Says(answer.Body, "it was carried out");
            done += isDone ? 1 : 0;
            return answer.Status == 503 && Says(answer.Body, "nothing was done");
        }

        var sent = 0;
        await Eventually.Holds(() => IsRefused(++sent), "a write is refused before it begins");
        var read = await weftd.SendRequest(client, "GET", First.Id);
        Assert.Equal((200, $"{sent - 1}"), (read.Status, $"{read.Body!["tags"]?["n"]}"));
        disk.Recover();
        await Eventually.Holds(async () => !await IsRefused(++sent), "writes go on");
        var recorded = File.ReadLines(Path.Join(weftd.Data, "audit.log"))
            .Select(line => JsonNode.Parse(line)!)
            .Count(record => record["id"]?.ToString() == First.Id && record["status"]?.GetValue<int>() == 200);
        // What was carried out and told 503 is on record too: as done.
        Assert.Equal(done, recorded);
    }

    private static bool Says(JsonNode? body, string words) => $"{body}".Contains(words, StringComparison.Ordinal);

    /// <summary>The file beside the kernel's lock only names the process: a full disk is no other weftd.</summary>
    [Fact]
    public async Task Starts_WhereTheDiskHasNoRoomForItsName()
    {
        using var disk = await FailingDisk.Create();
        disk.FailWrites("weftd.lock", FailingDisk.NoSpace);
        await using var weftd = await Weftd.Start(disk.Carry);
        using var client = new HttpClient();
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", "/subscriptions")).Status);
    }

    [Theory]
    [InlineData("admin.token")]
    [InlineData("relay.key")]
    public async Task Starts_NotWithASecret_ThatTheDiskDidNotTake(string file)
    {
        using var disk = await FailingDisk.Create();
        var folder = Directory.CreateTempSubdirectory("weftd-");
        try
        {
            var data = Path.Join(folder.FullName, "data");
            disk.FailSyncs(file, FailingDisk.InputOutputError);
            var refused = await Weftd.Run(data, disk.Carry);
            Assert.NotEqual(0, refused.Code);
            Assert.Contains("can't sync", refused.Errors, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Join(data, file)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JsonObject Tagged(string value)
    {
        var body = First.Body.DeepClone().AsObject();
        body["tags"] = new JsonObject { ["n"] = value };
        return body;
    }
}
