using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>The kinds that <c>weft</c> knows by name, what is depended upon first.</summary>
internal static class KindTable
{
    /// <summary>The version of Weft's own types and questions.</summary>
    public const string WeftApiVersion = "2026-11-01";

    private const string ComputeApiVersion = "2026-10-01";
    private const string FabricApiVersion = "2025-07-15";
    private const string ResourcesApiVersion = "2021-04-01";
    private const string RelayApiVersion = "2026-01-01";

    private static readonly Column Name = new("NAME", row => row.Text("name"));
    private static readonly Column Status = new("STATUS", row => row.Status);
    private static readonly Column Age = new("AGE", row => row.Age);
    private static readonly Column Location = new("LOCATION", row => row.Text("location"), IsWide: true);
    private static readonly Column Message = new(
        "MESSAGE",
        row => row.Text("properties.detailedStatusMessage"),
        IsWide: true
    );
    private static readonly Column Site = new("SITE", row => row.NameOf("extendedLocation.name"), IsWide: true);
    private static readonly Column Rules = new("RULES", row => row.Count("properties.ipRules"));
    private static readonly Column UsedBy = new("USED-BY", row => row.NameOf("properties.associatedResourceIds"));

    /// <summary>Resource groups.</summary>
    public static readonly Kind Groups = new(
        "resourcegroups",
        "resourcegroup",
        ResourceId.ResourceGroupType,
        ResourcesApiVersion
    )
    {
        ShortNames = ["groups", "group", "rg"],
        Columns = [Name, new("LOCATION", row => row.Text("location")), Status],
    };

    /// <summary>L2 isolation domains.</summary>
    public static readonly Kind L2Domains = FabricKind(
        "l2isolationdomains",
        "l2IsolationDomains",
        ["l2isd"],
        [
            Name,
            PropertyColumn("VLAN", "vlanId"),
            PropertyColumn("MTU", "mtu"),
            PropertyColumn("STATE", "administrativeState"),
            Status,
            ReferenceColumn("FABRIC", "networkFabricId"),
            Age,
            Location,
        ]
    );

    /// <summary>L3 isolation domains.</summary>
    public static readonly Kind L3Domains = FabricKind(
        "l3isolationdomains",
        "l3IsolationDomains",
        ["l3isd"],
        [
            Name,
            PropertyColumn("STATE", "administrativeState"),
            Status,
            ReferenceColumn("FABRIC", "networkFabricId"),
            Age,
            Location,
        ]
    );

    /// <summary>L3 networks.</summary>
    public static readonly Kind L3Networks = ComputeKind(
        "l3networks",
        "l3Networks",
        ["l3n"],
        [
            Name,
            PropertyColumn("VLAN", "vlan"),
            PropertyColumn("IPV4", "ipv4ConnectedPrefix"),
            PropertyColumn("IPV6", "ipv6ConnectedPrefix"),
            Status,
            UsedBy,
            Age,
            new("DOMAIN", row => row.NameOf("properties.l3IsolationDomainId"), IsWide: true),
            Site,
            Message,
        ]
    );

    /// <summary>Kubernetes clusters.</summary>
    public static readonly Kind KubernetesClusters = ComputeKind(
        "kubernetesclusters",
        "kubernetesClusters",
        ["k8s", "kc"],
        [
            Name,
            PropertyColumn("VERSION", "kubernetesVersion"),
            new("CNI-NETWORK", row => row.NameOf("properties.networkConfiguration.cniNetworkId")),
            new("NETWORKS", row => row.NameOf("properties.attachedNetworkIds")),
            new("NODES", row => row.Count("properties.nodes")),
            Status,
            Age,
            Site,
            Message,
        ]
    );

    /// <summary>Virtual machines.</summary>
    public static readonly Kind VirtualMachines = ComputeKind(
        "virtualmachines",
        "virtualMachines",
        ["vm", "vms"],
        [
            Name,
            PropertyColumn("CPU", "cpuCores"),
            PropertyColumn("GIB", "memorySizeGB"),
            new(
                "NETWORKS",
                row =>
                    string.Join(
                        ",",
                        row.Objects("properties.networkAttachments").Select(a => LastName(a["attachedNetworkId"]))
                    )
            ),
            new("ADDRESSES", Addresses),
            Status,
            Age,
            PropertyColumn("IMAGE", "vmImage", wide: true),
            Site,
            Message,
        ]
    );

    /// <summary>Relay namespaces.</summary>
    public static readonly Kind RelayNamespaces = RelayKind(
        "relaynamespaces",
        "namespaces",
        ["rns"],
        null,
        "",
        [
            Name,
            new("LOCATION", row => row.Text("location")),
            PropertyColumn("ACCESS", "publicNetworkAccess"),
            Status,
            Age,
        ]
    );

