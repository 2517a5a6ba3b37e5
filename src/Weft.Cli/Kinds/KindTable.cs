using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>The kinds that <c>weft</c> knows by name, what is depended upon first.</summary>
internal static class KindTable
{
    /// <summary>The version of Weft's own types and questions.</summary>
    public const string WeftVersion = "2026-11-01";

    private const string ComputeVersion = "2026-10-01";
    private const string FabricVersion = "2025-07-15";
    private const string ResourcesVersion = "2021-04-01";
    private const string RelayVersion = "2026-01-01";

    private static readonly Column Name = new("NAME", row => row.Text("name"));
    private static readonly Column Status = new("STATUS", row => row.Status);
    private static readonly Column Age = new("AGE", row => row.Age);
    private static readonly Column Location = new("LOCATION", row => row.Text("location"), Wide: true);
    private static readonly Column Message = new("MESSAGE", row => row.Text("properties.detailedStatusMessage"), Wide: true);
    private static readonly Column Site = new("SITE", row => row.NameOf("extendedLocation.name"), Wide: true);
    private static readonly Column Rules = new("RULES", row => row.Count("properties.ipRules"));
    private static readonly Column UsedBy = new("USED-BY", row => row.NameOf("properties.associatedResourceIds"));

    /// <summary>Resource groups.</summary>
    public static readonly Kind Groups = new("resourcegroups", "resourcegroup", ResourceId.ResourceGroupType, ResourcesVersion)
    {
        Short = ["groups", "group", "rg"],
        Columns = [Name, new("LOCATION", row => row.Text("location")), Status],
    };

    /// <summary>L2 isolation domains.</summary>
    public static readonly Kind L2Domains = Fabric("l2isolationdomains", "l2IsolationDomains", ["l2isd"],
    [
        Name, Of("VLAN", "vlanId"), Of("MTU", "mtu"), Of("STATE", "administrativeState"), Status, Refers("FABRIC", "networkFabricId"), Age, Location,
    ]);

    /// <summary>L3 isolation domains.</summary>
    public static readonly Kind L3Domains = Fabric("l3isolationdomains", "l3IsolationDomains", ["l3isd"],
    [
        Name, Of("STATE", "administrativeState"), Status, Refers("FABRIC", "networkFabricId"), Age, Location,
    ]);

    /// <summary>L3 networks.</summary>
    public static readonly Kind L3Networks = Compute("l3networks", "l3Networks", ["l3n"],
    [
        Name, Of("VLAN", "vlan"), Of("IPV4", "ipv4ConnectedPrefix"), Of("IPV6", "ipv6ConnectedPrefix"), Status, UsedBy, Age,
        new("DOMAIN", row => row.NameOf("properties.l3IsolationDomainId"), Wide: true), Site, Message,
    ]);

    /// <summary>Kubernetes clusters.</summary>
    public static readonly Kind KubernetesClusters = Compute("kubernetesclusters", "kubernetesClusters", ["k8s", "kc"],
    [
        Name, Of("VERSION", "kubernetesVersion"), new("CNI-NETWORK", row => row.NameOf("properties.networkConfiguration.cniNetworkId")),
        new("NETWORKS", row => row.NameOf("properties.attachedNetworkIds")), new("NODES", row => row.Count("properties.nodes")), Status, Age, Site, Message,
    ]);

    /// <summary>Virtual machines.</summary>
    public static readonly Kind VirtualMachines = Compute("virtualmachines", "virtualMachines", ["vm", "vms"],
    [
        Name, Of("CPU", "cpuCores"), Of("GIB", "memorySizeGB"),
        new("NETWORKS", row => string.Join(",", row.Objects("properties.networkAttachments").Select(a => LastName(a["attachedNetworkId"])))),
        new("ADDRESSES", Addresses), Status, Age, Of("IMAGE", "vmImage", wide: true), Site, Message,
    ]);

    /// <summary>Relay namespaces.</summary>
    public static readonly Kind RelayNamespaces = Relay("relaynamespaces", "namespaces", ["rns"], null, "",
        [Name, new("LOCATION", row => row.Text("location")), Of("ACCESS", "publicNetworkAccess"), Status, Age]);

