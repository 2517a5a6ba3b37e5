using System.Text.Json.Nodes;

namespace Weft.Testing;

/// <summary>A resource as a caller writes it.</summary>
internal sealed record Document(string Id, JsonObject Body)
{
    public string Name => Id[(Id.LastIndexOf('/') + 1)..];

    /// <summary>The same document, changed.</summary>
    public Document With(Action<JsonObject> change)
    {
        var body = Body.DeepClone().AsObject();
        change(body);
        return this with { Body = body };
    }

    /// <summary>The same document with another member of <c>properties</c>.</summary>
    public Document With(string member, JsonNode? value) => With(body => body["properties"]![member] = value);
}

/// <summary>The documents of a small site: two Kubernetes clusters that share a fabric.</summary>
internal static class Documents
{
    public const string Subscription = "/subscriptions/11111111-2222-3333-4444-555555555555";
    public const string Group = $"{Subscription}/resourceGroups/rg1";
    public const string Cloud = $"{Group}/providers/Microsoft.NetworkCloud";
    public const string Fabric = $"{Group}/providers/Microsoft.ManagedNetworkFabric";
    public const string East = $"{Cloud}/kubernetesClusters/east";
    public const string West = $"{Cloud}/kubernetesClusters/west";
    public const string Vrf = $"{Fabric}/l3IsolationDomains/vrf1";
    public const string FleetVersion = "2026-11-01";

    /// <summary>
    /// Everything, in the order in which it can be made; a document of <c>administrativeState</c> alone enables a
    /// domain.
    /// </summary>
    public static IEnumerable<Document> Site =>
        [
            ResourceGroup,
            NetworkFabric,
            Domain("vrf1"),
            Layer2Domain("l2isd1", 750),
            Internal("vrf1", "oam-subnets", 600, "10.20.0.0/24", "fd20:0:0:600::/64"),
            Internal("vrf1", "n6-subnets", 606, "10.20.6.0/24", "fd20:0:0:606::/64"),
            Internal("vrf1", "big-subnets", 607, "10.30.0.0/20", "fd20:0:0:607::/64"),
            Internal("vrf1", "tiny-subnets", 608, "10.40.0.0/29", "fd20:0:0:608::/64"),
            Enable("l3IsolationDomains/vrf1"),
            Enable("l2IsolationDomains/l2isd1"),
            NexusCluster,
            Layer3("oam", 600),
            Layer3("n6", 606),
            Layer3("big", 607),
            Layer3("tiny", 608),
            new(
                $"{Cloud}/l2Networks/ha",
                Tracked(
                    true,
                    new JsonObject
                    {
                        ["l2IsolationDomainId"] = $"{Fabric}/l2IsolationDomains/l2isd1",
                        ["interfaceName"] = "ha",
                    }
                )
            ),
            Trunk("ran", 606, 750),
            CloudServices,
            Kubernetes("east", ["n6", "big", "tiny"], ["ha"]),
            Kubernetes("west", ["n6"]),
        ];

    public static Document ResourceGroup => new(Group, new JsonObject { ["location"] = "eastus" });

    public static Document NetworkFabric =>
        new(
            $"{Fabric}/networkFabrics/fabric1",
            Tracked(false, new JsonObject { ["networkFabricSku"] = "sku", ["fabricASN"] = 64512 })
        );

    /// <summary>The cluster that ties the racks to the fabric.</summary>
    public static Document NexusCluster =>
        new(
            $"{Cloud}/clusters/cl1",
            Tracked(
                true,
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
        );

    public static Document CloudServices => new($"{Cloud}/cloudServicesNetworks/csn1", Tracked(true, []));

    public static Document Domain(string name) =>
        new(
            $"{Fabric}/l3IsolationDomains/{name}",
            Tracked(false, new JsonObject { ["networkFabricId"] = $"{Fabric}/networkFabrics/fabric1" })
        );

    public static Document Layer2Domain(string name, long vlan) =>
        new(
            $"{Fabric}/l2IsolationDomains/{name}",
            Tracked(
                false,
                new JsonObject { ["networkFabricId"] = $"{Fabric}/networkFabrics/fabric1", ["vlanId"] = vlan }
            )
        );

    public static Document Internal(string domain, string name, int vlan, string ipv4, string ipv6) =>
        new(
            $"{Fabric}/l3IsolationDomains/{domain}/internalNetworks/{name}",
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["vlanId"] = vlan,
                    ["mtu"] = 1500,
                    ["connectedIPv4Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv4 }),
                    ["connectedIPv6Subnets"] = new JsonArray(new JsonObject { ["prefix"] = ipv6 }),
                },
            }
        );

