using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Weft.EndToEnd.Relay;
using Weft.EndToEnd.Server;

namespace Weft.EndToEnd.Faults;

/// <summary>
/// weft-agent on a disk that fails: nothing is acknowledged that isn't on it, and all goes on once it is well.
/// </summary>
public sealed class AgentOnFailingDiskTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-agent-").FullName;
    private readonly HttpClient _client = new();
    private Weftd _weftd = null!;
    private FailingDisk _disk = null!;
    private AgentProcess? _agent;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string State => Path.Join(_folder, "state");

    private string Socket => Path.Join(_folder, "s");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _disk = await FailingDisk.Create();
        _weftd = await Weftd.Start();
        foreach (var (id, body) in SmallSite.All)
            await _weftd.Create(_client, id, body);
    }

    [Theory]
    [InlineData(false, FailingDisk.InputOutputError)]
    [InlineData(false, FailingDisk.NoSpace)]
    [InlineData(true, FailingDisk.InputOutputError)]
    [InlineData(true, FailingDisk.NoSpace)]
    public async Task Acknowledges_NeitherAddNorDel_WhileTheJournalFails(bool failsToWrite, int error)
    {
        await StartAgent();
        await _agent!.WaitUntil(() => _agent.Reports > 0, "it has reported");
        Assert.True((await Ask("acquire", "before"))["lease"] is not null, _agent.Output);

        if (failsToWrite)
            _disk.FailWrites("journal", error);
        else
            _disk.FailSyncs("journal", error);
        foreach (var verb in (string[])["acquire", "release", "status"])
            Assert.Equal(
                (verb, "ServiceUnavailable"),
                (verb, (await Ask(verb, "during"))["error"]?["code"]?.ToString())
            );
        Assert.NotNull((await Ask("acquire", "before"))["lease"]);

        _disk.Recover();
        Assert.Null((await Ask("status", "after"))["error"]);
        Assert.NotNull((await Ask("acquire", "after"))["lease"]);
        Assert.Null((await Ask("release", "before"))["error"]);
        Assert.Equal(0, await _agent.Stop());
    }

    /// <summary>One small write's luck says nothing about the next, so STATUS isn't answered by it.</summary>
    [Fact]
    public async Task Says_NoSteadily_WhileTheDiskTakesSmallWritesAlone()
    {
        await StartAgent();
        await _agent!.WaitUntil(() => _agent.Reports > 0, "it has reported");
        Assert.True((await Ask("acquire", "before"))["lease"] is not null, _agent.Output);
        _disk.FailLargeWrites("journal");
        for (var i = 0; i < 20; i++)
        {
            foreach (var (verb, container) in ((string, string)[])[("status", ""), ("acquire", $"c{i}")])
                Assert.Equal(
                    (i, verb, "ServiceUnavailable"),
                    (i, verb, (await Ask(verb, container))["error"]?["code"]?.ToString())
                );
        }

        Assert.NotNull((await Ask("acquire", "before"))["lease"]);
        _disk.Recover();
        Assert.Null((await Ask("status", ""))["error"]);
        Assert.NotNull((await Ask("acquire", "after"))["lease"]);
        Assert.Equal(0, await _agent.Stop());
    }

    [Theory]
    [InlineData("credential.pending")]
    [InlineData("credential.weft-new")]
    [InlineData("desired.json")]
    public async Task Goes_OnWithoutWhatTheDiskDidNotTake_UntilItDoes(string file)
    {
        _disk.FailSyncs(file, FailingDisk.InputOutputError);
        await StartAgent();
        await _agent!.WaitUntil(() => _agent.Output.Contains("can't sync", StringComparison.Ordinal), "the disk fails");
        Assert.False(File.Exists(Path.Join(State, file)));
        _disk.Recover();
        await _agent.WaitUntil(() => _agent.Reports > 0, "it has reported");
        Assert.NotNull((await Ask("acquire", "after"))["lease"]);
        Assert.Equal(0, await _agent.Stop());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
            await _agent.Kill();
        if (_weftd is not null)
            await _weftd.DisposeAsync();
        _client.Dispose();
        _disk.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAgent()
    {
        var token = Path.Join(_folder, "token");
        await File.WriteAllTextAsync(
            token,
            await _weftd.EnrolmentToken(_client, $"{SmallSite.Cloud}/kubernetesClusters/{SmallSite.Clusters[0]}", "a1"),
            Cancel
        );
        string[] options =
        [
            .. (string[])["--server", _weftd.Url.ToString(), "--state", State, "--socket", Socket],
            .. (string[])["--name", "a1", "--enrollment-token-file", token, "--cni-bin", Path.Join(_folder, "none")],
        ];
        var start = new ProcessStartInfo(Programs.PathOf("Weft.Agent", "weft-agent"), options)
        {
            RedirectStandardError = true,
        };
        _disk.Carry(start);
        _agent = new AgentProcess(Process.Start(start)!);
    }

    /// <summary>Asks as the plugin does.</summary>
    private async Task<JsonNode> Ask(string verb, string container)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), Cancel);
        var request = new JsonObject
        {
            ["verb"] = verb,
            ["network"] = SmallSite.Network,
            ["containerId"] = container,
            ["interface"] = "net1",
        };
        await socket.SendAsync(Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"), Cancel);
        using var reader = new StreamReader(new NetworkStream(socket));
        return JsonNode.Parse((await reader.ReadLineAsync(Cancel))!)!;
    }
}
