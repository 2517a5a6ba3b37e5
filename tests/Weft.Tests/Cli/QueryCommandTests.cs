using System.Net;
using System.Text.Json.Nodes;
using Weft.Cli;
using Weft.Cli.Commands;

namespace Weft.Tests.Cli;

/// <summary><c>who</c>, <c>ipam</c>, <c>manifests</c> and <c>agent</c>.</summary>
public sealed class QueryCommandTests : IDisposable
{
    private const string Networks = CommandLine.Group + "/providers/Microsoft.NetworkCloud";
    private const string DesiredState = """
        {"properties":{"revision":7,"manifests":[{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"true"}},{"kind":"NAD"}],
          "nodes":[{"name":"w1","files":[{"path":"/etc/netplan/60-weft.yaml","mode":"0600","content":"network:\n  version: 2\n"}]},
                   {"name":"w2","files":[{"path":"/etc/a","mode":"0644","content":"x"}]}],
          "undrawn":[{"code":"PluginNotDrawn","message":"DPDK is not drawn","target":"properties.x"}]}}
        """;

    private readonly CommandLine _weft = new() { Clock = CommandLine.ClockAt("2026-11-22T10:30:00Z") };

    public void Dispose() => _weft.Dispose();

    private void Output(string start, string body) =>
        _weft.Weftd.CannedResponses[start] = _ =>
            FakeWeftd.Json(JsonNode.Parse(body.Replace("NC", Networks, StringComparison.Ordinal))!);

    [Theory]
    [InlineData("address", "10.20.6.17", "10.20.6.17")]
    [InlineData("address", "fd00::17", "fd00::17")]
    [InlineData("mac", "02:00:5e:00:53:01", "02:00:5e:00:53:01")]
    [InlineData("name", "upf-0", "upf-0")]
    [InlineData("name", "606", "606")]
    [InlineData("vlan", "606", "VLAN", "606")]
    [InlineData("name", "10.0.0.1", "name", "10.0.0.1")]
    public void Parses_Question(string member, string value, params string[] words) =>
        Assert.Equal((member, value), WhoCommand.ParseQuestion(words));

    [Theory]
    [InlineData("vlan", "4095")]
    [InlineData("vlan", "+6")]
    [InlineData("mac", "nonsense")]
    [InlineData("address", "10.0.0.256")]
    [InlineData("10.20.6.400")]
    [InlineData("fd00:::17")]
    [InlineData("colour", "red")]
    public void Refuses_Question_ThatMakesNoSense(params string[] words) =>
        Assert.Equal(64, Assert.Throws<CliError>(() => WhoCommand.ParseQuestion(words)).Exit);

    [Fact]
    public async Task Answers_Who_InATable()
    {
        Output(
            "/providers/Weft.Ipam/who?address=10.20.6.17&",
            """
            {"question":"address 10.20.6.17","vlans":[],"answers":[{"address":"10.20.6.17","network":"NC/l3Networks/n6",
             "state":"Leased","method":"Dynamic",
              "holder":"pod core/upf-0 net1 on core-east","cluster":"NC/kubernetesClusters/core-east","since":"2026-11-22T10:00:00Z"}]}
            """
        );
        var run = await _weft.RunBare("who", "10.20.6.17");
        Assert.Equal(
            """
            ADDRESS      MAC   STATE    NETWORK   HOLDER                             METHOD    CLUSTER     SINCE
            10.20.6.17   -     Leased   n6        pod core/upf-0 net1 on core-east   Dynamic   core-east   30m

            """.ReplaceLineEndings("\n"),
            run.Out
        );
    }

    [Fact]
    public async Task Answers_Who_ForAVlan()
    {
        Output(
            "/providers/Weft.Ipam/who?vlan=606&",
            """
            {"answers":[],"vlans":[{"vlan":606,"domain":"NC/x/cp","internalNetwork":"NC/x/n6","prefixes":["10.20.6.0/24"],
             "mtu":9000,"networks":["NC/l3Networks/n6"],
              "clusters":["NC/kubernetesClusters/core-east"],"machines":["NC/virtualMachines/probe1"],"leases":12}]}
            """
        );
        Assert.Equal(
            """
            VLAN   DOMAIN   INTERNAL-NETWORK   PREFIXES       MTU    NETWORKS   CLUSTERS    MACHINES   LEASES
            606    cp       n6                 10.20.6.0/24   9000   n6         core-east   probe1     12

            """.ReplaceLineEndings("\n"),
            (await _weft.RunBare("who", "vlan", "606")).Out
        );
    }

