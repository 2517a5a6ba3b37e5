using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

public sealed class PluginRunnerTests
{
    [Fact]
    public void Sends_Acquire_ForAdd()
    {
        var host = FakeHost.RunPlugin(
            "ADD",
            Configurations.Of(socket: "/run/other.sock", outside: ",\"runtimeConfig\":{\"ips\":[\"10.20.6.40/24\"]}"),
            Configurations.Lease,
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=upf-0;K8S_POD_UID=77"
        );

        Assert.Equal("/run/other.sock", host.Socket);
        Assert.Equal(
            Configurations.OnOneLine(
                $$"""
                {"verb":"acquire",
                "network":"{{Configurations.Network}}",
                "containerId":"0123abcd",
                "interface":"net1",
                "namespace":"core","pod":"upf-0","uid":"77",
                "ips":["10.20.6.40"],
                "configuration":"n6"}
                """
            ) + "\n",
            host.Request
        );
    }

    [Fact]
    public void Sends_Release_ForDel_WithoutWhatOnlyAddNeeds()
    {
        var environment = Configurations.Environment("DEL");
        environment.Remove("CNI_NETNS");
        var host = new FakeHost(
            environment,
            Configurations.Of(ipam: ",\"routes\":[\"bad\"]", outside: ",\"runtimeConfig\":{\"ips\":[\"bad\"]}")
        );

        Assert.Equal(0, Weft.Cni.Program.Run(host));
        Assert.Equal("", host.Output);
        Assert.Equal(
            $$"""{"verb":"release","network":"{{Configurations.Network}}","containerId":"0123abcd","interface":"net1"}"""
                + "\n",
            host.Request
        );
    }

    [Fact]
    public void Sends_AddressesOfPrevResult_ForCheck()
    {
        var host = FakeHost.RunPlugin(
            "CHECK",
            Configurations.Of(
                outside: ",\"prevResult\":{\"cniVersion\":\"1.0.0\","
                    + "\"ips\":[{\"address\":\"10.20.6.17/24\"},{\"address\":\"FD20:6::11/64\"}]}"
            )
        );

        Assert.Equal("", host.Output);
        Assert.Equal(
            Configurations.OnOneLine(
                $$"""
                {"verb":"check",
                "network":"{{Configurations.Network}}",
                "containerId":"0123abcd",
                "interface":"net1",
                "addresses":["10.20.6.17","fd20:6::11"]}
                """
            ) + "\n",
            host.Request
        );
    }

    [Fact]
    public void Sends_StatusAlone_ForStatus() =>
        Assert.Equal(
            "{\"verb\":\"status\"}\n",
            FakeHost.RunPlugin("STATUS", Configurations.Of("1.1.0"), arguments: "K8S_POD_NAME=upf-0").Request
        );

    [Fact]
    public void Adds_RoutesOfConfiguration_AfterTheNetworks()
    {
        var host = FakeHost.RunPlugin(
            "ADD",
            Configurations.Of(ipam: ",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]"),
            """{"lease":{"addresses":[{"address":"10.0.0.7/24"}],"routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.2"}]}}"""
        );

        Assert.Equal(
            Configurations.OnOneLine(
                """
                {"cniVersion":"1.0.0",
                "ips":[{"address":"10.0.0.7/24"}],
                "routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.2"},{"dst":"0.0.0.0/0"}],
                "dns":{}}
                """
            ) + "\n",
            host.Output
        );
    }

    /// <summary>CNI specification 1.1.0, GC: libcni writes the list by both names.</summary>
    [Theory]
    [InlineData("cni.dev/valid-attachments")]
    [InlineData("cni.dev/attachments")]
    public void Collects_WhatTheRuntimeDoesntList(string member)
    {
        var outside = $$""","{{member}}":[{"containerID":"c1","ifname":"net1"},{"containerID":"c2","ifname":"net2"}]""";
        var host = new FakeHost(
            Configurations.Environment("GC"),
            Configurations.Of("1.1.0", outside: outside),
            answer: "{}"
        );
        Assert.Equal(0, Weft.Cni.Program.Run(host));
        Assert.Equal("", host.Output);
        Assert.Equal(
            Configurations.OnOneLine(
                $$"""
                {"verb":"collect",
                "network":"{{Configurations.Network}}",
                "configuration":"n6",
                "valid":[{"containerId":"c1","interface":"net1"},{"containerId":"c2","interface":"net2"}]}
                """
            ) + "\n",
            host.Request
        );
    }

    /// <summary>A list that isn't there isn't an empty one.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(""","cni.dev/valid-attachments":null""")]
    [InlineData(""","cni.dev/valid-attachments":[{"containerID":"c1"}]""")]
    [InlineData(""","cni.dev/valid-attachments":["c1"]""")]
    [InlineData(""","cni.dev/valid-attachments":{}""")]
    public void Collects_Nothing_WithoutAWholeList(string outside)
    {
        var host = new FakeHost(Configurations.Environment("GC"), Configurations.Of("1.1.0", outside: outside), "{}");
        Assert.Equal(1, Weft.Cni.Program.Run(host));
        Assert.Equal(7, Configurations.CodeOf(host.Output));
        Assert.Null(host.Socket);
    }