    /// <summary>Hybrid connections that people made.</summary>
    public static readonly Kind HybridConnections = RelayKind(
        "hybridconnections",
        "namespaces/hybridConnections",
        ["hc"],
        RelayNamespaces,
        "namespace",
        [
            Name,
            ParentColumn("NAMESPACE"),
            PropertyColumn("AUTHORIZED", "requiresClientAuthorization"),
            PropertyColumn("LISTENERS", "listenerCount"),
            Age,
        ]
    );

    /// <summary>Nexus Clusters: racks tied to a fabric.</summary>
    public static readonly Kind NexusClusters = ComputeKind(
        "clusters",
        "clusters",
        ["cl"],
        [
            Name,
            PropertyColumn("VERSION", "clusterVersion"),
            ReferenceColumn("FABRIC", "networkFabricId"),
            Status,
            Age,
            Location,
            Message,
        ]
    );

    /// <summary>All kinds, in the order in which they depend on each other.</summary>
    public static readonly ImmutableArray<Kind> All =
    [
        Groups,
        FabricKind("networkfabrics", "networkFabrics", ["nf", "fabrics", "fabric"], [Name, Status, Age, Location]),
        NexusClusters,
        L2Domains,
        L3Domains,
        FabricKind(
            "internalnetworks",
            "l3IsolationDomains/internalNetworks",
            ["in"],
            [
                Name,
                ParentColumn("DOMAIN"),
                PropertyColumn("VLAN", "vlanId"),
                PropertyColumn("MTU", "mtu"),
                PrefixColumn("IPV4", "connectedIPv4Subnets"),
                PrefixColumn("IPV6", "connectedIPv6Subnets"),
                Status,
                Age,
            ]
        ) with
        {
            Parent = L3Domains,
            ParentOption = "domain",
        },
        ComputeKind(
            "l2networks",
            "l2Networks",
            ["l2n"],
            [Name, ReferenceColumn("DOMAIN", "l2IsolationDomainId"), Status, UsedBy, Age, Site, Message]
        ),
        L3Networks,
        ComputeKind(
            "trunkednetworks",
            "trunkedNetworks",
            ["tn", "trunk", "trunks"],
            [
                Name,
                PropertyColumn("VLANS", "vlans"),
                new("DOMAINS", row => row.NameOf("properties.isolationDomainIds")),
                Status,
                UsedBy,
                Age,
                Site,
                Message,
            ]
        ),
        ComputeKind(
            "cloudservicesnetworks",
            "cloudServicesNetworks",
            ["csn"],
            [Name, Status, UsedBy, Age, Site, Message]
        ),
        KubernetesClusters,
        ComputeKind(
            "agentpools",
            "kubernetesClusters/agentPools",
            ["ap", "pool", "pools"],
            [
                Name,
                ParentColumn("CLUSTER"),
                PropertyColumn("MODE", "mode"),
                PropertyColumn("COUNT", "count"),
                PropertyColumn("SKU", "vmSkuName"),
                Status,
                Age,
                Message,
            ]
        ) with
        {
            Parent = KubernetesClusters,
            ParentOption = "cluster",
        },
        VirtualMachines,
        WeftKind(
            "nodes",
            "Weft.Fleet/nodes",
            ["no"],
            KubernetesClusters,
            "cluster",
            [
                Name,
                ParentColumn("CLUSTER"),
                PropertyColumn("POOL", "agentPool"),
                PropertyColumn("TYPE", "machineType"),
                new("UPLINKS", row => row.Count("properties.uplinks")),
                Status,
                Age,
                PropertyColumn("KERNEL", "inventory.kernel", wide: true),
                new("INVENTORY", row => row.AgeSince("properties.inventory.reportedAt"), IsWide: true),
                Message,
            ]
        ),
        WeftKind(
            "agents",
            "Weft.Fleet/agents",
            ["ag"],
            KubernetesClusters,
            "cluster",
            [
                Name,
                ParentColumn("CLUSTER"),
                PropertyColumn("NODE", "node"),
                PropertyColumn("VERSION", "version"),
                PropertyColumn("STATE", "status.state"),
                PropertyColumn("REVISION", "status.revision"),
                new("REPORTED", row => row.AgeSince("properties.status.at")),
                PropertyColumn("MESSAGE", "status.message", wide: true),
            ]
        ),
        WeftKind(
            "leases",
            "Weft.Ipam/leases",
            ["le"],
            L3Networks,
            "network",
            [
                new("ADDRESS", row => row.Text("properties.address")),
                ParentColumn("NETWORK"),
                PropertyColumn("METHOD", "method"),
                PropertyColumn("HOLDER", "holder"),
                ReferenceColumn("CLUSTER", "cluster"),
                ReferenceColumn("NODE", "node"),
                new("SINCE", row => row.AgeSince("properties.since")),
            ]
        ),
        RelayNamespaces,
        RelayKind(
            "namespacerulesets",
            "namespaces/networkRuleSets",
            [],
            RelayNamespaces,
            "namespace",
            [Name, ParentColumn("NAMESPACE"), PropertyColumn("DEFAULT", "defaultAction"), Rules, Age]
        ),
        HybridConnections,
        RelayKind(
            "namespacekeys",
            "namespaces/authorizationRules",
            [],
            RelayNamespaces,
            "namespace",
            [Name, ParentColumn("NAMESPACE"), PropertyColumn("RIGHTS", "rights"), Age]
        ),
        RelayKind(
            "connectionkeys",
            "namespaces/hybridConnections/authorizationRules",
            [],
            HybridConnections,
            "connection",
            [Name, ParentColumn("CONNECTION"), PropertyColumn("RIGHTS", "rights"), Age]
        ),
        new("networkrulesets", "networkruleset", ResourceType.Parse("Weft.Relay/networkRuleSets"), WeftApiVersion)
        {
            ShortNames = ["nrs"],
            IsExtension = true,
            Columns =
            [
                new("OF", row => row.Id?.Parent is { } place ? TargetNames.Format(place) : ""),
                PropertyColumn("DEFAULT", "defaultAction"),
                Rules,
                Age,
            ],
        },
    ];

