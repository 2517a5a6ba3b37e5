using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Tests.Attachments.Formats;

namespace Weft.Tests.Attachments.Nodes;

/// <summary>
/// The agent runs as root, and what it is told goes into paths, files and netlink: it takes nothing that the API
/// wouldn't have taken.
/// </summary>
public sealed class NodeConfigurationReaderTests
{
    [Theory]
    [InlineData("virtual-devices", "devices", "pciAddress", "../../../../../tmp/pwn")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:00:06.0/../../x")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:00:06.0\n")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:00:26.0")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:00:06.8")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:0G:06.0")]
    [InlineData("virtual-devices", "devices", "pciAddress", "0000:3B:06.0")]
    [InlineData("virtual-devices", "devices", "pciAddress", "")]
    [InlineData("virtual-devices", "devices", "macAddress", "52:54:00:00:00:0")]
    [InlineData("virtual-devices", "devices", "macAddress", "52:54:00:00:00:04\nName=eth9")]
    [InlineData("virtual-devices", "devices", "network", "a\nb")]
    [InlineData("virtual-devices", "devices", "name", "../eth4")]
    [InlineData("virtual-devices", "devices", "driver", "1")]
    [InlineData("virtual-devices", "devices", "driver", "7")]
    [InlineData("virtual-devices", "devices", "driver", "vfio-pci; reboot")]
    [InlineData("bond-functions", "physicalFunctions", "pciAddress", "/etc")]
    [InlineData("bond-functions", "physicalFunctions", "macAddress", "x")]
    [InlineData("card-trunk-node", "links", "why", "n6\n[Match]")]
    [InlineData("card-trunk-node", "links", "parent", "a/b")]
    [InlineData("card-trunk-node", "links", "name", "a b")]
    public void Refuses_WhatTheApiWouldNotTake(string name, string list, string member, string value)
    {
        var body = NodeCases.All[name].ToJson();
        body[list]![0]![member] = value;
        var refusal = Read(body).Refusal;
        Assert.NotNull(refusal);
        var finding = Assert.Single(refusal.Findings);
        Assert.Equal($"configuration.{list}[0].{member}", finding.Target);
    }

    /// <summary>A member of another type isn't an absent one: a tag that is a text would be none.</summary>
    [Theory]
    [InlineData("card-trunk-node", "links", "vlan", "\"4000\"")]
    [InlineData("card-trunk-node", "links", "vlan", "0")]
    [InlineData("card-trunk-node", "links", "vlan", "4.5")]
    [InlineData("card-trunk-node", "links", "vlan", "99999999999")]
    [InlineData("card-trunk-node", "links", "vlan", "[7]")]
    [InlineData("card-trunk-node", "links", "parent", "7")]
    [InlineData("card-trunk-node", "links", "why", "{}")]
    [InlineData("card-trunk-node", "links", "mtu", "\"1500\"")]
    [InlineData("card-trunk-node", "links", "addresses", "\"10.0.0.1/24\"")]
    [InlineData("card-trunk-node", "links", "addresses", "null")]
    [InlineData("card-trunk-node", "links", "name", "\"all\"")]
    [InlineData("card-trunk-node", "links", "name", "\"default\"")]
    [InlineData("card-trunk-node", "links", "name", "\"lo\"")]
    [InlineData("virtual-devices", "devices", "macAddress", "7")]
    [InlineData("virtual-devices", "devices", "pciAddress", "[]")]
    [InlineData("virtual-devices", "devices", "network", "true")]
    public void Refuses_AMemberOfAnotherType(string name, string list, string member, string json)
    {
        var body = NodeCases.All[name].ToJson();
        body[list]![0]![member] = JsonNode.Parse(json);
        var finding = Assert.Single(Read(body).Refusal!.Findings);
        Assert.Equal($"configuration.{list}[0].{member}", finding.Target);
    }

    [Theory]
    [InlineData("addresses", "[7]", "addresses[0]")]
    [InlineData("addresses", """["10.0.0.1"]""", "addresses[0]")]
    [InlineData("routes", """[{"to":"10.0.0.0/8","via":"10.1.0.1","metric":"5"}]""", "routes[0].metric")]
    [InlineData("routes", """[{"to":"10.0.0.0/8","via":"10.1.0.1","metric":-1}]""", "routes[0].metric")]
    [InlineData("routes", """[{"to":"10.0.0.0/8","via":"10.1.0.1","metric":4294967296}]""", "routes[0].metric")]
    [InlineData("port", """{"name":"eno1","mtu":1500,"trunk":"true"}""", "port.trunk")]
    [InlineData("port", """{"name":"eno1","mtu":1500,"trunk":false,"macAddress":7}""", "port.macAddress")]
    public void Refuses_WhatStandsInAMember(string member, string json, string at)
    {
        var body = NodeCases.All["card-trunk-node"].ToJson();
        body["links"]![0]![member] = JsonNode.Parse(json);
        Assert.Equal($"configuration.links[0].{at}", Assert.Single(Read(body).Refusal!.Findings).Target);
    }

    [Theory]
    [InlineData("trust", "\"yes\"")]
    [InlineData("spoofCheck", "0")]
    [InlineData("vlan", "\"7\"")]
    public void Refuses_AFunctionsMemberOfAnotherType(string member, string json)
    {
        var body = NodeCases.All["bond-functions"].ToJson();
        body["physicalFunctions"]![0]!["functions"]![0]![member] = JsonNode.Parse(json);
        Assert.Equal(
            $"configuration.physicalFunctions[0].functions[0].{member}",
            Assert.Single(Read(body).Refusal!.Findings).Target
        );
    }

    [Fact]
    public void Names_EverythingThatIsWrong()
    {
        var body = NodeCases.All["virtual-devices"].ToJson();
        body["devices"]![0]!["pciAddress"] = "x";
        body["devices"]![1]!["macAddress"] = "y";
        body["links"]![0]!["port"]!["macAddress"] = "z";
        Assert.Equal(
            [
                "configuration.links[0].port.macAddress",
                "configuration.devices[0].pciAddress",
                "configuration.devices[1].macAddress",
            ],
            Read(body).Refusal!.Findings.Select(finding => finding.Target)
        );
    }

    private static Outcome<NodeConfiguration> Read(JsonObject body)
    {
        using var wire = JsonDocument.Parse(body.ToJsonString());
        return NodeConfiguration.Read(wire.RootElement, "w1");
    }
}