    public static Document Layer3(string name, int vlan, string domain = "vrf1") =>
        new(
            $"{Cloud}/l3Networks/{name}",
            Tracked(
                true,
                new JsonObject
                {
                    ["l3IsolationDomainId"] = $"{Fabric}/l3IsolationDomains/{domain}",
                    ["vlan"] = vlan,
                    ["interfaceName"] = name,
                }
            )
        );

    public static Document Trunk(string name, params int[] vlans) =>
        new(
            $"{Cloud}/trunkedNetworks/{name}",
            Tracked(
                true,
                new JsonObject
                {
                    ["isolationDomainIds"] = new JsonArray(Vrf, $"{Fabric}/l2IsolationDomains/l2isd1"),
                    ["vlans"] = new JsonArray([.. vlans.Select(v => JsonValue.Create(v))]),
                    ["interfaceName"] = name,
                }
            )
        );

    public static Document Kubernetes(
        string name,
        string[] layer3,
        string[]? layer2 = null,
        string plugin = "MACVLAN"
    ) =>
        new(
            $"{Cloud}/kubernetesClusters/{name}",
            Tracked(
                true,
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
                            ["l3Networks"] = new JsonArray([
                                .. layer3.Select(n =>
                                    (JsonNode)
                                        new JsonObject
                                        {
                                            ["networkId"] = $"{Cloud}/l3Networks/{n}",
                                            ["pluginType"] = "MACVLAN",
                                            ["ipamEnabled"] = "True",
                                        }
                                ),
                            ]),
                            ["l2Networks"] = new JsonArray([
                                .. (layer2 ?? []).Select(n =>
                                    (JsonNode)
                                        new JsonObject
                                        {
                                            ["networkId"] = $"{Cloud}/l2Networks/{n}",
                                            ["pluginType"] = plugin,
                                        }
                                ),
                            ]),
                        },
                    },
                }
            )
        );

    public static Document Node(string cluster, string name) =>
        new(
            $"{Cloud}/kubernetesClusters/{cluster}/providers/Weft.Fleet/nodes/{name}",
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["agentPool"] = "workers",
                    ["uplinks"] = new JsonArray(new JsonObject { ["name"] = "bond0" }),
                },
            }
        );

    public static Document Machine(string name, params JsonObject[] attachments) =>
        new(
            $"{Cloud}/virtualMachines/{name}",
            Tracked(
                true,
                new JsonObject
                {
                    ["adminUsername"] = "operator",
                    ["cpuCores"] = 2,
                    ["memorySizeGB"] = 4,
                    ["vmImage"] = "registry.local/img:1",
                    ["storageProfile"] = new JsonObject { ["osDisk"] = new JsonObject { ["diskSizeGB"] = 32 } },
                    ["cloudServicesNetworkAttachment"] = new JsonObject
                    {
                        ["attachedNetworkId"] = $"{Cloud}/cloudServicesNetworks/csn1",
                        ["ipAllocationMethod"] = "Dynamic",
                    },
                    ["networkAttachments"] = new JsonArray([.. attachments]),
                }
            )
        );

    public static JsonObject Attached(string network, string? ipv4 = null, string? name = null)
    {
        var body = new JsonObject
        {
            ["attachedNetworkId"] = $"{Cloud}/l3Networks/{network}",
            ["ipAllocationMethod"] = ipv4 is null ? "Dynamic" : "Static",
        };
        if (ipv4 is not null)
            body["ipv4Address"] = ipv4;
        if (name is not null)
            body["networkAttachmentName"] = name;
        return body;
    }

    /// <summary>The api-version that a path is asked with.</summary>
    public static string VersionOf(string path) =>
        path.Contains("Weft.", StringComparison.Ordinal) ? FleetVersion
        : path.Contains("Microsoft.Relay", StringComparison.Ordinal) ? "2024-01-01"
        : path.Contains("Microsoft.NetworkCloud", StringComparison.OrdinalIgnoreCase) ? "2026-10-01"
        : path.Contains("Microsoft.ManagedNetworkFabric", StringComparison.OrdinalIgnoreCase) ? "2025-07-15"
        : "2021-04-01";

    public static Document Enable(string domain) => new($"{Fabric}/{domain}", new JsonObject { ["state"] = "Enable" });

    private static JsonObject Tracked(bool hosted, JsonObject properties, string location = "cl1")
    {
        var body = new JsonObject { ["location"] = "eastus", ["properties"] = properties };
        if (hosted)
            body["extendedLocation"] = new JsonObject
            {
                ["name"] = $"{Group}/providers/Microsoft.ExtendedLocation/customLocations/{location}",
                ["type"] = "CustomLocation",
            };
        return body;
    }
}
