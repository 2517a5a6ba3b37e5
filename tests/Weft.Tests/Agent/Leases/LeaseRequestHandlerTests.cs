using System.Net;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

/// <summary>What is answered where the control plane or the disk has no good answer.</summary>
[SupportedOSPlatform("linux")]
public sealed class LeaseRequestHandlerTests
{
    [Theory]
    [InlineData(-1, "AddressPoolExhausted")]
    [InlineData(0, "ServiceUnavailable")]
    public async Task Passes_ErrorBody_ThatFitsOnALine(int beyond, string code)
    {
        await using var parts = new LeaseParts();
        var said = new JsonObject
        {
            ["error"] = new JsonObject { ["code"] = "AddressPoolExhausted", ["message"] = "" },
        };
        var room = PluginSocket.MaxLineLength + beyond - said.ToJsonString().Length;
        said["error"]!["message"] = new string('x', room);

        var answering = Handle(parts, "acquire");
        (await parts.NextRequest("acquire", "a")).Refuse(HttpStatusCode.Conflict, said.ToJsonString());
        var answer = await answering;
        Assert.Equal(code, AgentHarness.CodeOf(answer));
        if (beyond == 0)
            Assert.InRange(MessageOf(answer).Length, 1000, 1100);
        else
            Assert.Equal(said.ToJsonString(), answer.ToJsonString());
    }

    /// <summary>Somebody who is told to wait is answered, so STATUS stays as it was; the codes are of docs/specs/cni.md.</summary>
    [Theory]
    [InlineData(HttpStatusCode.TooManyRequests, "TooManyRequests", 11)]
    [InlineData(HttpStatusCode.Conflict, "QuotaExceeded", 104)]
    public async Task Passes_ThatTheNodeHasOrAsksTooMuch(HttpStatusCode status, string code, int error)
    {
        await using var parts = new LeaseParts();
        var said = new Refusal(Enum.Parse<RefusalCode>(code), "node w1 holds 1024 addresses").ToErrorBody();
        var answering = Handle(parts, "acquire");
        (await parts.NextRequest("acquire", "a")).Refuse(status, said.ToJsonString(), TimeSpan.FromSeconds(3));
        var answer = await answering;
        Assert.Equal(said.ToJsonString(), answer.ToJsonString());
        Assert.True(SocketResponse.TryRead(Encoding.UTF8.GetBytes(answer.ToJsonString()), out var read, out _));
        Assert.Equal(error, (int)Weft.Cni.RefusalCodes.ToError(read, Weft.Cni.Command.Add)!.Code);
        Assert.Equal("{}", (await Handle(parts, "status")).ToJsonString());
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenNoErrorBodyCame()
    {
        await using var parts = new LeaseParts();
        var answering = Handle(parts, "acquire");
        (await parts.NextRequest("acquire", "a")).Refuse(HttpStatusCode.BadGateway, "<html>");
        var answer = await answering;
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(answer));
        Assert.Contains("answered 502 without saying why; try again", MessageOf(answer), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("acquire")]
    [InlineData("release")]
    [InlineData("status")]
    public async Task Tells_ToTryAgain_WhileTheDiskFails(string verb)
    {
        await using var parts = new LeaseParts();
        parts.Connectivity.RecordAnswer();
        await parts.FailDisk();
        var answer = await Handle(parts, verb);
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(answer));
        Assert.Contains("try again once its disk takes writes", MessageOf(answer), StringComparison.Ordinal);

        parts.RepairDisk();
        Assert.Equal("{}", (await Handle(parts, "status")).ToJsonString());
    }

    [Fact]
    public async Task Keeps_WhoseReleaseItIs()
    {
        await using var parts = new LeaseParts();
        Assert.Equal("{}", (await Handle(parts, "release")).ToJsonString());
        Assert.Equal("core/upf-0", Assert.Single(parts.Table.Entries()).Pod);
    }

    [Theory]
    [InlineData("steal", "verb")]
    [InlineData("acquire", "network")]
    [InlineData("release", "network")]
    [InlineData("check", "network")]
    public async Task Refuses_Verb_BeforeAnythingElse(string verb, string target)
    {
        await using var parts = new LeaseParts();
        var answer = await parts.Handler.Handle(Encoding.UTF8.GetBytes($$"""{"verb":"{{verb}}"}"""));
        Assert.Equal(target, (string?)JsonNode.Parse(answer)!["error"]!["target"]);
    }

    private static string MessageOf(JsonObject answer) => (string)answer["error"]!["message"]!;

    private static async Task<JsonObject> Handle(LeaseParts parts, string verb)
    {
        var line = Encoding.UTF8.GetBytes(AgentHarness.Request(verb, "a").ToJsonString());
        var limit = TestContext.Current.CancellationToken;
        return JsonNode.Parse(await parts.Handler.Handle(line).WaitAsync(TimeSpan.FromSeconds(30), limit))!.AsObject();
    }
}
