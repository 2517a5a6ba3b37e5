using System.Text;
using Weft.Cni;
using Weft.Contracts;

namespace Weft.Tests.Cni;

public sealed class PluginOutputTests
{
    private static readonly LeasedAddress V4 = new("10.20.6.17/24", "10.20.6.1");
    private static readonly LeasedAddress V6 = new("fd20:6::11/64", "fd20:6::1");
    private static readonly LeaseRoute Network4 = new("10.30.0.0/16", "10.20.6.2");
    private static readonly LeaseRoute Default4 = new("0.0.0.0/0", null);
    private static readonly LeaseRoute Default6 = new("::/0", "fd20:6::1");

    private const string Ip4 = """
        "ip4":{"ip":"10.20.6.17/24","gateway":"10.20.6.1","routes":[{"dst":"10.30.0.0/16","gw":"10.20.6.2"},{"dst":"0.0.0.0/0"}]}
        """;

    private const string Ip6 = """
        "ip6":{"ip":"fd20:6::11/64","gateway":"fd20:6::1","routes":[{"dst":"::/0","gw":"fd20:6::1"}]}
        """;

    private const string PerFamily = $$"""{{Ip4}},{{Ip6}},"dns":{}""";

    private const string Routes = """
        "routes":[{"dst":"10.30.0.0/16","gw":"10.20.6.2"},{"dst":"0.0.0.0/0"},{"dst":"::/0","gw":"fd20:6::1"}],"dns":{}
        """;

    private const string WithVersion =
        """
            "ips":[{"version":"4","address":"10.20.6.17/24","gateway":"10.20.6.1"}
            """
        + """,{"version":"6","address":"fd20:6::11/64","gateway":"fd20:6::1"}],"""
        + Routes;

    private const string WithoutVersion =
        """
            "ips":[{"address":"10.20.6.17/24","gateway":"10.20.6.1"},{"address":"fd20:6::11/64","gateway":"fd20:6::1"}],
            """ + Routes;

    [Theory]
    [InlineData("0.1.0", PerFamily)]
    [InlineData("0.2.0", PerFamily)]
    [InlineData("0.3.0", WithVersion)]
    [InlineData("0.3.1", WithVersion)]
    [InlineData("0.4.0", WithVersion)]
    [InlineData("1.0.0", WithoutVersion)]
    [InlineData("1.1.0", WithoutVersion)]
    public void Prints_Result_InFormOfVersion(string version, string members)
    {
        var lease = new PodLease([V4, V6], [Network4]);

        var line = PluginOutput.WriteResult(CniVersion.Find(version)!, lease, [Default4, Default6]);

        Assert.Equal($"{{\"cniVersion\":\"{version}\",{members}}}\n", Text(line));
    }

    [Theory]
    [InlineData("0.2.0", """{"cniVersion":"0.2.0","ip6":{"ip":"fd20:6::11/64"},"dns":{}}""")]
    [InlineData("0.4.0", """{"cniVersion":"0.4.0","ips":[{"version":"6","address":"fd20:6::11/64"}],"dns":{}}""")]
    [InlineData("1.1.0", """{"cniVersion":"1.1.0","ips":[{"address":"fd20:6::11/64"}],"dns":{}}""")]
    public void Omits_WhatIsNotThere(string version, string expected)
    {
        var lease = new PodLease([V6 with { Gateway = null }], []);

        Assert.Equal(expected + "\n", Text(PluginOutput.WriteResult(CniVersion.Find(version)!, lease, [])));
    }

    [Fact]
    public void Prints_Error_WithAllMembers()
    {
        var error = new CniError(ErrorCode.Refused, "no such network 'n6'", "ReferenceNotFound");

        Assert.Equal(
            """{"cniVersion":"0.4.0","code":110,"msg":"no such network 'n6'","details":"ReferenceNotFound"}""" + "\n",
            Text(PluginOutput.WriteError("0.4.0", error))
        );
    }

    [Fact]
    public void Prints_Versions_OldestFirst() =>
        Assert.Equal(
            """{"cniVersion":"0.4.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"""
                + "\n",
            Text(PluginOutput.WriteVersions("0.4.0", CniVersion.Supported))
        );

    private static string Text(ReadOnlyMemory<byte> line) => Encoding.UTF8.GetString(line.Span);
}