    // Each row is wrong in what its column says and in all that comes after it, as libcni's skeleton would find it.
    [Theory]
    [InlineData("ADD", "", "{", 4, "1.1.0")]
    [InlineData("ADD", "../x", null, 5, "1.1.0")]
    [InlineData("ADD", "../x", "{", 6, "1.1.0")]
    [InlineData("ADD", "../x", """{"cniVersion":"9.0.0","ipam":{"x":1}}""", 7, "9.0.0")]
    [InlineData("ADD", "../x", """{"cniVersion":"9.0.0","name":"n6","ipam":{"x":1}}""", 4, "9.0.0")]
    [InlineData("UPDATE", "x", """{"cniVersion":"9.0.0","name":"n6","ipam":{"x":1}}""", 4, "9.0.0")]
    [InlineData("ADD", "x", """{"cniVersion":"9.0.0","name":"n6","ipam":{"x":1}}""", 1, "9.0.0")]
    [InlineData("CHECK", "x", """{"name":"n6","ipam":{"x":1}}""", 1, "0.1.0")]
    [InlineData("GC", "x", """{"cniVersion":"1.0.0","name":"n6","ipam":{"x":1}}""", 1, "1.0.0")]
    [InlineData("GC", "x", """{"cniVersion":"1.1.0","name":"n6","ipam":{"x":1}}""", 2, "1.1.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":{"x":1}}""", 2, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":{"type":"weft-ipam"}}""", 7, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6"}""", 7, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":[]}""", 7, "0.4.0")]
    [InlineData("STATUS", "", """{"cniVersion":"1.1.0","name":"n6","ipam":{"type":"weft-ipam"}}""", 50, "1.1.0")]
    public void Refuses_InOrderOfSkeleton(string command, string containerId, string? input, int code, string version)
    {
        var environment = Configurations.Environment(command);
        environment["CNI_CONTAINERID"] = containerId;
        var host = new FakeHost(environment, input, answer: null);

        Assert.Equal(1, Weft.Cni.Program.Run(host));
        Assert.Equal(code, Configurations.CodeOf(host.Output));
        Assert.Equal(version, Configurations.TextOf(host.Output, "cniVersion"));
        Assert.Equal(code == 50, host.Socket is not null);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("garbage")]
    [InlineData("{}")]
    [InlineData("{\"lease\":{\"addresses\":[]}}")]
    public void Returns_TryAgain_WhenAddGetsNoLease(string? answer)
    {
        var host = FakeHost.RunPlugin("ADD", Configurations.Of(), answer);

        Assert.Equal(11, Configurations.CodeOf(host.Output));
    }

    [Fact]
    public void Refuses_ARequestLongerThanALine()
    {
        var ips = string.Join(',', Enumerable.Range(0, 6000).Select(i => $"\"10.{i / 250}.{i % 250}.1\""));
        var host = FakeHost.RunPlugin(
            "ADD",
            Configurations.Of(outside: $",\"runtimeConfig\":{{\"ips\":[{ips}]}}"),
            Configurations.Lease
        );

        Assert.Equal(7, Configurations.CodeOf(host.Output));
        Assert.Null(host.Request);
    }

    [Theory]
    [InlineData("""{"cniVersion":"0.4.0"}""", "0.4.0")]
    [InlineData("""{"cniVersion":"9.9.9"}""", "9.9.9")]
    [InlineData("{}", "1.1.0")]
    [InlineData("garbage", "1.1.0")]
    [InlineData(null, "1.1.0")]
    public void Echoes_Version_WhateverTheInput(string? input, string expected)
    {
        var host = new FakeHost(new() { ["CNI_COMMAND"] = "VERSION" }, input);

        Assert.Equal(0, Weft.Cni.Program.Run(host));
        Assert.Equal(expected, Configurations.TextOf(host.Output, "cniVersion"));
        Assert.Equal(7, JsonNode.Parse(host.Output)!["supportedVersions"]!.AsArray().Count);
        Assert.NotNull(host.InputTimeout);
    }

    [Fact]
    public void Reports_InternalError_ByNumber()
    {
        var edge = new FaultyHost();

        Assert.Equal(1, Weft.Cni.Program.Run(edge));
        Assert.Equal(999, Configurations.CodeOf(edge.Inner.Output));
        Assert.Equal("DivideByZeroException: by test", Configurations.TextOf(edge.Inner.Output, "details"));
        Assert.Contains("by test", edge.Inner.Logged, StringComparison.Ordinal);
    }

    [Fact]
    public void Fails_WhenNobodyReadsTheResult()
    {
        var host = new FakeHost(Configurations.Environment("ADD"), Configurations.Of(), Configurations.Lease)
        {
            AcceptsOutput = false,
        };

        Assert.Equal(1, Weft.Cni.Program.Run(host));
    }

    /// <summary>A host that breaks where none may: what it throws is nobody's refusal.</summary>
    private sealed class FaultyHost : Weft.Cni.IHost
    {
        public string ProgramName => "weft-ipam";

        public string? TryWriteInNamespace(string space, string file, ReadOnlySpan<byte> text) => null;

        public bool IsExecutable(string file) => throw new NotSupportedException();

        public bool TryRun(
            string file,
            IReadOnlyList<(string Name, string Value)> changed,
            ReadOnlyMemory<byte> input,
            [NotNullWhen(true)] out Weft.Cni.PluginExit? run,
            [NotNullWhen(false)] out string? why
        ) => throw new NotSupportedException();

        public FakeHost Inner { get; } = new([], null);

        public string? GetVariable(string name) => throw new DivideByZeroException("by test");

        public bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, out string why) =>
            throw new NotSupportedException();

        public bool TryCallAgent(
            string socket,
            ReadOnlyMemory<byte> request,
            out ReadOnlyMemory<byte> answer,
            out string why
        ) => throw new NotSupportedException();

        public bool TryWriteOutput(ReadOnlySpan<byte> text) => Inner.TryWriteOutput(text);

        public void Log(string line) => Inner.Log(line);
    }
}
