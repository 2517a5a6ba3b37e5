using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

public sealed class TrunkTests
{
    private const string N2 =
        "/subscriptions/1f0c6a5e-0000-4000-8000-000000000001/resourceGroups/core/providers/Microsoft.NetworkCloud/l3Networks/n2";
    private const string N3 =
        "/subscriptions/1f0c6a5e-0000-4000-8000-000000000001/resourceGroups/core/providers/Microsoft.NetworkCloud/l3Networks/n3";

    [Fact]
    public void Invokes_TheDelegateForEachVlanWithAPool()
    {
        var host = Run("ADD", Trunk());
        Assert.Equal(["/opt/cni/bin/ipvlan", "/opt/cni/bin/ipvlan"], host.Runs.Select(run => run.File));
        Assert.Equal(["ADD net1.602", "ADD net1.603"], host.Runs.Select(RunCommand));
        Assert.Equal(
            Configurations.OnOneLine(
                $$$"""
                {"cniVersion":"1.0.0","name":"ran",
                "type":"ipvlan","master":"ran.602","mode":"l2","mtu":9000,
                "ipam":{"type":"weft-ipam","network":"{{{N2}}}","socket":"/run/a.sock"}}
                """
            ),
            host.Runs[0].Input
        );
    }

    [Fact]
    public void Merges_InterfacesAndTheirAddresses()
    {
        var host = Run("ADD", Trunk(args: """{"vlans":{"750":["192.0.2.9/24"]}}"""));
        Assert.Equal(
            Configurations.OnOneLine(
                """
                {"cniVersion":"1.0.0",
                "interfaces":[
                {"name":"net1.602","mac":"m","sandbox":"s"},
                {"name":"net1.603","mac":"m","sandbox":"s"},
                {"name":"net1.750","mac":"m","sandbox":"s"}],
                "ips":[
                {"interface":0,"address":"10.0.2.1/24"},
                {"interface":1,"address":"10.0.3.1/24"},
                {"interface":2,"address":"192.0.2.9/24"}],
                "routes":[{"dst":"10.9.2.0/24"},{"dst":"10.9.3.0/24"},{"dst":"10.9.0.0/24"}],
                "dns":{}}
                """
            ) + "\n",
            host.Output
        );
        Assert.Contains(
            "\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"192.0.2.9/24\"}]}",
            host.Runs[2].Input,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Requests_TheAddressThePodWants() =>
        Assert.Contains(
            "\"args\":{\"cni\":{\"ips\":[\"10.20.2.40\"]}}",
            Run("ADD", Trunk(args: """{"vlans":{"602":["10.20.2.40"]}}""")).Runs[0].Input,
            StringComparison.Ordinal
        );

    [Fact]
    public void Undoes_WhatAFailedAddHasMade_TheLastFirst()
    {
        var host = Run(
            "ADD",
            Trunk(),
            (verb, name) =>
                verb == "ADD" && name == "net1.603"
                    ? (1, """{"code":101,"msg":"n3 is exhausted","details":"AddressPoolExhausted"}""")
                    : Good(verb, name)
        );
        Assert.Equal(["ADD net1.602", "ADD net1.603", "DEL net1.603", "DEL net1.602"], host.Runs.Select(RunCommand));
        Assert.Equal(
            """{"cniVersion":"1.0.0","code":101,"msg":"VLAN 603: n3 is exhausted","details":"AddressPoolExhausted"}"""
                + "\n",
            host.Output
        );
        Assert.Equal("", host.Logged);
    }

    [Fact]
    public void Logs_WhatItCouldNotUndo()
    {
        var host = Run(
            "ADD",
            Trunk(),
            (verb, name) =>
                verb == "DEL" ? (1, """{"code":11,"msg":"the agent is away"}""")
                : name == "net1.603" ? (1, "{}")
                : Good(verb, name)
        );
        Assert.Equal(105, Configurations.CodeOf(host.Output));
        Assert.Contains("VLAN 603", Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal);
        Assert.Contains("not undone: VLAN 603: the agent is away", host.Logged, StringComparison.Ordinal);
        Assert.Contains("VLAN 602: the agent is away", host.Logged, StringComparison.Ordinal);
    }

    [Fact]
    public void Deletes_EveryVlan_WhateverBecomesOfTheOthers()
    {
        var host = Run(
            "DEL",
            Trunk(),
            (verb, name) => name == "net1.603" ? (1, """{"code":11,"msg":"the agent is away"}""") : (0, ""),
            environment => environment.Remove("CNI_NETNS")
        );
        Assert.Equal(["DEL net1.750", "DEL net1.603", "DEL net1.602"], host.Runs.Select(RunCommand));
        Assert.Equal(
            (11, "VLAN 603: the agent is away"),
            (Configurations.CodeOf(host.Output), Configurations.TextOf(host.Output, "msg"))
        );
    }

    [Fact]
    public void Deletes_Idempotently()
    {
        for (var time = 0; time < 2; time++)
            Assert.Equal("", Run("DEL", Trunk(), (_, _) => (0, "")).Output);
    }

    [Fact]
    public void Checks_EachInterfaceWithItsOwnAddresses()
    {
        const string Previous = """
            ,"prevResult": {
              "cniVersion": "1.0.0",
              "interfaces": [{ "name": "net1.602", "sandbox": "s" }, { "name": "net1.603", "sandbox": "s" }],
              "ips": [{ "address": "10.0.2.1/24", "interface": 0 }, { "address": "10.0.3.1/24", "interface": 1 }],
              "routes": [{ "dst": "10.9.0.0/24" }]
            }
            """;
        var host = Run("CHECK", Trunk(outside: Previous), (_, _) => (0, ""));
        Assert.Equal(["CHECK net1.602", "CHECK net1.603"], host.Runs.Select(RunCommand));
        Assert.Equal(
            """{"cniVersion":"1.0.0","interfaces":[{"name":"net1.603","sandbox":"s"}]"""
                + ""","ips":[{"interface":0,"address":"10.0.3.1/24"}],"dns":{}}""",
            JsonNode.Parse(host.Runs[1].Input)!["prevResult"]!.ToJsonString()
        );
        Assert.Equal("", host.Output);
        var short1 = Run(
            "CHECK",
            Trunk(outside: Previous.Replace("net1.603", "net9.603", StringComparison.Ordinal)),
            (_, _) => (0, "")
        );
        Assert.Contains("net1.603", Configurations.TextOf(short1.Output, "msg"), StringComparison.Ordinal);
        Assert.Equal(7, Configurations.CodeOf(Run("CHECK", Trunk(), (_, _) => (0, "")).Output));
    }

    [Fact]
    public void Forwards_Status()
    {
        var host = Run("STATUS", Trunk("1.1.0"), (_, _) => (1, """{"code":50,"msg":"the agent is away"}"""));
        Assert.StartsWith(
            """{"cniVersion":"1.1.0","name":"ran","type":"ipvlan","master":"ran.602",""",
            Assert.Single(host.Runs).Input,
            StringComparison.Ordinal
        );
        Assert.Equal(50, Configurations.CodeOf(host.Output));
    }

    [Fact]
    public void Keeps_RequestsForOneInterfaceFromTheDelegates()
    {
        var host = Run(
            "DEL",
            Trunk(),
            (_, _) => (0, ""),
            environment =>
                environment["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAME=upf-0;IP=10.0.0.1;MAC=02:00:00:00:00:01"
        );
        Assert.All(host.Runs, run => Assert.Equal("IgnoreUnknown=1;K8S_POD_NAME=upf-0", run.Changed["CNI_ARGS"]));
    }

    [Theory]
    [InlineData("IP=10.0.0.1", 4, "args.cni.vlans")]
    [InlineData("MAC=02:00:00:00:00:01", 4, "MAC address of the node's port")]
    public void Refuses_RequestThatCannotBeForSeveral(string arguments, int code, string says)
    {
        var host = Run("ADD", Trunk(), change: environment => environment["CNI_ARGS"] = arguments);
        Assert.Equal(code, Configurations.CodeOf(host.Output));
        Assert.Contains(says, Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal);
        Assert.Empty(host.Runs);
    }

    [Theory]
    [InlineData("""{"vlans":{"751":["192.0.2.9/24"]}}""", "751", "602, 603, 750")]
    [InlineData("""{"vlans":{"750":["192.0.2.9"]}}""", "192.0.2.9/24", "length")]
    [InlineData("""{"vlans":{"750":["192.0.2.9/33"]}}""", "0 to 32", "750")]
    [InlineData("""{"vlans":{"602":["ten"]}}""", "'ten'", "602")]
    [InlineData("""{"vlans":{"602":"10.0.0.1"}}""", "'602'", "list")]
    [InlineData("""{"vlans":["10.0.0.1"]}""", "'vlans'", "object")]
    public void Refuses_AddressesOfThePodThatCannotBe(string args, params string[] says)
    {
        var host = Run("ADD", Trunk(args: args));
        Assert.Equal(7, Configurations.CodeOf(host.Output));
        Assert.All(
            says,
            word => Assert.Contains(word, Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal)
        );
        Assert.Empty(host.Runs);
    }

    [Theory]
    [InlineData("""{"cniVersion":"1.0.0","name":"ran","vlans":[{"id":602}]}""", 7, "'master'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"ran","master":"ran"}""", 7, "'vlans'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":4095}]}""", 7, "1 to 4094")]
    [InlineData(
        """{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":1},{"id":1}]}""",
        7,
        "there already"
    )]
    [InlineData("""{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[602]}""", 7, "'vlans[0]'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602,"mtu":"9000"}]}""", 7, "mtu")]
    [InlineData(
        """{"cniVersion":"1.0.0","name":"ran","master":"ran","mode":"vepa","vlans":[{"id":602}]}""",
        7,
        "'vepa'"
    )]
    [InlineData(
        """{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602,"pool":"n2"}]}""",
        2,
        "vlans[0].pool"
    )]
    [InlineData(
        """{"cniVersion":"1.0.0","name":"ran","master":"ran","vlans":[{"id":602}]}""",
        7,
        "no VLAN of the trunk has a pool"
    )]
    [InlineData("""{"cniVersion":"0.4.0","name":"ran","master":"ran","vlans":[{"id":602}]}""", 1, "0.4.0")]
    public void Refuses_BadConfiguration(string configuration, int code, string says)
    {
        var host = Run("ADD", configuration);
        Assert.Equal(code, Configurations.CodeOf(host.Output));
        Assert.Contains(says, Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal);
        Assert.Empty(host.Runs);
    }

    [Fact]
    public void Refuses_InterfaceNameThatLeavesNoRoomForTheVlan()
    {
        var host = Run("ADD", Trunk(), change: environment => environment["CNI_IFNAME"] = "abcdefghijkl");
        Assert.Equal(4, Configurations.CodeOf(host.Output));
        Assert.Contains("abcdefghijkl.602", Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal);
        Assert.Empty(host.Runs);
    }

    [Fact]
    public void Fails_WithoutTheUpstreamPlugin()
    {
        var host = new FakeHost(Configurations.Environment("DEL"), Trunk()) { ProgramName = "weft-trunk" };
        Weft.Cni.Program.Run(host);
        Assert.Equal(105, Configurations.CodeOf(host.Output));
        Assert.Contains("CNI_PATH (/opt/cni/bin)", Configurations.TextOf(host.Output, "msg"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("STATUS", "1.0.0", 1)]
    [InlineData("GC", "1.1.0", 4)]
    public void Refuses_CommandItDoesNotServe(string command, string version, int code) =>
        Assert.Equal(code, Configurations.CodeOf(Run(command, Trunk(version)).Output));

    [Fact]
    public void Prints_TheVersionsItServes() =>
        Assert.Equal(
            """{"cniVersion":"1.0.0","supportedVersions":["1.0.0","1.1.0"]}""" + "\n",
            Run("VERSION", Trunk()).Output
        );

    private static string Trunk(string version = "1.0.0", string? args = null, string outside = "") =>
        $$"""
            {
              "cniVersion": "{{version}}",
              "name": "ran",
              "type": "weft-trunk",
              "master": "ran",
              "socket": "/run/a.sock",
              "vlans": [
                { "id": 602, "mtu": 9000, "network": "{{N2}}" },
                { "id": 603, "mtu": 1500, "network": "{{N3}}" },
                { "id": 750 }
              ]
              {{(args is null ? "" : $",\"args\":{{\"cni\":{args}}}")}}{{outside}}
            }
            """;

    private static FakeHost Run(
        string command,
        string configuration,
        Func<string, string, (int, string)?>? upstream = null,
        Action<Dictionary<string, string>>? change = null
    )
    {
        var environment = Configurations.Environment(command);
        change?.Invoke(environment);
        var host = new FakeHost(environment, configuration)
        {
            ProgramName = "weft-trunk",
            IsExecutableFile = file => file == "/opt/cni/bin/ipvlan",
            Upstream = upstream ?? Good,
        };
        Weft.Cni.Program.Run(host);
        return host;
    }

    private static string RunCommand((string File, Dictionary<string, string> Changed, string Input) run) =>
        $"{run.Changed["CNI_COMMAND"]} {run.Changed["CNI_IFNAME"]}";

    private static (int, string)? Good(string verb, string name)
    {
        var last = name[^1];
        var address = last == '0' ? "192.0.2.9/24" : $"10.0.{last}.1/24";
        return (
            0,
            verb == "ADD"
                ? $$"""
                {
                  "cniVersion": "1.0.0",
                  "interfaces": [{ "name": "{{name}}", "mac": "m", "sandbox": "s" }],
                  "ips": [{ "address": "{{address}}", "interface": 0 }],
                  "routes": [{ "dst": "10.9.{{last}}.0/24" }],
                  "dns": {}
                }
                """
                : ""
        );
    }
}
