using System.Text.Json.Nodes;

namespace Weft.EndToEnd.Server;

/// <summary>A site of one L3 network and two clusters that share it.</summary>
internal static class SmallSite
{
    public const string Subscription = "/subscriptions/11111111-2222-3333-4444-555555555555";
    public const string Group = $"{Subscription}/resourceGroups/rg1";
    public const string Cloud = $"{Group}/providers/Microsoft.NetworkCloud";
    public const string Fabric = $"{Group}/providers/Microsoft.ManagedNetworkFabric";
    public const string Network = $"{Cloud}/l3Networks/n6";

    public static readonly string[] Clusters = ["east", "west"];

    /// <summary>The fabric and the cluster, and the networks under everything else.</summary>
    public static IEnumerable<(string Id, JsonObject Body)> BaseResources =>
        [
            (Group, new JsonObject { ["location"] = "eastus" }),
            (
                $"{Fabric}/networkFabrics/fabric1",
                Tracked(new JsonObject { ["networkFabricSku"] = "sku", ["fabricASN"] = 64512 })
            ),
            (
                $"{Fabric}/l3IsolationDomains/vrf1",
                Tracked(new JsonObject { ["networkFabricId"] = $"{Fabric}/networkFabrics/fabric1" })
            ),
            Internal("oam-subnets", 600, "10.20.0.0/24", "fd20:0:0:600::/64"),
            Internal("n6-subnets", 606, "10.30.0.0/20", "fd20:0:0:606::/64"),
            ($"{Fabric}/l3IsolationDomains/vrf1", new JsonObject { ["state"] = "Enable" }),
            (
                $"{Cloud}/clusters/cl1",
                Tracked(
                    new JsonObject
                    {
                        ["networkFabricId"] = $"{Fabric}/networkFabrics/fabric1",
                        ["clusterType"] = "SingleRack",
                        ["clusterVersion"] = "4.0",
                        ["aggregatorOrSingleRackDefinition"] = new JsonObject
                        {
                            ["networkRackId"] = "r",
                            ["rackSerialNumber"] = "s",
                            ["rackSkuId"] = "k",
                        },
                    },
                    "manager"
                )
            ),
        ];

    public static IEnumerable<(string Id, JsonObject Body)> All =>
        [
            .. BaseResources,
            Layer3("oam", 600),
            Layer3("n6", 606),
            ($"{Cloud}/cloudServicesNetworks/csn1", Tracked([], "cl1")),
            .. Clusters.Select(Kubernetes),
        ];

    public static (string Id, JsonObject Body) Layer3(string name, int vlan) =>
        (
            $"{Cloud}/l3Networks/{name}",
            Tracked(
                new JsonObject
                {
                    ["l3IsolationDomainId"] = $"{Fabric}/l3IsolationDomains/vrf1",
                    ["vlan"] = vlan,
                    ["interfaceName"] = name,
                },
                "cl1"
            )
        );

    public static string VersionOf(string path) =>
        path.Contains("Weft.", StringComparison.Ordinal) ? "2026-11-01"
        : path.Contains("NetworkCloud", StringComparison.Ordinal) ? "2026-10-01"
        : path.Contains("NetworkFabric", StringComparison.Ordinal) ? "2025-07-15"
        : "2021-04-01";

    private static (string Id, JsonObject Body) Internal(string name, int vlan, string ipv4, string ipv6) =>
        (
            $"{Fabric}/l3IsolationDomains/vrf1/internalNetworks/{name}",
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["vlanId"] = vlan,
                    ["connectedIPv4Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv4 }),
                    ["connectedIPv6Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv6 }),
                },
            }
        );

    private static (string Id, JsonObject Body) Kubernetes(string name) =>
        (
            $"{Cloud}/kubernetesClusters/{name}",
            Tracked(
                new JsonObject
                {
                    ["kubernetesVersion"] = "1.33.1",
                    ["controlPlaneNodeConfiguration"] = new JsonObject { ["count"] = 1, ["vmSkuName"] = "sku" },
                    ["initialAgentPoolConfigurations"] = new JsonArray(
                        new JsonObject
                        {
                            ["name"] = "workers",
                            ["mode"] = "System",
                            ["count"] = 1,
                            ["vmSkuName"] = "sku",
                        }
                    ),
                    ["networkConfiguration"] = new JsonObject
                    {
                        ["cloudServicesNetworkId"] = $"{Cloud}/cloudServicesNetworks/csn1",
                        ["cniNetworkId"] = $"{Cloud}/l3Networks/oam",
                        ["attachedNetworkConfiguration"] = new JsonObject
                        {
                            ["l3Networks"] = new JsonArray(
                                new JsonObject
                                {
                                    ["networkId"] = Network,
                                    ["pluginType"] = "MACVLAN",
                                    ["ipamEnabled"] = "True",
                                }
                            ),
                        },
                    },
                },
                "cl1"
            )
        );

    /// <summary>A machine on the network.</summary>
    public static JsonObject Machine() =>
        Tracked(
            new JsonObject
            {
                ["adminUsername"] = "ops",
                ["cpuCores"] = 2,
                ["memorySizeGB"] = 4,
                ["vmImage"] = "image",
                ["storageProfile"] = new JsonObject { ["osDisk"] = new JsonObject { ["diskSizeGB"] = 8 } },
                ["cloudServicesNetworkAttachment"] = new JsonObject
                {
                    ["attachedNetworkId"] = $"{Cloud}/cloudServicesNetworks/csn1",
                    ["ipAllocationMethod"] = "Dynamic",
                },
                ["networkAttachments"] = new JsonArray(
                    new JsonObject
                    {
                        ["attachedNetworkId"] = Network,
                        ["ipAllocationMethod"] = "Dynamic",
                        ["networkAttachmentName"] = "n6",
                    }
                ),
            },
            "cl1"
        );

    private static JsonObject Tracked(JsonObject properties, string? location = null)
    {
        var body = new JsonObject { ["location"] = "eastus", ["properties"] = properties };
        if (location is not null)
            body["extendedLocation"] = new JsonObject
            {
                ["name"] = $"{Group}/providers/Microsoft.ExtendedLocation/customLocations/{location}",
                ["type"] = "CustomLocation",
            };
        return body;
    }
}
