using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Weft.EndToEnd.Server;

/// <summary>What only a process can show.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessTests
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stops_AtSigterm_WhileOthersWait()
    {
        await using var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        var agent = await Enrol(weftd, client);
        var picture = await weftd.SendRequest(client, "GET", "/agents/v1/desired", null, agent);
        var waiting = weftd.SendRequest(
            client,
            "GET",
            $"/agents/v1/desired?after={picture.Body!["digest"]}&wait=60",
            null,
            agent
        );
        var operation = await StartRunningOperation(weftd, client);
        var watching = weftd.SendRequest(client, "GET", operation);

        // It is given half of the time that the others would wait for.
        Assert.Equal(0, await weftd.Stop());

        Assert.True((await waiting).Status is 200 or 204);
        Assert.Equal(202, (await watching).Status);
    }

    [Fact]
    public async Task Prints_OneLine_AndKeepsItsFilesAndTokensToItself()
    {
        await using var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        var agent = await Enrol(weftd, client);
        _ = await weftd.SendRequest(client, "GET", "/agents/v1/desired", null, agent);
        Assert.Equal(401, (await weftd.SendRequest(client, "GET", "/subscriptions", null, "weft_adm_wrong")).Status);
        var token = weftd.Token;

        Assert.All(
            Directory.GetFiles(weftd.Data),
            file => Assert.Equal((file, Owner), (file, File.GetUnixFileMode(file)))
        );
        Assert.Contains("admin.token", Directory.GetFiles(weftd.Data).Select(Path.GetFileName));
        Assert.Equal(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(weftd.Data));
        Assert.Equal(0, await weftd.Stop());
        Assert.Equal($"weft: listening on {weftd.Url.ToString().TrimEnd('/')}", Assert.Single(weftd.Output));
        foreach (var secret in (string[])[token, agent, "weft_adm_wrong", "weft_agt_", "weft_enr_"])
            Assert.DoesNotContain(weftd.Errors, line => line.Contains(secret, StringComparison.Ordinal));
        foreach (
            var file in Directory.GetFiles(weftd.Data).Where(f => !f.EndsWith("admin.token", StringComparison.Ordinal))
        )
            Assert.DoesNotContain(
                "weft_agt_",
                System.Text.Encoding.Latin1.GetString(
                    await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)
                ),
                StringComparison.Ordinal
            );
    }

    [Fact]
    public async Task Refuses_ToShareItsDirectory()
    {
        await using var weftd = await Weftd.Start();

        var second = await Weftd.Run(weftd.Data);

        Assert.Equal((1, ""), (second.Code, second.Output));
        Assert.Contains($"another weftd works on {weftd.Data}", second.Errors, StringComparison.Ordinal);
        using var client = new HttpClient();
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", "/subscriptions")).Status);
    }

    /// <summary>One line, which names the option, and no stack.</summary>
    [Theory]
    [InlineData("--listen")]
    [InlineData("--relay-listen")]
    public async Task Refuses_ToListenWhereAnotherDoes(string option)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var data = Directory.CreateTempSubdirectory("weftd-").FullName;

        var second = await Weftd.Run(data, option, $"{other.LocalEndpoint}");

        Directory.Delete(data, true);
        Assert.Equal((1, ""), (second.Code, second.Output));
        Assert.Equal(
            $"weftd: {option} {other.LocalEndpoint}: another program listens there; stop it, or name another port\n",
            second.Errors
        );
    }

    /// <summary>
    /// With 600 descriptors, 1,200 connections to the relay's port, of one source or of many, leave people and agents
    /// theirs; and as many to their own port leave the other sources theirs.
    /// </summary>
    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 40)]
    [InlineData(false, 1)]
    public async Task Answers_WhileTheRelayIsFlooded(bool isRelay, int sources)
    {
        await using var weftd = await Weftd.Start(WithDescriptors(600), "--relay-listen", "127.0.0.1:0");
        await Eventually.Holds(() => weftd.Output.Count == 2, "it has said where the relay is");
        var relay = new Uri(weftd.Output.Last()["weft: relay at ".Length..]);
        var port = isRelay ? relay.Port : weftd.Url.Port;
        var flood = new List<Socket>();
        try
        {
            for (var i = 0; i < 1200; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                flood.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Parse($"127.0.2.{1 + (i % sources)}"), 0));
                await ConnectOrBeRefused(socket, port);
            }

            for (var i = 0; i < 10; i++)
            {
                using var client = new HttpClient();
                Assert.Equal(200, (await weftd.SendRequest(client, "GET", "/subscriptions")).Status);
            }

            Assert.InRange(Directory.GetFiles($"/proc/{weftd.Id}/fd").Length, 1, 599);
            await ExpectCounted(weftd, isRelay ? "relay: " : "management: ");
            Assert.InRange(weftd.Errors.Count, 1, 20);
        }
        finally
        {
            foreach (var socket in flood)
                socket.Dispose();
        }

        using var next = new TcpClient();
        await next.ConnectAsync(IPAddress.Loopback, relay.Port, TestContext.Current.CancellationToken);
    }

    private static Task ExpectCounted(Weftd weftd, string port) =>
        Eventually.Holds(
            () =>
                weftd.Errors.Any(e => e.Contains(port, StringComparison.Ordinal) && e.Contains("were closed at once")),
            "the log says how many",
            () => string.Join('\n', weftd.Errors)
        );

    private static Action<ProcessStartInfo> WithDescriptors(int most) =>
        start =>
        {
            start.ArgumentList.Insert(0, start.FileName);
            start.ArgumentList.Insert(0, $"--nofile={most}:{most}");
            start.FileName = "prlimit";
        };

    /// <summary>One that is closed before this side saw that it was in has failed for it.</summary>
    private static async Task ConnectOrBeRefused(Socket socket, int port)
    {
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // That is what the test is about.
        }
    }

    /// <summary>The file of limits reaches the relay; what is wrong in it is said by member.</summary>
    [Fact]
    public async Task Reads_LimitsOfTheRelay()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """{"relay":{"connections":32,"pendingPerSource":7}}""", Cancel);
        await using var weftd = await Weftd.Start("--relay-listen", "127.0.0.1:0", "--limits", file);
        using var client = new HttpClient();
        var served = await weftd.SendRequest(client, "GET", "/providers/Weft.Relay/limits");
        Assert.Equal(
            (32, 7),
            ((int)served.Body!["relay"]!["connections"]!, (int)served.Body["relay"]!["pendingPerSource"]!)
        );

        await File.WriteAllTextAsync(file, """{"relay":{"connections":3}}""", Cancel);
        var refused = await Weftd.Run(Path.Join(weftd.Data, "other"), "--limits", file);
        File.Delete(file);
        Assert.Equal(1, refused.Code);
        Assert.Contains("'relay.connections': 3 ", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Starts_AfterAStartThatWasCutOff()
    {
        await using var weftd = await Weftd.Start();
        Assert.Equal(0, await weftd.Stop());
        File.Move(Path.Join(weftd.Data, "admin.token"), Path.Join(weftd.Data, "admin.token.new"));

        await weftd.Start();

        using var client = new HttpClient();
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", "/subscriptions")).Status);
        Assert.All(
            Directory.GetFiles(weftd.Data),
            file => Assert.Equal((file, Owner), (file, File.GetUnixFileMode(file)))
        );
        Assert.Contains("admin.token", Directory.GetFiles(weftd.Data).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ends_Operation_ThatBeganInAnEarlierLife(bool politely)
    {
        await using var weftd = await Weftd.Start();
        using var client = new HttpClient();
        foreach (var (id, body) in SmallSite.All)
            await weftd.Create(client, id, body);
        var agent = await Enrol(weftd, client);
        var operation = await StartRunningOperation(weftd, client);
        if (politely)
            Assert.Equal(0, await weftd.Stop());
        else
            await weftd.Kill();
        await weftd.Start();

        var picture = (await weftd.SendRequest(client, "GET", "/agents/v1/desired", null, agent)).Body!;
        Assert.Equal(
            202,
            (
                await weftd.SendRequest(
                    client,
                    "GET",
                    operation.Replace("operationStatuses", "operationResults", StringComparison.Ordinal),
                    wait: 0
                )
            ).Status
        );
        var report = new JsonObject
        {
            ["digest"] = picture["digest"]!.DeepClone(),
            ["revision"] = picture["revision"]!.DeepClone(),
            ["state"] = "Applied",
        };
        Assert.Equal(204, (await weftd.SendRequest(client, "PUT", "/agents/v1/status", report, agent)).Status);

        Assert.Equal("Succeeded", (await weftd.SendRequest(client, "GET", operation)).Body!["status"]!.ToString());
    }

    private static async Task<string> Enrol(Weftd weftd, HttpClient client)
    {
        return await weftd.Enrol(client, $"{SmallSite.Cloud}/kubernetesClusters/east", "w1");
    }

    /// <summary>Begins an operation that waits for the agent; returns the path to watch it by.</summary>
    private static async Task<string> StartRunningOperation(Weftd weftd, HttpClient client)
    {
        var east = SmallSite.All.Single(d => d.Id.EndsWith("/east", StringComparison.Ordinal));
        east.Body["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"] = new JsonObject();
        var put = await weftd.SendRequest(client, "PUT", east.Id, east.Body);
        Assert.Equal(200, put.Status);
        return new Uri(put.Headers.GetValues("Azure-AsyncOperation").Single()).PathAndQuery;
    }
}
