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