    private static readonly Dictionary<string, Kind> ByName = All.SelectMany(kind =>
            kind.Names.Select(name => (name, kind))
        )
        .ToDictionary(pair => pair.name, pair => pair.kind, StringComparer.OrdinalIgnoreCase);

    private static readonly Dictionary<ResourceType, Kind> ByType = All.ToDictionary(kind => kind.Type);

    /// <summary>The kind that somebody means.</summary>
    /// <param name="text">A name of a kind, or a type as ARM spells it.</param>
    /// <returns>The kind, or null.</returns>
    public static Kind? Find(string text)
    {
        if (ByName.TryGetValue(text, out var kind))
            return kind;
        return text.Contains('/', StringComparison.Ordinal) && text[0] != '/'
            ? FindByType(ResourceType.Parse(text))
            : null;
    }

    /// <summary>The kind of a type.</summary>
    /// <returns>The kind, or null.</returns>
    public static Kind? FindByType(ResourceType type) => ByType.GetValueOrDefault(type);

    /// <summary>The kind that somebody means on the command line.</summary>
    /// <exception cref="CliError">There is none; the near ones are named.</exception>
    public static Kind Require(string text) =>
        Find(text) ?? throw CliError.Usage($"there is no kind '{text}'", KindSuggestions.HintFor(text));

    /// <summary>Where a kind stands in the order of dependence; unknown ones last.</summary>
    public static int Rank(ResourceType type) => FindByType(type) is { } kind ? All.IndexOf(kind) : All.Length;

    private static Kind FabricKind(
        string plural,
        string path,
        ImmutableArray<string> names,
        ImmutableArray<Column> columns
    ) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.ManagedNetworkFabric", path), FabricApiVersion)
        {
            ShortNames = names,
            Columns = columns,
        };

    private static Kind ComputeKind(
        string plural,
        string path,
        ImmutableArray<string> names,
        ImmutableArray<Column> columns
    ) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.NetworkCloud", path), ComputeApiVersion)
        {
            ShortNames = names,
            Columns = columns,
        };

    private static Kind RelayKind(
        string plural,
        string path,
        ImmutableArray<string> names,
        Kind? parent,
        string option,
        ImmutableArray<Column> columns
    ) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.Relay", path), RelayApiVersion)
        {
            ShortNames = names,
            Parent = parent,
            ParentOption = parent is null ? null : option,
            Columns = columns,
        };

    private static Kind WeftKind(
        string plural,
        string type,
        ImmutableArray<string> names,
        Kind parent,
        string option,
        ImmutableArray<Column> columns
    ) =>
        new(plural, plural[..^1], ResourceType.Parse(type), WeftApiVersion)
        {
            ShortNames = names,
            Parent = parent,
            ParentOption = option,
            Columns = columns,
        };

    private static Column PropertyColumn(string head, string member, bool wide = false) =>
        new(head, row => row.Text("properties." + member), wide);

    private static Column ReferenceColumn(string head, string member) =>
        new(head, row => row.NameOf("properties." + member));

    private static Column ParentColumn(string head) => new(head, row => row.Id?.Parent?.Name ?? "");

    private static Column PrefixColumn(string head, string member) =>
        new(
            head,
            row => string.Join(",", row.Objects("properties." + member).Select(subnet => subnet["prefix"]?.ToString()))
        );

    private static string LastName(JsonNode? node) =>
        ResourceId.TryParse(node?.ToString(), out var id) ? id.Name : node?.ToString() ?? "";

    private static string Addresses(ResourceRow row) =>
        string.Join(
            ",",
            row.Objects("properties.networkAttachments")
                .SelectMany(attachment => new[] { attachment["ipv4Address"], attachment["ipv6Address"] })
                .Select(address => address?.ToString())
                .Where(address => !string.IsNullOrEmpty(address))
        );
}