    [Fact]
    public async Task Reports_Nobody_WhereNothingIsKnown()
    {
        Output("/providers/Weft.Ipam/who?name=a%20b%26c&", """{"answers":[],"vlans":[]}""");
        var run = await _weft.RunBare("who", "a b&c");
        Assert.Equal((1, "", "nobody: nothing here has to do with name a b&c\n"), (run.Exit, run.Out, run.Error));
    }

    [Fact]
    public async Task Shows_Pool_ByFamily()
    {
        Output(
            $"{Networks}/l3Networks/n6/providers/Weft.Ipam/pools/default?",
            """
            {"properties":{"families":[{"family":"IPv4","prefix":"10.20.6.0/24","gateway":"10.20.6.1","size":"254","reserved":3,
             "excluded":"0","used":12,"cooling":2,"sticky":1,"free":"236","coolingUntil":"2026-11-22T10:31:00Z"}],
             "highWater":{"IPv4":40},
             "clusters":[{"cluster":"NC/kubernetesClusters/core-east","nodes":3,"held":{"IPv4":9},"highWater":{"IPv4":38}},
              {"cluster":null,"held":{"IPv4":2},"highWater":{"IPv4":4}}]}}
            """
        );
        Assert.Equal(
            "FAMILY   PREFIX         GATEWAY     SIZE   RESERVED   EXCLUDED   USED   STICKY   COOLING                        FREE\n"
                + "IPv4     10.20.6.0/24   10.20.6.1   254    3          0          12     1        2 until 2026-11-22T10:31:00Z   236\n"
                + "\n"
                + "CLUSTER     NODES   IPV4   HIGH-WATER   IPV6   HIGH-WATER\n"
                + "core-east   3       9      38           -      -\n"
                + "others      -       2      4            -      -\n"
                + "all         -       -      40           -      -\n",
            (await _weft.RunInGroup("ipam", "show", "n6")).Out
        );
    }

    [Fact]
    public async Task Says_WhoHadAnAddress()
    {
        Output(
            "/providers/Weft.Ipam/who?address=10.20.6.17&history=true&",
            """
            {"answers":[
             {"address":"10.20.6.17","state":"Leased","network":"NC/l3Networks/n6","holder":"pod core/b",
              "method":"Dynamic","since":"2026-11-22T10:20:00.0000000Z"},
             {"address":"10.20.6.17","state":"Ended","network":"NC/l3Networks/n6","holder":"pod core/a","method":"Dynamic",
              "since":"2026-11-22T10:00:00.1234567Z","ended":"2026-11-22T10:10:00.0000000Z"}]}
            """
        );
        Assert.Equal(
            "ADDRESS      STATE    NETWORK   HOLDER       METHOD    SINCE                  ENDED                  UNTIL\n"
                + "10.20.6.17   Leased   n6        pod core/b   Dynamic   2026-11-22T10:20:00Z   -                      -\n"
                + "10.20.6.17   Ended    n6        pod core/a   Dynamic   2026-11-22T10:00:00Z   2026-11-22T10:10:00Z   -\n",
            (await _weft.RunBare("who", "10.20.6.17", "--history")).Out
        );
    }

