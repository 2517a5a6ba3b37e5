using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Agent;

namespace Weft.Tests.Agent;

[SupportedOSPlatform("linux")]
public sealed class SocketTests
{
    [Fact]
    public async Task Makes_Socket_ForItsOwnerOnly_AndTakesItAway()
    {
        await using var site = await Site.Start();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(site.Options.Socket));
        await site.StopAgent();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(site.Options.Socket)!));
    }

    [Fact]
    public async Task Replaces_SocketOfADeadAgent()
    {
        await using var site = await Site.Make();
        Directory.CreateDirectory(Path.GetDirectoryName(site.Options.Socket)!);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(site.Options.Socket + ".dead"));
            File.Move(site.Options.Socket + ".dead", site.Options.Socket);
        }

        Assert.True(Path.Exists(site.Options.Socket));
        await site.StartAgent();
        await Site.Eventually(() => site.Log.Contains("started", StringComparison.Ordinal), "the agent has started");
        Assert.Equal("{}", (await site.Ask("release", "a")).ToJsonString());
    }

    [Fact]
    public async Task Refuses_SocketOfALivingAgent()
    {
        await using var site = await Site.Start();
        await using var other = await Site.Make();
        other.Options = other.Options with { Socket = site.Options.Socket };
        Assert.Contains("another weft-agent answers", (await Assert.ThrowsAsync<CannotStartException>(other.RunAgent)).Message, StringComparison.Ordinal);
        Assert.Equal("{}", (await site.Ask("release", "a")).ToJsonString());
    }

    [Fact]
    public async Task Refuses_SocketThatIsAFile()
    {
        await using var site = await Site.Make();
        Directory.CreateDirectory(Path.GetDirectoryName(site.Options.Socket)!);
        await File.WriteAllTextAsync(site.Options.Socket, "precious", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<CannotStartException>(site.RunAgent);
        Assert.Equal("precious", await File.ReadAllTextAsync(site.Options.Socket, TestContext.Current.CancellationToken));
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
    [InlineData("{\"verb\":\"release\",\"network\":\"n6\",\"containerId\":\"a\",\"interface\":\"net1\"}\n", "InvalidResourceId")]
    public async Task Refuses_BadRequest_AndServesOn(string request, string code)
    {
        await using var site = await Site.Start();
        Assert.Equal(code, Site.CodeOf(JsonNode.Parse(await site.Say(request))!.AsObject()));
        Site.AddressOf(await site.Ask("acquire", "a"));
    }

    [Theory]
    [InlineData("containerId", "a/../b", "InvalidMember")]
    [InlineData("containerId", "", "InvalidMember")]
    [InlineData("interface", "a-name-too-long-x", "InvalidMember")]
    [InlineData("interface", "..", "InvalidMember")]
    public async Task Refuses_BadHolder(string member, string value, string code)
    {
        await using var site = await Site.Start();
        var request = Site.Request("acquire", "a");
        request[member] = value;
        var answer = await site.Ask(request);
        Assert.Equal(code, Site.CodeOf(answer));
        Assert.Equal(member, (string?)answer["error"]!["target"]);
        Assert.Empty(site.Plane.Calls);
    }

    [Fact]
    public async Task Refuses_AddressAskedFor_ThatIsNone()
    {
        await using var site = await Site.Start();
        var request = Site.Request("acquire", "a");
        request["ips"] = new JsonArray("10.20.6.040");
        Assert.Equal("InvalidMember", Site.CodeOf(await site.Ask(request)));
        Assert.Empty(site.Plane.Calls);
    }

    [Fact]
    public async Task Takes_64KiB_AndNotAByteMore()
    {
        await using var site = await Site.Start();
        var request = Site.Request("release", "a");
        request["pod"] = "";
        request["pod"] = new string('x', (64 << 10) - 1 - Encoding.UTF8.GetByteCount(request.ToJsonString()));
        Assert.Equal("{}\n", await site.Say(request.ToJsonString() + "\n"));
        request["pod"] = (string?)request["pod"] + "x";
        Assert.Equal("RequestTooLarge", Site.CodeOf(JsonNode.Parse(await site.Say(request.ToJsonString() + "\n"))!.AsObject()));
    }

    [Fact]
    public async Task Closes_AConnectionThatSaysNothing()
    {
        await using var site = await Site.Start(Site.Quick with { Connection = TimeSpan.FromMilliseconds(100) });
        using var silent = await site.Connect();
        Assert.Equal("", await Site.ReadToEnd(silent));
    }

    [Fact]
    public async Task Serves_Others_WhileManySayNothing()
    {
        await using var site = await Site.Start();
        var silent = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => site.Connect()));
        Assert.Equal("{}", (await site.Ask("release", "a")).ToJsonString());
        Array.ForEach(silent, socket => socket.Dispose());
    }

    [Fact]
    public async Task Reads_ARequestThatComesByteByByte()
    {
        await using var site = await Site.Start();
        using var slow = await site.Connect();
        foreach (var octet in Encoding.UTF8.GetBytes(Site.Request("release", "a").ToJsonString() + "\n"))
            await slow.SendAsync(new[] { octet });
        Assert.Equal("{}\n", await Site.ReadToEnd(slow));
    }
}
