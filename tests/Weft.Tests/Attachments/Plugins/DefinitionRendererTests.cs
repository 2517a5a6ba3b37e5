using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Attachments;
using Weft.Attachments.Plugins;

namespace Weft.Tests.Attachments.Plugins;

/// <summary>Every definition of the golden files, by the rules of the standard and of the plugin it is for.</summary>
public sealed partial class DefinitionRendererTests
{
    private static readonly string[] Capabilities =
    [
        "portMappings",
        "bandwidth",
        "ips",
        "mac",
        "infinibandGUID",
        "deviceID",
        "CNIDeviceInfoFile",
    ];

    public static TheoryData<string, string> Definitions()
    {
        var data = new TheoryData<string, string>();
        foreach (
            var file in Directory
                .GetFiles(Path.Combine(Repository.Root, "tests", "Weft.Tests", "Attachments", "Golden"), "*.yaml")
                .Order(StringComparer.Ordinal)
        )
        {
            foreach (
                var definition in Examples
                    .Read(File.ReadAllText(file))
                    .OfType<JsonObject>()
                    .Where(d => d["kind"]?.ToString() == "NetworkAttachmentDefinition")
            )
                data.Add(
                    $"{Path.GetFileNameWithoutExtension(file)} {definition["metadata"]!["name"]}",
                    definition.ToJsonString()
                );
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Definitions))]
    public void Follows_TheStandard(string title, string text)
    {
        var definition = JsonNode.Parse(text)!;
        Assert.Equal("k8s.cni.cncf.io/v1", definition["apiVersion"]!.ToString());
        var name = definition["metadata"]!["name"]!.ToString();
        Assert.True(DnsLabel.IsValid(name), title);
        Assert.Equal(["config"], definition["spec"]!.AsObject().Select(m => m.Key));
        var config = JsonNode.Parse(definition["spec"]!["config"]!.ToString())!.AsObject();
        Assert.Equal(("1.0.0", name), (config["cniVersion"]!.ToString(), config["name"]!.ToString()));
        Assert.True(
            config.ContainsKey("type") != config.ContainsKey("plugins"),
            $"{title}: one plugin, or a list of them"
        );
        foreach (var plugin in PluginsOf(config))
        {
            Assert.NotEmpty(plugin["type"]!.ToString());
            var capabilities = plugin["capabilities"]?.AsObject() ?? [];
            Assert.All(
                capabilities,
                capability =>
                    Assert.True(
                        Capabilities.Contains(capability.Key) && capability.Value!.GetValue<bool>(),
                        $"{title}: {capability.Key}"
                    )
            );
            // Addresses that a pod asks for go to an IPAM that reads them, and to no other.
            Assert.Equal(
                plugin["ipam"]?["type"]?.ToString() is "weft-ipam" or "static",
                capabilities.ContainsKey("ips")
            );
        }

        var resource = definition["metadata"]!["annotations"]!["k8s.v1.cni.cncf.io/resourceName"]?.ToString();
        Assert.Equal(
            PluginsOf(config).Any(p => PluginRegistry.BinaryOf(p["type"]!.ToString()).NeedsDevice),
            resource is not null
        );
        if (resource is not null)
            Assert.Matches(ResourceName(), resource);
    }

    /// <summary>
    /// What sriov-cni reads (its <c>NetConf</c>) and what it refuses (its <c>LoadConf</c>); what it would pass over
    /// silently is a fault.
    /// </summary>
    [Theory]
    [MemberData(nameof(Definitions))]
    public void Follows_TheRulesOfSriovCni(string title, string text)
    {
        var config = JsonNode.Parse(JsonNode.Parse(text)!["spec"]!["config"]!.ToString())!.AsObject();
        foreach (var plugin in PluginsOf(config).Where(p => p["type"]!.ToString() == "sriov"))
        {
            string[] read =
            [
                "cniVersion",
                "name",
                "type",
                "capabilities",
                "ipam",
                "dns",
                "vlan",
                "vlanQoS",
                "vlanProto",
                "mac",
                "spoofchk",
                "trust",
                "link_state",
                "min_tx_rate",
                "max_tx_rate",
                "logLevel",
                "logFile",
            ];
            Assert.All(
                plugin,
                member => Assert.True(read.Contains(member.Key), $"{title}: sriov-cni reads no {member.Key}")
            );
            Assert.All(
                new[] { "spoofchk", "trust" },
                member => Assert.True(plugin[member]!.ToString() is "on" or "off", $"{title}: {member}")
            );
            var isTrunk =
                title.Contains("trunk", StringComparison.Ordinal) && title.EndsWith(" ran", StringComparison.Ordinal);
            Assert.Equal(!isTrunk, plugin.ContainsKey("vlan"));
            if (plugin["vlan"] is { } vlan)
                Assert.InRange(vlan.GetValue<int>(), 1, 4094);
            // Without a VLAN even a priority of 0 is refused.
            else
                Assert.False(plugin.ContainsKey("vlanQoS") || plugin.ContainsKey("vlanProto"));
        }
    }

    [Theory]
    [MemberData(nameof(Definitions))]
    public void Follows_TheRulesOfTheOtherPlugins(string title, string text)
    {
        var config = JsonNode.Parse(JsonNode.Parse(text)!["spec"]!["config"]!.ToString())!.AsObject();
        foreach (var plugin in PluginsOf(config))
        {
            string[]? read = plugin["type"]!.ToString() switch
            {
                "macvlan" => ["master", "mode", "mtu", "mac", "linkInContainer", "bcqueuelen"],
                "ipvlan" => ["master", "mode", "mtu", "linkInContainer"],
                "host-device" => ["device", "hwaddr", "kernelpath", "pciBusID"],
                "tuning" => ["sysctl", "mac", "promisc", "mtu", "allmulti", "txQLen", "dataDir"],
                "weft-trunk" => ["master", "mode", "vlans", "socket"],
                _ => null,
            };
            if (read is null)
                continue;
            Assert.All(
                plugin,
                member =>
                    Assert.True(
                        read.Contains(member.Key)
                            || member.Key is "cniVersion" or "name" or "type" or "capabilities" or "ipam",
                        $"{title}: {plugin["type"]} reads no {member.Key}"
                    )
            );
            if (plugin["type"]!.ToString() is "macvlan" or "ipvlan" or "weft-trunk")
                Assert.NotEmpty(plugin["master"]!.ToString());
            // It makes no interface without an address, so there must be somebody who gives one.
            if (plugin["type"]!.ToString() == "ipvlan")
                Assert.NotNull(plugin["ipam"]);
        }
    }

    internal static IEnumerable<JsonObject> PluginsOf(JsonObject config) =>
        config["plugins"] is JsonArray list ? list.Select(p => p!.AsObject()) : [config];

    [GeneratedRegex("^weft\\.dev/[a-z0-9]([a-z0-9_]{0,61}[a-z0-9])?$")]
    private static partial Regex ResourceName();
}