    [Theory]
    [InlineData("25m", "2026-11-22T10%3A05%3A00.000Z")]
    [InlineData("2026-11-22T10:05:00Z", "2026-11-22T10%3A05%3A00.000Z")]
    public async Task Asks_WhoHadAnAddressThen(string time, string asked)
    {
        Output(
            $"/providers/Weft.Ipam/who?address=10.20.6.17&at={asked}&",
            """{"answers":[{"address":"10.20.6.17","state":"Ended","holder":"pod core/a","ended":"2026-11-22T10:10:00Z"}]}"""
        );
        var run = await _weft.RunBare("who", "10.20.6.17", "--at", time, "-o", "json");
        Assert.Equal(0, run.Exit);
        Assert.Contains("pod core/a", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("only addresses have a history", "who", "upf-0", "--history")]
    [InlineData("'yesterday' is no time", "who", "10.20.6.17", "--at", "yesterday")]
    public async Task Refuses_HistoriesThatThereAreNot(string why, params string[] words)
    {
        var run = await _weft.RunBare(words);
        Assert.Equal(64, run.Exit);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_Leases_OfANetwork()
    {
        _weft.Store("Microsoft.NetworkCloud/l3Networks/n6");
        _weft.Store(
            "Microsoft.NetworkCloud/l3Networks/n6/providers/Weft.Ipam/leases/10.20.6.17",
            """{"address":"10.20.6.17","method":"Dynamic","holder":"pod core/upf-0","node":"w1","since":"2026-11-22T10:29:00Z"}"""
        );
        Assert.Equal(
            "ADDRESS      NETWORK   METHOD    HOLDER           CLUSTER   NODE   SINCE\n"
                + "10.20.6.17   n6        Dynamic   pod core/upf-0   -         w1     60s\n",
            (await _weft.RunInGroup("ipam", "leases", "n6")).Out
        );
    }

    [Fact]
    public async Task Prints_Manifests_ForKubectl()
    {
        Output($"{Networks}/kubernetesClusters/c/providers/Weft.Fleet/desiredStates/current?", DesiredState);
        var run = await _weft.RunInGroup("manifests", "--cluster", "c");
        Assert.Equal("---\napiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"true\"\n---\nkind: NAD\n", run.Out);
        Assert.Equal("warning: not drawn: properties.x: DPDK is not drawn [PluginNotDrawn]\n", run.Error);
        var list = JsonNode.Parse((await _weft.RunInGroup("manifests", "--cluster", "c", "-o", "json")).Out)!;
        Assert.Equal(("List", 2), (list["kind"]!.ToString(), list["items"]!.AsArray().Count));
    }

    [Fact]
    public async Task Prints_NodeFiles_AloneAsTheyAreAndSeveralUnderTheirNames()
    {
        Output($"{Networks}/kubernetesClusters/c/providers/Weft.Fleet/desiredStates/current?", DesiredState);
        Assert.Equal(
            "network:\n  version: 2\n",
            (await _weft.RunInGroup("manifests", "--cluster", "c", "--node", "W1")).Out
        );
        Assert.Equal(
            "# w1 /etc/netplan/60-weft.yaml 0600\nnetwork:\n  version: 2\n# w2 /etc/a 0644\nx\n",
            (await _weft.RunInGroup("manifests", "--cluster", "c", "--nodes")).Out
        );
        var run = await _weft.RunInGroup("manifests", "--cluster", "c", "--node", "w3");
        Assert.Equal((1, "error: kubernetesclusters/c has no node 'w3'\nnext: nodes: w1, w2\n"), (run.Exit, run.Error));
    }

    [Fact]
    public async Task Prints_NetworkConfig_OfAMachine()
    {
        Output(
            $"{Networks}/virtualMachines/probe1/providers/Weft.Fleet/desiredStates/current?",
            """
            {"properties":{"manifests":[],"nodes":[{"name":"probe1","files":[{"path":"network-config","mode":"0600",
             "content":"version: 2\n"}]}]}}
            """
        );
        Assert.Equal("version: 2\n", (await _weft.RunInGroup("manifests", "--vm", "probe1")).Out);
    }

    [Theory]
    [InlineData]
    [InlineData("--cluster", "c", "--vm", "v")]
    [InlineData("--cluster", "c", "--node", "n", "--nodes")]
    [InlineData("--vm", "v", "--nodes")]
    public async Task Refuses_Manifests_OfTwoThingsOrNone(params string[] args) =>
        Assert.Equal(64, (await _weft.RunInGroup(["manifests", .. args])).Exit);

    [Fact]
    public async Task Prints_EnrolmentToken_OrKeepsItInAPrivateFile()
    {
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c");
        Assert.Equal("weft_enr_abc\n", (await _weft.RunInGroup("agent", "token", "--cluster", "c")).Out);
        var file = _weft.PathOf("enrol.token");
        var run = await _weft.RunInGroup("agent", "token", "--cluster", "c", "--out", file, "--verbose");
        Assert.Equal(("weft_enr_abc\n", ""), (File.ReadAllText(file), run.Out));
        Assert.DoesNotContain("weft_enr_abc", run.Error, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(file));
    }

    [Theory]
    [InlineData("""{"name":"c","minutes":15}""")]
    [InlineData("""{"name":"w1-rack-2","node":"w1.rack-2","minutes":15}""", "--node", "w1.rack-2")]
    [InlineData("""{"name":"x","replace":true,"minutes":120}""", "--name", "x", "--replace", "--lifetime", "2h")]
    [InlineData("""{"name":"c","minutes":1}""", "--lifetime", "20s")]
    public async Task Asks_ForATokenOfOneAgent(string body, params string[] options)
    {
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c");
        var run = await _weft.RunInGroup(["agent", "token", "--cluster", "c", .. options]);
        Assert.Equal((0, "weft_enr_abc\n"), (run.Exit, run.Out));
        Assert.Equal(body, _weft.Weftd.LastEnrolmentToken);
        Assert.StartsWith("enrols agent ", run.Error, StringComparison.Ordinal);
        Assert.Contains(", once, until ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forgets_Agent_OfItsCluster()
    {
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/c/providers/Weft.Fleet/agents/w1");
        Assert.Equal("1 deleted\n", (await _weft.RunInGroup("agent", "forget", "w1", "--cluster", "c", "-y")).Out);
        Assert.Empty(_weft.Weftd.Resources);
    }

    [Fact]
    public async Task Reports_Refusal_OfTheServer_WithMemberAndNextStep()
    {
        _weft.Weftd.CannedResponses["/subscriptions"] = _ =>
            FakeWeftd.Error(HttpStatusCode.Unauthorized, "AuthenticationFailed", "the token is unknown");
        var run = await _weft.RunInGroup("get", "l3n");
        Assert.Equal(
            (
                1,
                "error: the token is unknown [AuthenticationFailed]\n"
                    + "next: the server does not take this token; name the right file with --token-file FILE\n"
            ),
            (run.Exit, run.Error)
        );
    }

    [Fact]
    public async Task Follows_NoRedirect()
    {
        _weft.Weftd.CannedResponses["/subscriptions"] = _ => new HttpResponseMessage(HttpStatusCode.Found)
        {
            Headers = { Location = new Uri("http://evil.example/") },
        };
        var run = await _weft.RunInGroup("get", "l3n");
        Assert.Equal(1, run.Exit);
        Assert.Contains("weft follows no redirects", run.Error, StringComparison.Ordinal);
        Assert.Single(_weft.Weftd.Requests);
    }

    [Fact]
    public async Task Reports_StatusOnly_OfAResponseWithoutArmError()
    {
        _weft.Weftd.CannedResponses["/subscriptions"] = _ => new HttpResponseMessage(HttpStatusCode.BadGateway)
        {
            Content = new StringContent("<html>"),
        };
        Assert.Contains(
            "the server answered 502 Bad Gateway without a reason",
            (await _weft.RunInGroup("get", "l3n")).Error,
            StringComparison.Ordinal
        );
        _weft.Weftd.CannedResponses["/subscriptions"] = _ => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent("<html>"),
        };
        Assert.Contains(
            "the server's answer is no JSON",
            (await _weft.RunInGroup("get", "l3n")).Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Logs_Requests_WithoutTheToken()
    {
        var run = await _weft.RunInGroup("get", "l3n", "--verbose");
        Assert.Matches(
            @"^GET http://127\.0\.0\.1:7400/subscriptions/sub/resourceGroups/site/providers/"
                + @"Microsoft\.NetworkCloud/l3Networks\?api-version=2026-10-01 -> 200 in \d+ ms\n",
            run.Error
        );
        Assert.Contains(
            $"Authorization: Bearer {CommandLine.Secret}",
            _weft.Weftd.Requests[0],
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(CommandLine.Secret, run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warns_OfATokenInClear_BeyondThisMachine()
    {
        Assert.DoesNotContain("in clear", (await _weft.RunInGroup("get", "l3n")).Error, StringComparison.Ordinal);
        Assert.Contains(
            "warning: the token travels in clear to http://weftd.example/",
            (await _weft.RunInGroup("get", "l3n", "--server", "http://weftd.example")).Error,
            StringComparison.Ordinal
        );
    }
}
