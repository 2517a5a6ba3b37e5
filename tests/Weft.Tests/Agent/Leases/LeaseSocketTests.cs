using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Agent;

namespace Weft.Tests.Agent.Leases;

[SupportedOSPlatform("linux")]
public sealed class LeaseSocketTests
{
    [Fact]
    public async Task Makes_Socket_ForItsOwnerOnly_AndTakesItAway()
    {
        await using var harness = await AgentHarness.Start();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(harness.Options.Socket));
        await harness.StopAgent();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(harness.Options.Socket)!));
    }

    [Fact]
    public async Task Replaces_SocketOfADeadAgent()
    {
        await using var harness = await AgentHarness.Create();
        Directory.CreateDirectory(Path.GetDirectoryName(harness.Options.Socket)!);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(harness.Options.Socket + ".dead"));
            File.Move(harness.Options.Socket + ".dead", harness.Options.Socket);
        }

        Assert.True(Path.Exists(harness.Options.Socket));
        await harness.StartAgent();
        await AgentHarness.Eventually(
            () => harness.Log.Contains("started", StringComparison.Ordinal),
            "the agent has started"
        );
        Assert.Equal("{}", (await harness.Send("release", "a")).ToJsonString());
    }

    [Fact]
    public async Task Refuses_SocketOfALivingAgent()
    {
        await using var harness = await AgentHarness.Start();
        await using var other = await AgentHarness.Create();
        other.Options = other.Options with { Socket = harness.Options.Socket };
        Assert.Contains(
            "another weft-agent answers",
            (await Assert.ThrowsAsync<StartupException>(other.RunAgent)).Message,
            StringComparison.Ordinal
        );
        Assert.Equal("{}", (await harness.Send("release", "a")).ToJsonString());
    }

    [Fact]
    public async Task Refuses_SocketThatIsAFile()
    {
        await using var harness = await AgentHarness.Create();
        Directory.CreateDirectory(Path.GetDirectoryName(harness.Options.Socket)!);
        await File.WriteAllTextAsync(harness.Options.Socket, "precious", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<StartupException>(harness.RunAgent);
        Assert.Equal(
            "precious",
            await File.ReadAllTextAsync(harness.Options.Socket, TestContext.Current.CancellationToken)
        );
    }

    [Theory]
    [InlineData("\n", "InvalidRequestContent")]
    [InlineData("null\n", "InvalidRequestContent")]
    [InlineData("[]\n", "InvalidRequestContent")]
    [InlineData("{\"verb\":7}\n", "InvalidRequestContent")]
    [InlineData("{\"verb\":\"acquire\"\n", "InvalidRequestContent")]
    [InlineData("\xff\xfe\n", "InvalidRequestContent")]
    [InlineData("{}\n", "InvalidMember")]
    [InlineData("{\"verb\":\"steal\"}\n", "InvalidMember")]
    [InlineData("{\"verb\":\"acquire\"}\n", "MissingMember")]
    [InlineData(
        "{\"verb\":\"release\",\"network\":\"n6\",\"containerId\":\"a\",\"interface\":\"net1\"}\n",
        "InvalidResourceId"
    )]
    public async Task Refuses_BadRequest_AndServesOn(string request, string code)
    {
        await using var harness = await AgentHarness.Start();
        Assert.Equal(code, AgentHarness.CodeOf(JsonNode.Parse(await harness.SendLine(request))!.AsObject()));
        AgentHarness.AddressOf(await harness.Send("acquire", "a"));
    }

    [Theory]
    [InlineData("containerId", "a/../b", "InvalidMember")]
    [InlineData("containerId", "", "InvalidMember")]
    [InlineData("interface", "a-name-too-long-x", "InvalidMember")]
    [InlineData("interface", "..", "InvalidMember")]
    public async Task Refuses_BadHolder(string member, string value, string code)
    {
        await using var harness = await AgentHarness.Start();
        var request = AgentHarness.Request("acquire", "a");
        request[member] = value;
        var answer = await harness.Send(request);
        Assert.Equal(code, AgentHarness.CodeOf(answer));
        Assert.Equal(member, (string?)answer["error"]!["target"]);
        Assert.Empty(harness.Plane.Calls);
    }

    [Fact]
    public async Task Refuses_AddressAskedFor_ThatIsNone()
    {
        await using var harness = await AgentHarness.Start();
        var request = AgentHarness.Request("acquire", "a");
        request["ips"] = new JsonArray("10.20.6.040");
        Assert.Equal("InvalidMember", AgentHarness.CodeOf(await harness.Send(request)));
        Assert.Empty(harness.Plane.Calls);
    }

    [Fact]
    public async Task Takes_64KiB_AndNotAByteMore()
    {
        await using var harness = await AgentHarness.Start();
        var request = AgentHarness.Request("release", "a");
        request["pod"] = "";
        request["pod"] = new string('x', (64 << 10) - 1 - Encoding.UTF8.GetByteCount(request.ToJsonString()));
        Assert.Equal("{}\n", await harness.SendLine(request.ToJsonString() + "\n"));
        request["pod"] = (string?)request["pod"] + "x";
        Assert.Equal(
            "RequestTooLarge",
            AgentHarness.CodeOf(JsonNode.Parse(await harness.SendLine(request.ToJsonString() + "\n"))!.AsObject())
        );
    }

    [Fact]
    public async Task Closes_AConnectionThatSaysNothing()
    {
        await using var harness = await AgentHarness.Start(
            AgentHarness.FastTimings with
            {
                SocketTimeout = TimeSpan.FromMilliseconds(100),
            }
        );
        using var silent = await harness.Connect();
        Assert.Equal("", await AgentHarness.ReadToEnd(silent));
    }

    [Fact]
    public async Task Serves_Others_WhileManySayNothing()
    {
        await using var harness = await AgentHarness.Start();
        var silent = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => harness.Connect()));
        Assert.Equal("{}", (await harness.Send("release", "a")).ToJsonString());
        Array.ForEach(silent, socket => socket.Dispose());
    }

    [Fact]
    public async Task Reads_ARequestThatComesByteByByte()
    {
        await using var harness = await AgentHarness.Start();
        using var slow = await harness.Connect();
        foreach (var octet in Encoding.UTF8.GetBytes(AgentHarness.Request("release", "a").ToJsonString() + "\n"))
            await slow.SendAsync(new[] { octet });
        Assert.Equal("{}\n", await AgentHarness.ReadToEnd(slow));
    }
}
