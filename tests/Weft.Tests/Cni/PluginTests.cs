using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;

namespace Weft.Tests.Cni;

public sealed class PluginTests
{
    [Fact]
    public void Sends_Acquire_ForAdd()
    {
        var edge = FakeEdge.Ran(
            "ADD",
            Configurations.Of(socket: "/run/other.sock", outside: ",\"runtimeConfig\":{\"ips\":[\"10.20.6.40/24\"]}"),
            Configurations.Lease,
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=upf-0;K8S_POD_UID=77");

        Assert.Equal("/run/other.sock", edge.Socket);
        Assert.Equal(
            $$"""{"verb":"acquire","network":"{{Configurations.Network}}","containerId":"0123abcd","interface":"net1","namespace":"core","pod":"upf-0","uid":"77","ips":["10.20.6.40"]}""" + "\n",
            edge.Request);
    }

    [Fact]
    public void Sends_Release_ForDel_WithoutWhatOnlyAddNeeds()
    {
        var environment = Configurations.Environment("DEL");
        environment.Remove("CNI_NETNS");
        var edge = new FakeEdge(environment, Configurations.Of(ipam: ",\"routes\":[\"bad\"]", outside: ",\"runtimeConfig\":{\"ips\":[\"bad\"]}"));

        Assert.Equal(0, Weft.Cni.Program.Run(edge));
        Assert.Equal("", edge.Output);
        Assert.Equal(
            $$"""{"verb":"release","network":"{{Configurations.Network}}","containerId":"0123abcd","interface":"net1"}""" + "\n", edge.Request);
    }

    [Fact]
    public void Sends_AddressesOfPrevResult_ForCheck()
    {
        var edge = FakeEdge.Ran("CHECK", Configurations.Of(
            outside: ",\"prevResult\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.20.6.17/24\"},{\"address\":\"FD20:6::11/64\"}]}"));

        Assert.Equal("", edge.Output);
        Assert.Equal(
            $$"""{"verb":"check","network":"{{Configurations.Network}}","containerId":"0123abcd","interface":"net1","addresses":["10.20.6.17","fd20:6::11"]}""" + "\n",
            edge.Request);
    }

    [Fact]
    public void Sends_StatusAlone_ForStatus() => Assert.Equal(
        "{\"verb\":\"status\"}\n",
        FakeEdge.Ran("STATUS", Configurations.Of("1.1.0"), arguments: "K8S_POD_NAME=upf-0").Request);

    [Fact]
    public void Adds_RoutesOfConfiguration_AfterTheNetworks()
    {
        var edge = FakeEdge.Ran(
            "ADD",
            Configurations.Of(ipam: ",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]"),
            """{"lease":{"addresses":[{"address":"10.0.0.7/24"}],"routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.2"}]}}""");

        Assert.Equal(
            """{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.7/24"}],"routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.2"},{"dst":"0.0.0.0/0"}],"dns":{}}""" + "\n",
            edge.Output);
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
    [InlineData("GC", "x", """{"cniVersion":"1.1.0","name":"n6","ipam":{"x":1}}""", 4, "1.1.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":{"x":1}}""", 2, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":{"type":"weft-ipam"}}""", 7, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6"}""", 7, "0.4.0")]
    [InlineData("ADD", "x", """{"cniVersion":"0.4.0","name":"n6","ipam":[]}""", 7, "0.4.0")]
    [InlineData("STATUS", "", """{"cniVersion":"1.1.0","name":"n6","ipam":{"type":"weft-ipam"}}""", 50, "1.1.0")]
    public void Refuses_InOrderOfSkeleton(string command, string containerId, string? input, int code, string version)
    {
        var environment = Configurations.Environment(command);
        environment["CNI_CONTAINERID"] = containerId;
        var edge = new FakeEdge(environment, input, answer: null);

        Assert.Equal(1, Weft.Cni.Program.Run(edge));
        Assert.Equal(code, Configurations.CodeOf(edge.Output));
        Assert.Equal(version, Configurations.TextOf(edge.Output, "cniVersion"));
        Assert.Equal(code == 50, edge.Socket is not null);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("garbage")]
    [InlineData("{}")]
    [InlineData("{\"lease\":{\"addresses\":[]}}")]
    public void Asks_ToTryAgain_WhenAddGetsNoLease(string? answer)
    {
        var edge = FakeEdge.Ran("ADD", Configurations.Of(), answer);

        Assert.Equal(11, Configurations.CodeOf(edge.Output));
    }

    [Fact]
    public void Refuses_ToAskForMoreThanALineHolds()
    {
        var ips = string.Join(',', Enumerable.Range(0, 6000).Select(i => $"\"10.{i / 250}.{i % 250}.1\""));
        var edge = FakeEdge.Ran("ADD", Configurations.Of(outside: $",\"runtimeConfig\":{{\"ips\":[{ips}]}}"), Configurations.Lease);

        Assert.Equal(7, Configurations.CodeOf(edge.Output));
        Assert.Null(edge.Request);
    }

    [Theory]
    [InlineData("""{"cniVersion":"0.4.0"}""", "0.4.0")]
    [InlineData("""{"cniVersion":"9.9.9"}""", "9.9.9")]
    [InlineData("{}", "1.1.0")]
    [InlineData("garbage", "1.1.0")]
    [InlineData(null, "1.1.0")]
    public void Says_VersionBack_WhateverTheInput(string? input, string expected)
    {
        var edge = new FakeEdge(new() { ["CNI_COMMAND"] = "VERSION" }, input);

        Assert.Equal(0, Weft.Cni.Program.Run(edge));
        Assert.Equal(expected, Configurations.TextOf(edge.Output, "cniVersion"));
        Assert.Equal(7, JsonNode.Parse(edge.Output)!["supportedVersions"]!.AsArray().Count);
        Assert.NotNull(edge.InputPatience);
    }

    [Fact]
    public void Reports_Fault_AsNumberedError()
    {
        var edge = new FaultyEdge();

        Assert.Equal(1, Weft.Cni.Program.Run(edge));
        Assert.Equal(999, Configurations.CodeOf(edge.Inner.Output));
        Assert.Equal("DivideByZeroException: by test", Configurations.TextOf(edge.Inner.Output, "details"));
        Assert.Contains("by test", edge.Inner.Logged, StringComparison.Ordinal);
    }

    [Fact]
    public void Fails_WhenNobodyTakesTheResult()
    {
        var edge = new FakeEdge(Configurations.Environment("ADD"), Configurations.Of(), Configurations.Lease) { TakesOutput = false };

        Assert.Equal(1, Weft.Cni.Program.Run(edge));
    }

    /// <summary>An edge that breaks where none may: what it throws is nobody's refusal.</summary>
    private sealed class FaultyEdge : Weft.Cni.IEdge
    {
        public string ProgramName => "weft-ipam";

        public bool HasFile(string file) => throw new NotSupportedException();

        public bool TryRun(
            string file, IReadOnlyList<(string Name, string Value)> changed, ReadOnlyMemory<byte> input, [NotNullWhen(true)] out Weft.Cni.PluginRun? run, [NotNullWhen(false)] out string? why) => throw new NotSupportedException();

        public FakeEdge Inner { get; } = new([], null);

        public string? Variable(string name) => throw new DivideByZeroException("by test");

        public bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, out string why) => throw new NotSupportedException();

        public bool TryAsk(string socket, ReadOnlyMemory<byte> request, out ReadOnlyMemory<byte> answer, out string why) =>
            throw new NotSupportedException();

        public bool Print(ReadOnlySpan<byte> text) => Inner.Print(text);

        public void Log(string line) => Inner.Log(line);
    }
}