    /// <summary>Hybrid connections that people made.</summary>
    public static readonly Kind HybridConnections = Relay("hybridconnections", "namespaces/hybridConnections", ["hc"], RelayNamespaces, "namespace",
        [Name, InParent("NAMESPACE"), Of("AUTHORIZED", "requiresClientAuthorization"), Of("LISTENERS", "listenerCount"), Age]);

    /// <summary>Nexus Clusters: racks tied to a fabric.</summary>
    public static readonly Kind NexusClusters = Compute("clusters", "clusters", ["cl"],
        [Name, Of("VERSION", "clusterVersion"), Refers("FABRIC", "networkFabricId"), Status, Age, Location, Message]);

    /// <summary>All kinds, in the order in which they depend on each other.</summary>
    public static readonly ImmutableArray<Kind> All =
    [
        Groups,
        Fabric("networkfabrics", "networkFabrics", ["nf", "fabrics", "fabric"], [Name, Status, Age, Location]),
        NexusClusters,
        L2Domains,
        L3Domains,
        Fabric("internalnetworks", "l3IsolationDomains/internalNetworks", ["in"],
        [
            Name, InParent("DOMAIN"), Of("VLAN", "vlanId"), Of("MTU", "mtu"), Prefixes("IPV4", "connectedIPv4Subnets"), Prefixes("IPV6", "connectedIPv6Subnets"), Status, Age,
        ]) with { Parent = L3Domains, ParentOption = "domain" },
        Compute("l2networks", "l2Networks", ["l2n"], [Name, Refers("DOMAIN", "l2IsolationDomainId"), Status, UsedBy, Age, Site, Message]),
        L3Networks,
        Compute("trunkednetworks", "trunkedNetworks", ["tn", "trunk", "trunks"],
            [Name, Of("VLANS", "vlans"), new("DOMAINS", row => row.NameOf("properties.isolationDomainIds")), Status, UsedBy, Age, Site, Message]),
        Compute("cloudservicesnetworks", "cloudServicesNetworks", ["csn"], [Name, Status, UsedBy, Age, Site, Message]),
        KubernetesClusters,
        Compute("agentpools", "kubernetesClusters/agentPools", ["ap", "pool", "pools"],
            [Name, InParent("CLUSTER"), Of("MODE", "mode"), Of("COUNT", "count"), Of("SKU", "vmSkuName"), Status, Age, Message])
            with { Parent = KubernetesClusters, ParentOption = "cluster" },
        VirtualMachines,
        Own("nodes", "Weft.Fleet/nodes", ["no"], KubernetesClusters, "cluster",
            [Name, InParent("CLUSTER"), Of("POOL", "agentPool"), Of("TYPE", "machineType"), new("UPLINKS", row => row.Count("properties.uplinks")), Status, Age,
                Of("KERNEL", "inventory.kernel", wide: true), new("INVENTORY", row => row.Since("properties.inventory.reportedAt"), Wide: true), Message]),
        Own("agents", "Weft.Fleet/agents", ["ag"], KubernetesClusters, "cluster",
        [
            Name, InParent("CLUSTER"), Of("NODE", "node"), Of("VERSION", "version"), Of("STATE", "status.state"), Of("REVISION", "status.revision"),
            new("REPORTED", row => row.Since("properties.status.at")), Of("MESSAGE", "status.message", wide: true),
        ]),
        Own("leases", "Weft.Ipam/leases", ["le"], L3Networks, "network",
        [
            new("ADDRESS", row => row.Text("properties.address")), InParent("NETWORK"), Of("METHOD", "method"), Of("HOLDER", "holder"),
            Refers("CLUSTER", "cluster"), Refers("NODE", "node"), new("SINCE", row => row.Since("properties.since")),
        ]),
        RelayNamespaces,
        Relay("namespacerulesets", "namespaces/networkRuleSets", [], RelayNamespaces, "namespace", [Name, InParent("NAMESPACE"), Of("DEFAULT", "defaultAction"), Rules, Age]),
        HybridConnections,
        Relay("namespacekeys", "namespaces/authorizationRules", [], RelayNamespaces, "namespace", [Name, InParent("NAMESPACE"), Of("RIGHTS", "rights"), Age]),
        Relay("connectionkeys", "namespaces/hybridConnections/authorizationRules", [], HybridConnections, "connection", [Name, InParent("CONNECTION"), Of("RIGHTS", "rights"), Age]),
        new("networkrulesets", "networkruleset", ResourceType.Parse("Weft.Relay/networkRuleSets"), WeftVersion)
        {
            Short = ["nrs"],
            StandsAtTargets = true,
            Columns = [new("OF", row => row.Id?.Parent is { } place ? TargetNames.Written(place) : ""), Of("DEFAULT", "defaultAction"), Rules, Age],
        },
    ];

