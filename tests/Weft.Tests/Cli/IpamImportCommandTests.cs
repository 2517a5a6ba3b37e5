using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

/// <summary><c>weft ipam import</c>: each format, and what becomes of conflicts.</summary>
public sealed class IpamImportCommandTests : IDisposable
{
    private const string Pool =
        CommandLine.Group + "/providers/Microsoft.NetworkCloud/l3Networks/n6/providers/Weft.Ipam/pools/default";
    private const string Cluster = CommandLine.Group + "/providers/Microsoft.NetworkCloud/kubernetesClusters/east";
    private const string Machine = CommandLine.Group + "/providers/Microsoft.NetworkCloud/virtualMachines/probe1";

    private readonly CommandLine _weft = new();

    public IpamImportCommandTests()
    {
        Respond(
            $"{Pool}?",
            _ =>
                FakeWeftd.Json(
                    JsonNode.Parse(
                        """{"properties":{"families":[{"prefix":"10.20.6.0/24"},{"prefix":"fd20:0:0:606::/64"}]}}"""
                    )!
                )
        );
        Respond(
            $"{Pool}/import?",
            request =>
            {
                var body = JsonNode.Parse(request.Content!.ReadAsStringAsync().Result)!;
                return FakeWeftd.Json(
                    new JsonObject
                    {
                        ["entries"] = body["entries"]!.AsArray().Count,
                        ["imported"] = "3",
                        ["dryRun"] = body["dryRun"]!.DeepClone(),
                    }
                );
            }
        );
    }

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Reads_Csv_WithAndWithoutAHeader()
    {
        var plain = Write("a.csv", "# from the switch\r\n10.20.6.40\r\n10.20.6.50-10.20.6.59,\"printers, old\"\r\n");
        var run = await Import(plain);
        Assert.Equal(0, run.Exit);
        Assert.StartsWith("3 addresses are kept in n6", run.Out, StringComparison.Ordinal);
        Assert.Equal(
            """[{"address":"10.20.6.40"},{"address":"10.20.6.50-10.20.6.59","name":"printers, old"}]""",
            Sent()
        );
        await Import(Write("b.csv", "name,address,for\nprobe,10.20.6.40,vm/probe1\n"));
        Assert.Equal($$"""[{"address":"10.20.6.40","name":"probe","for":"{{Machine}}"}]""", Sent());
    }

    [Fact]
    public async Task Reads_Json_OfTextsAndObjects()
    {
        await Import(Write("a.json", """["10.20.6.40",{"address":"10.20.6.41","name":"db"}]"""));
        Assert.Equal("""[{"address":"10.20.6.40"},{"address":"10.20.6.41","name":"db"}]""", Sent());
    }

