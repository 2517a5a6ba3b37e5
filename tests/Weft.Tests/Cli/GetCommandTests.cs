using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

public sealed class GetCommandTests : IDisposable
{
    private readonly CommandLine _weft = new() { Clock = CommandLine.ClockAt("2026-11-22T11:20:00Z") };

    public GetCommandTests()
    {
        _weft.Store(
            "Microsoft.NetworkCloud/l3Networks/n6",
            $$"""
            {"vlan":606,"ipv4ConnectedPrefix":"10.20.6.0/24","ipv6ConnectedPrefix":"fd00:6::/64","provisioningState":"Succeeded",
             "detailedStatus":"Available",
             "l3IsolationDomainId":"{{CommandLine.Group}}/providers/Microsoft.ManagedNetworkFabric/l3IsolationDomains/core-cp",
             "associatedResourceIds":["{{CommandLine.Group}}/providers/Microsoft.NetworkCloud/kubernetesClusters/core-east"]}
            """
        );
        _weft.Store(
            "Microsoft.NetworkCloud/l3Networks/n3",
            """{"vlan":603,"provisioningState":"Failed","detailedStatus":"Error"}""",
            "2026-11-20T11:20:00Z"
        );
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/core-east");
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/core-west");
        _weft.Store(
            "Microsoft.NetworkCloud/kubernetesClusters/core-east/agentPools/pool1",
            """{"mode":"System","count":3,"vmSkuName":"small","provisioningState":"Succeeded"}"""
        );
        _weft.Store(
            "Microsoft.NetworkCloud/kubernetesClusters/core-west/agentPools/pool1",
            """{"mode":"User","count":1,"vmSkuName":"big","provisioningState":"Updating"}"""
        );
    }

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Prints_Table_OfAKind()
    {
        var run = await _weft.RunInGroup("get", "l3networks");
        Assert.Equal(
            """
            NAME   VLAN   IPV4           IPV6          STATUS      USED-BY     AGE
            n3     603    -              -             Failed      -           2d
            n6     606    10.20.6.0/24   fd00:6::/64   Available   core-east   3h20m

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Equal((0, ""), (run.Exit, run.Error));
    }

    [Fact]
    public async Task Adds_Columns_Wide() =>
        Assert.Contains(
            "AGE     DOMAIN    SITE   MESSAGE",
            (await _weft.RunInGroup("get", "l3n", "-o", "wide")).Out,
            StringComparison.Ordinal
        );

    [Fact]
    public async Task Warns_OfACredentialInTwoPlaces()
    {
        const string Agents = "Microsoft.NetworkCloud/kubernetesClusters/core-east/providers/Weft.Fleet/agents";
        _weft.Store(
            $"{Agents}/w1",
            """
            {"node":"w1","version":"0.1.0","enrolledAt":"2026-11-02T11:20:00Z","enrolledFrom":"192.0.2.7",
             "credentialSince":"2026-11-20T11:20:00Z"}
            """
        );
        _weft.Store(
            $"{Agents}/w2",
            """
            {"node":"w2","enrolledAt":"2026-11-02T11:20:00Z","enrolledFrom":"192.0.2.8","credentialSince":"2026-11-02T11:20:00Z",
             "credentialInTwoPlaces":{"since":"2026-11-22T11:10:00Z","from":["192.0.2.8","198.51.100.9"]}}
            """
        );
        var lines = (await _weft.RunInGroup("get", "agents", "--cluster", "core-east")).Out.Split('\n');
        Assert.Contains("CREDENTIAL   WARNING", lines[0], StringComparison.Ordinal);
        Assert.Contains("192.0.2.7   2d           -", lines[1], StringComparison.Ordinal);
        Assert.Contains(
            "192.0.2.8   20d          credential-in-two-places for 10m: 192.0.2.8,198.51.100.9",
            lines[2],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Prints_Children_AcrossAllParents()
    {
        var run = await _weft.RunInGroup("get", "agentpools");
        Assert.Equal(
            """
            NAME    CLUSTER     MODE     COUNT   SKU     STATUS      AGE
            pool1   core-east   System   3       small   Succeeded   3h20m
            pool1   core-west   User     1       big     Updating    3h20m

            """.ReplaceLineEndings("\n"),
            run.Out
        );
    }

    [Theory]
    [InlineData("pool1", "--cluster", "core-west")]
    [InlineData("core-west/pool1")]
    public async Task Finds_Child_ByItsParent(params string[] name)
    {
        var run = await _weft.RunInGroup(["get", "agentpools", .. name, "-o", "name"]);
        Assert.Equal("agentpools/core-west/pool1\n", run.Out);
    }

    [Fact]
    public async Task Finds_ChildrenOfThatName_UnderEveryParent() =>
        Assert.Equal(
            "agentpools/core-east/pool1\nagentpools/core-west/pool1\n",
            (await _weft.RunInGroup("get", "agentpools", "pool1", "-o", "name")).Out
        );

    [Fact]
    public async Task Follows_Pages_AtTheConfiguredServer()
    {
        _weft.Weftd.PageSize = 1;
        var run = await _weft.RunInGroup("get", "l3n", "-o", "name");
        Assert.Equal("l3networks/n3\nl3networks/n6\n", run.Out);
        Assert.All(
            _weft.Weftd.Requests,
            request => Assert.Contains(" http://127.0.0.1:7400/", request, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Prints_OneAsObject_AndManyAsArray()
    {
        var one = await _weft.RunInGroup("get", "l3n", "n6", "-o", "json");
        Assert.Equal("n6", JsonNode.Parse(one.Out)!["name"]!.ToString());
        Assert.Equal(2, JsonNode.Parse((await _weft.RunInGroup("get", "l3n", "-o", "json")).Out)!.AsArray().Count);
        Assert.Equal("[]\n", (await _weft.RunInGroup("get", "l2n", "-o", "json")).Out);
    }

    [Fact]
    public async Task Shows_Yaml_ThatApplyAccepts()
    {
        var run = await _weft.RunInGroup("show", "l3network", "n3");
        Assert.Equal(
            """
            id: /subscriptions/sub/resourceGroups/site/providers/Microsoft.NetworkCloud/l3Networks/n3
            name: n3
            type: Microsoft.NetworkCloud/l3Networks
            location: lab
            properties:
              vlan: 603
              provisioningState: Failed
              detailedStatus: Error
            systemData:
              createdAt: "2026-11-20T11:20:00Z"

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        _weft.Input = (await _weft.RunInGroup("get", "l3n", "-o", "yaml")).Out;
        Assert.Equal(0, (await _weft.RunInGroup("apply", "-f", "-", "--dry-run")).Exit);
    }

    [Fact]
    public async Task Names_Group_WhereTheListSpansAll()
    {
        _weft.Store("/subscriptions/sub/resourceGroups/other/providers/Microsoft.NetworkCloud/l3Networks/n9");
        var run = await _weft.RunInGroup("get", "l3n", "-A");
        Assert.StartsWith("GROUP   NAME   VLAN", run.Out, StringComparison.Ordinal);
        Assert.Contains("\nother   n9", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_NothingIsThere_OnStderr()
    {
        var run = await _weft.RunInGroup("get", "trunks");
        Assert.Equal((0, "", "no trunkednetworks in resource group 'site'\n"), (run.Exit, run.Out, run.Error));
    }

    [Fact]
    public async Task Fails_ForMissingName_AndPrintsTheOthers()
    {
        var run = await _weft.RunInGroup("get", "l3n", "n6", "n7", "-o", "name");
        Assert.Equal(
            (1, "l3networks/n6\n", "error: there is no l3network 'n7' in resource group 'site'\n"),
            (run.Exit, run.Out, run.Error)
        );
    }

    [Theory]
    [InlineData("-o xml is not a format of this command", "get", "l3n", "-o", "xml")]
    [InlineData("-o 1 is not a format of this command", "get", "l3n", "-o", "1")]
    [InlineData("--domain says nothing of agentpools", "get", "agentpools", "--domain", "x")]
    [InlineData("there is no kind 'l3netwoks'", "get", "l3netwoks")]
    [InlineData("there is no option --all", "get", "l3n", "--all")]
    [InlineData("'weft' has no command 'gte'", "gte", "l3n")]
    [InlineData("'a/b' is no name of a l3network: a l3network has no parent", "get", "l3n", "a/b")]
    public async Task Refuses_WrongCommandLine(string message, params string[] args)
    {
        var run = await _weft.RunInGroup(args);
        Assert.Equal((64, ""), (run.Exit, run.Out));
        Assert.StartsWith(
            $"error: {message}\nnext: ",
            run.Error.Contains("next:", StringComparison.Ordinal) ? run.Error : run.Error + "next: ",
            StringComparison.Ordinal
        );
    }
}