    private static readonly Dictionary<string, Kind> ByName =
        All.SelectMany(kind => kind.Names.Select(name => (name, kind))).ToDictionary(pair => pair.name, pair => pair.kind, StringComparer.OrdinalIgnoreCase);

    private static readonly Dictionary<ResourceType, Kind> ByType = All.ToDictionary(kind => kind.Type);

    /// <summary>The kind that somebody means.</summary>
    /// <param name="text">A name of a kind, or a type as ARM spells it.</param>
    /// <returns>The kind, or null.</returns>
    public static Kind? Find(string text)
    {
        if (ByName.TryGetValue(text, out var kind))
            return kind;
        return text.Contains('/', StringComparison.Ordinal) && text[0] != '/' ? Of(ResourceType.Parse(text)) : null;
    }

    /// <summary>The kind of a type.</summary>
    /// <returns>The kind, or null.</returns>
    public static Kind? Of(ResourceType type) => ByType.GetValueOrDefault(type);

    /// <summary>The kind that somebody means on the command line.</summary>
    /// <exception cref="Complaint">There is none; the near ones are named.</exception>
    public static Kind Need(string text) => Find(text) ?? throw Complaint.OfUsage($"there is no kind '{text}'", NearNames.Sentence(text));

    /// <summary>Where a kind stands in the order of dependence; unknown ones last.</summary>
    public static int Rank(ResourceType type) => Of(type) is { } kind ? All.IndexOf(kind) : All.Length;

    private static Kind Fabric(string plural, string path, ImmutableArray<string> names, ImmutableArray<Column> columns) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.ManagedNetworkFabric", path), FabricVersion) { Short = names, Columns = columns };

    private static Kind Compute(string plural, string path, ImmutableArray<string> names, ImmutableArray<Column> columns) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.NetworkCloud", path), ComputeVersion) { Short = names, Columns = columns };

    private static Kind Relay(string plural, string path, ImmutableArray<string> names, Kind? parent, string option, ImmutableArray<Column> columns) =>
        new(plural, plural[..^1], new ResourceType("Microsoft.Relay", path), RelayVersion) { Short = names, Parent = parent, ParentOption = parent is null ? null : option, Columns = columns };

    private static Kind Own(string plural, string type, ImmutableArray<string> names, Kind parent, string option, ImmutableArray<Column> columns) =>
        new(plural, plural[..^1], ResourceType.Parse(type), WeftVersion) { Short = names, Parent = parent, ParentOption = option, Columns = columns };

    private static Column Of(string head, string member, bool wide = false) => new(head, row => row.Text("properties." + member), wide);

    private static Column Refers(string head, string member) => new(head, row => row.NameOf("properties." + member));

    private static Column InParent(string head) => new(head, row => row.Id?.Parent?.Name ?? "");

    private static Column Prefixes(string head, string member) =>
        new(head, row => string.Join(",", row.Objects("properties." + member).Select(subnet => subnet["prefix"]?.ToString())));

    private static string LastName(JsonNode? node) => ResourceId.TryParse(node?.ToString(), out var id) ? id.Name : node?.ToString() ?? "";

    private static string Addresses(Row row) => string.Join(",", row.Objects("properties.networkAttachments")
        .SelectMany(attachment => new[] { attachment["ipv4Address"], attachment["ipv6Address"] })
        .Select(address => address?.ToString())
        .Where(address => !string.IsNullOrEmpty(address)));
}
