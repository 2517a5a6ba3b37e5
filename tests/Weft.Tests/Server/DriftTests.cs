using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>What agents found changed by another hand, as people see it.</summary>
public sealed class DriftTests
{
    private const string Agents = $"{Documents.East}/providers/Weft.Fleet/agents";

    [Fact]
    public async Task Shows_DriftOfTheLastReport_OnTheAgent()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1");

        await Report(server, credential, "Applied", Drift("NetworkAttachmentDefinition default/n6", "missing", true));

        var status = (await server.Get($"{Agents}/w1")).Expect(200).Json["properties"]!["status"]!;
        Assert.Equal(
            """[{"what":"NetworkAttachmentDefinition default/n6","was":"missing","mended":true,"at":"2026-11-22T09:59:59Z"}]""",
            status["drift"]!.ToJsonString()
        );
        await Report(server, credential, "Applied");
        Assert.Equal("[]", (await server.Get($"{Agents}/w1")).Json["properties"]!["status"]!["drift"]!.ToJsonString());
    }

    [Fact]
    public async Task Writes_NothingForAReportThatRepeatsTheLast()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1");
        await Report(server, credential, "Applied", Drift("ConfigMap weft-system/weft-node-w1", "data changed", false));
        var revision = server.Revision;

        await Report(server, credential, "Applied", Drift("ConfigMap weft-system/weft-node-w1", "data changed", false));
        Assert.Equal(revision, server.Revision);

        await Report(server, credential, "Applied", Drift("ConfigMap weft-system/weft-node-w1", "data changed", true));
        Assert.NotEqual(revision, server.Revision);
    }

    [Theory]
    [InlineData("Failed", null, "agent w1: NetworkAttachmentDefinition default/n6 is somebody's")]
    [InlineData("Applied", false, "agent w1: NetworkAttachmentDefinition default/n6 has drifted: missing")]
    [InlineData(
        "Failed",
        false,
        "agent w1: NetworkAttachmentDefinition default/n6 is somebody's | NetworkAttachmentDefinition default/n6 has drifted: missing"
    )]
    public async Task Shows_ErrorOnTheCluster_WhileAnAgentReportsAProblem(string state, bool? mended, string expected)
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1");

        await Report(
            server,
            credential,
            state,
            mended is { } is_ ? Drift("NetworkAttachmentDefinition default/n6", "missing", is_) : null
        );

        var properties = (await server.Get(Documents.East)).Expect(200).Json["properties"]!;
        Assert.Equal(
            ("Error", expected, "Succeeded"),
            (
                properties["detailedStatus"]!.ToString(),
                properties["detailedStatusMessage"]!.ToString(),
                properties["provisioningState"]!.ToString()
            )
        );
        Assert.Equal("Available", (await server.Get(Documents.West)).Json["properties"]!["detailedStatus"]!.ToString());
        await Report(server, credential, "Applied", Drift("NetworkAttachmentDefinition default/n6", "missing", true));
        Assert.Equal("Available", (await server.Get(Documents.East)).Json["properties"]!["detailedStatus"]!.ToString());
    }

    [Theory]
    [InlineData("""{"what":"x"}""", "drift")]
    [InlineData("""[{"what":"x","was":"","mended":true}]""", "drift[0]")]
    [InlineData("""[{"what":"x","was":"y","mended":"yes"}]""", "drift[0]")]
    [InlineData("""["x"]""", "drift[0]")]
    public async Task Refuses_InvalidDrift_AndKeepsTheReportBefore(string drift, string member)
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1");
        var revision = server.Revision;

        var body = new JsonObject
        {
            ["digest"] = "sha256-1",
            ["revision"] = 1,
            ["state"] = "Applied",
            ["drift"] = JsonNode.Parse(drift),
        };
        var answer = (await server.SendAsAgent(credential, "PUT", "status", body)).Expect(400);

        Assert.Contains($"'{member}'", answer.Json["error"]!["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
    }

    private static JsonObject Drift(string what, string was, bool mended) =>
        new()
        {
            ["what"] = what,
            ["was"] = was,
            ["mended"] = mended,
            ["at"] = "2026-11-22T09:59:59Z",
        };

    private static async Task Report(InProcessServer server, string credential, string state, JsonObject? drift = null)
    {
        var body = new JsonObject
        {
            ["digest"] = "sha256-1",
            ["revision"] = 1,
            ["state"] = state,
        };
        if (state == "Failed")
            body["message"] = "NetworkAttachmentDefinition default/n6 is somebody's";
        if (drift is not null)
            body["drift"] = new JsonArray(drift);
        _ = (await server.SendAsAgent(credential, "PUT", "status", body)).Expect(204);
    }
}