    [Fact]
    public async Task Reads_TheFolderOfHostLocal()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_weft.Folder, "n6")).FullName;
        File.WriteAllText(Path.Combine(folder, "10.20.6.40"), "0a1b2c\r\nnet1");
        File.WriteAllText(Path.Combine(folder, "fd20:0:0:606::40"), "0a1b2c\r\nnet1");
        File.WriteAllText(Path.Combine(folder, "10.20.6.41"), "");
        File.WriteAllText(Path.Combine(folder, "last_reserved_ip.0"), "10.20.6.41");
        File.WriteAllText(Path.Combine(folder, "lock"), "");
        await Import(folder);
        Assert.Equal(
            """[{"address":"10.20.6.40","name":"0a1b2c net1"},{"address":"10.20.6.41"},"""
                + """{"address":"fd20:0:0:606::40","name":"0a1b2c net1"}]""",
            Sent()
        );
    }

    [Fact]
    public async Task Reads_PoolsOfWhereabouts_AndLeavesOtherNetworksOut()
    {
        var file = Write(
            "pools.json",
            """
            {"kind":"List","items":[
              {"metadata":{"name":"10.20.6.0-24"},"spec":{"range":"10.20.6.0/24","allocations":{
                "40":{"id":"0a1b","podref":"core/upf-0","ifname":"net1"},"41":{"id":"0a1c","podref":"core/upf-0","ifname":"net2"},
                "42":{"id":"0a1d"}}}},
              {"metadata":{"name":"fd20---606---64"},"spec":{"range":"fd20:0:0:606::/64","allocations":{
                "18446744073709551000":{"id":"x"}}}},
              {"metadata":{"name":"10.9.0.0-24"},"spec":{"range":"10.9.0.0/24","allocations":{"1":{"id":"y"}}}}]}
            """
        );
        var run = await Import(file, "--cluster", "east");
        Assert.Contains("left out ippool 10.9.0.0-24", run.Error, StringComparison.Ordinal);
        Assert.Equal(
            $$"""[{"address":"10.20.6.40","name":"core/upf-0","for":"{{Cluster}}","pod":"core/upf-0"},"""
                + $$"""{"address":"10.20.6.41","name":"core/upf-0","for":"{{Cluster}}","pod":"core/upf-0"},"""
                + """{"address":"10.20.6.42","name":"0a1d"},{"address":"fd20::606:ffff:ffff:ffff:fd98","name":"x"}]""",
            Sent()
        );
        await Import(file);
        Assert.Contains("""{"address":"10.20.6.40","name":"core/upf-0"},""", Sent(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_WhichLinesAreInConflict()
    {
        Respond(
            $"{Pool}/import?",
            _ =>
                FakeWeftd.Json(
                    Refusal
                        .Combine(
                            [
                                new Refusal(
                                    RefusalCode.InUse,
                                    "'entries[1]': 10.20.6.4 is held by pod a/b",
                                    "entries[1]"
                                ),
                                new Refusal(RefusalCode.InvalidMember, "it is too long", "properties.reservations"),
                            ],
                            Pool
                        )
                        .ToErrorBody(),
                    HttpStatusCode.Conflict
                )
        );
        var file = Write("a.csv", "10.20.6.40\n\n10.20.6.4\n");
        var run = await Import(file);
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.Contains("nothing was imported into n6: 2 conflicts", run.Error, StringComparison.Ordinal);
        Assert.Contains($"{file}:3: 10.20.6.4 is held by pod a/b", run.Error, StringComparison.Ordinal);
        Assert.Contains("InvalidMember: it is too long", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", ",db\n10.20.6.4,a,b,c,d\n", "a.csv:1: write address,name,for,pod", "a.csv:2")]
    [InlineData("a.csv", "address,owner\n10.20.6.4,x\n", "a.csv:1: there is no column 'owner'")]
    [InlineData("a.json", "[\n{", "a.json:2: no JSON")]
    [InlineData(
        "a.json",
        """[{"name":"x"},{"address":"10.20.6.4","nam":"y"}]""",
        "[0]: it has no 'address'",
        "[1]: there is no member 'nam'"
    )]
    [InlineData(
        "a.json",
        """{"items":[{"metadata":{"name":"p"},"spec":{"range":"x","allocations":{}}}]}""",
        "ippool p: its range, 'x'"
    )]
    [InlineData(
        "a.json",
        """{"items":[{"spec":{"range":"10.20.6.0/24","allocations":{"-1":{}}}}]}""",
        "'-1' is no distance"
    )]
    [InlineData("a.csv", "# nothing\n", "holds no address in use")]
    public async Task Sends_Nothing_ThatItCannotRead(string name, string text, params string[] says)
    {
        var run = await Import(Write(name, text));
        Assert.Equal(1, run.Exit);
        Assert.All(says, part => Assert.Contains(part, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain(_weft.Weftd.Requests, request => request.StartsWith("POST", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Says_WhatADryRunFinds()
    {
        var run = await Import(Write("a.csv", "10.20.6.40\n"), "--dry-run");
        Assert.Equal((0, "3 addresses would be kept in n6: no conflict\n"), (run.Exit, run.Out));
        Assert.Contains("\"dryRun\":true", _weft.Weftd.Requests[^1], StringComparison.Ordinal);
    }

    private Task<CommandLine.ProgramRun> Import(string file, params string[] more) =>
        _weft.RunInGroup(["ipam", "import", file, "--network", "n6", .. more]);

    private void Respond(string start, Func<HttpRequestMessage, HttpResponseMessage> answer) =>
        _weft.Weftd.CannedResponses[start] = answer;

    private string Sent()
    {
        var request = _weft.Weftd.Requests.Last(r => r.StartsWith("POST", StringComparison.Ordinal));
        return JsonNode.Parse(request[request.IndexOf("{\"dryRun", StringComparison.Ordinal)..])![
            "entries"
        ]!.ToJsonString();
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_weft.Folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
