using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

/// <summary><c>drift</c> and <c>verify</c>: what agents said, as people read it.</summary>
public sealed class DriftCommandTests : IDisposable
{
    private const string East = CommandLine.Group + "/providers/Microsoft.NetworkCloud/kubernetesClusters/east";

    private readonly CommandLine _weft = new() { Clock = CommandLine.ClockAt("2026-11-22T10:30:00Z") };

    public void Dispose() => _weft.Dispose();

    private Task<CommandLine.ProgramRun> Drift(params string[] statuses)
    {
        Output(
            $"{East}/providers/Weft.Fleet/desiredStates/current",
            """{"properties":{"digest":"new","manifests":[],"nodes":[]}}"""
        );
        var agents = statuses.Select(
            (status, i) =>
            {
                var (name, id) = ($"w{i + 1}", $"{East}/providers/Weft.Fleet/agents/w{i + 1}");
                return $$"""{"id":"{{id}}","name":"{{name}}","properties":{"node":"{{name}}"{{status}} } }""";
            }
        );
        Output($"{East}/providers/Weft.Fleet/agents?", $$"""{"value":[{{string.Join(',', agents)}}]}""");
        return _weft.RunInGroup("drift", "--cluster", "east");
    }

    private void Output(string start, string body) =>
        _weft.Weftd.CannedResponses[start] = _ => FakeWeftd.Json(JsonNode.Parse(body)!);

    [Fact]
    public async Task Reports_DriftThatStandsAndDriftThatWasRepaired()
    {
        var run = await Drift(
            """
            ,"status":{"state":"Applied","digest":"new","at":"2026-11-22T10:28:30Z","drift":[{"what":"link n6 of w1",
             "was":"mtu 1400, wanted 1500","mended":true,"at":"2026-11-22T10:10:00Z"},
             {"what":"NetworkAttachmentDefinition default/n6","was":"missing","mended":false,"at":""}]}
            """
        );
        Assert.Equal(
            """
            CLUSTER   AGENT   NODE   STATE     PICTURE   STANDING   MENDED   REPORTED
            east      w1      w1     Applied   current   1          1        90s
            ~ east/w1: link n6 of w1: mtu 1400, wanted 1500 (mended, 20m ago)
            ! east/w1: NetworkAttachmentDefinition default/n6: missing (stands)

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Equal(2, run.Exit);
    }

    [Theory]
    [InlineData(""","status":{"state":"Applied","digest":"new"}""", 0)]
    [InlineData(
        ""","status":{"state":"Applied","digest":"new","drift":[{"what":"a","was":"b","mended":true,"at":""}]}""",
        0
    )]
    [InlineData(""","status":{"state":"Applied","digest":"old"}""", 2)]
    [InlineData("", 2)]
    [InlineData(""","status":{"state":"Failed","digest":"new","message":"the disk is full"}""", 1)]
    public async Task Ends_WithTheCodeOfTheWorst(string status, int exit) =>
        Assert.Equal(exit, (await Drift(""","status":{"state":"Applied","digest":"new"}""", status)).Exit);

    [Fact]
    public async Task Names_TheClusterWithoutAnAgent()
    {
        var run = await Drift();
        Assert.Equal(0, run.Exit);
        Assert.Contains("kubernetesclusters/east has no agent", run.Error, StringComparison.Ordinal);
    }

    private Task<CommandLine.ProgramRun> Verify(string agents, params string[] more)
    {
        Output(
            $"{East}/verify",
            $$"""{"id":"{{East}}/providers/Weft.Fleet/verifications/1","properties":{"isDone":true,"agents":[{{agents}}]} }"""
        );
        return _weft.RunInGroup(["verify", "--cluster", "east", .. more]);
    }

    [Fact]
    public async Task Names_TheFirstHopThatFails()
    {
        var run = await Verify(
            """
            {"name":"w1","node":"w1","report":{"node":"w1",
             "interfaces":[{"network":"/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6",
             "interface":"n6","checks":[
              {"hop":"Interface","state":"Passed","message":"'n6' is there"},{"hop":"PathMtu","state":"Failed",
               "message":"1400 bytes","family":"IPv4"},{"hop":"Gateway","state":"Failed","message":"10.20.6.1 is silent",
               "family":"IPv4"}]}]} }
            """,
            "--network",
            "n6"
        );
        Assert.Equal(
            """
            CLUSTER   NODE   NETWORK   INTERFACE   PASSED   RESULT
            east      w1     n6        n6          1/3      fails at Gateway IPv4: 10.20.6.1 is silent

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Equal(1, run.Exit);
        Assert.Contains(_weft.Weftd.Requests, r => r.Contains("""{"network":"n6"}""", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Names_TheAgentThatIsSilent()
    {
        _weft.Clock = TimeProvider.System;
        Output(
            $"{East}/verify",
            $$"""
            {"id":"{{East}}/providers/Weft.Fleet/verifications/1","properties":{"isDone":false,"agents":[{"name":"w2","node":"w2"}]} }
            """
        );
        Output(
            $"{East}/providers/Weft.Fleet/verifications/1",
            $$"""
            {"id":"{{East}}/providers/Weft.Fleet/verifications/1","properties":{"isDone":false,"agents":[{"name":"w2","node":"w2"}]} }
            """
        );
        var run = await _weft.RunInGroup("verify", "--cluster", "east", "--timeout", "0.1s");
        Assert.Equal(1, run.Exit);
        Assert.Contains("agent w2 of node w2 has not answered", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Passes_WhereThePodIsOnOneOfTheNodes()
    {
        const string Elsewhere =
            """{"name":"w1","node":"w1","report":{"node":"w1","error":"not here","elsewhere":true,"interfaces":[]} }""";
        const string Here = """
            {"name":"w2","node":"w2","report":{"node":"w2","interfaces":[{"network":"","interface":"net1",
             "checks":[{"hop":"Interface","state":"Passed","message":""}]}]} }
            """;
        Assert.Equal(0, (await Verify($"{Elsewhere},{Here}", "--pod", "core/upf-0")).Exit);
        var nowhere = await Verify(Elsewhere, "--pod", "core/upf-0");
        Assert.Equal(1, nowhere.Exit);
        Assert.Contains("core/upf-0 runs on none of w1", nowhere.Error, StringComparison.Ordinal);
    }
}
