using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>What the tables of kinds show. A kind without a row here has the default columns.</summary>
internal static class KindColumns
{
    private static readonly Column Name = new("NAME", row => row.Text("name"));
    private static readonly Column Status = new("STATUS", row => row.Status);
    private static readonly Column Age = new("AGE", row => row.Age);
    private static readonly Column Location = new("LOCATION", row => row.Text("location"));
    private static readonly Column WideLocation = Location with { IsWide = true };
    private static readonly Column Message = PropertyColumn("MESSAGE", "detailedStatusMessage", wide: true);
    private static readonly Column Site = new("SITE", row => row.NameOf("extendedLocation.name"), IsWide: true);
    private static readonly Column Rules = new("RULES", row => row.Count("properties.ipRules"));
    private static readonly Column UsedBy = new("USED-BY", row => row.NameOf("properties.associatedResourceIds"));

    // In the order of lists and of deletions backwards: what is depended upon first.
    private static readonly (ResourceType Type, ImmutableArray<Column> Columns)[] Rows =
    [
        (ResourceId.ResourceGroupType, [Name, Location, Status]),
        (NetworkFabric.ResourceType, [Name, Status, Age, WideLocation]),
        (
            NexusCluster.ResourceType,
            [
                Name,
                PropertyColumn("VERSION", "clusterVersion"),
                ReferenceColumn("FABRIC", "networkFabricId"),
                Status,
                Age,
                WideLocation,
                Message,
            ]
        ),
        (
            L2IsolationDomain.ResourceType,
            [
                Name,
                PropertyColumn("VLAN", "vlanId"),
                PropertyColumn("MTU", "mtu"),
                PropertyColumn("STATE", "administrativeState"),
                Status,
                ReferenceColumn("FABRIC", "networkFabricId"),
                Age,
                WideLocation,
            ]
        ),
        (
            L3IsolationDomain.ResourceType,
            [
                Name,
                PropertyColumn("STATE", "administrativeState"),
                Status,
                ReferenceColumn("FABRIC", "networkFabricId"),
                Age,
                WideLocation,
            ]
        ),
        (
            InternalNetwork.ResourceType,
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
        ),
        (
            L2Network.ResourceType,
            [Name, ReferenceColumn("DOMAIN", "l2IsolationDomainId"), Status, UsedBy, Age, Site, Message]
        ),
        (
            L3Network.ResourceType,
            [
                Name,
                PropertyColumn("VLAN", "vlan"),
                PropertyColumn("IPV4", "ipv4ConnectedPrefix"),
                PropertyColumn("IPV6", "ipv6ConnectedPrefix"),
                Status,
                UsedBy,
                Age,
                ReferenceColumn("DOMAIN", "l3IsolationDomainId") with
                {
                    IsWide = true,
                },
                Site,
                Message,
            ]
        ),
        (
            TrunkedNetwork.ResourceType,
            [
                Name,
                PropertyColumn("VLANS", "vlans"),
                ReferenceColumn("DOMAINS", "isolationDomainIds"),
                Status,
                UsedBy,
                Age,
                Site,
                Message,
            ]
        ),
        (CloudServicesNetwork.ResourceType, [Name, Status, UsedBy, Age, Site, Message]),
        (
            KubernetesCluster.ResourceType,
            [
                Name,
                PropertyColumn("VERSION", "kubernetesVersion"),
                ReferenceColumn("CNI-NETWORK", "networkConfiguration.cniNetworkId"),
                ReferenceColumn("NETWORKS", "attachedNetworkIds"),
                CountColumn("NODES", "nodes"),
                Status,
                Age,
                Site,
                Message,
            ]
        ),
        (
            AgentPool.ResourceType,
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
        ),
        (
            VirtualMachine.ResourceType,
            [
                Name,
                PropertyColumn("CPU", "cpuCores"),
                PropertyColumn("GIB", "memorySizeGB"),
                new("NETWORKS", AttachedNetworks),
                new("ADDRESSES", Addresses),
                Status,
                Age,
                PropertyColumn("IMAGE", "vmImage", wide: true),
                Site,
                Message,
            ]
        ),
        (
            Node.ResourceType,
            [
                Name,
                ParentColumn("CLUSTER"),
                PropertyColumn("POOL", "agentPool"),
                PropertyColumn("TYPE", "machineType"),
                CountColumn("UPLINKS", "uplinks"),
                Status,
                Age,
                PropertyColumn("KERNEL", "inventory.kernel", wide: true),
                AgeColumn("INVENTORY", "inventory.reportedAt") with
                {
                    IsWide = true,
                },
                Message,
            ]
        ),
        (
            Agent.ResourceType,
            [
                Name,
                ParentColumn("CLUSTER"),
                PropertyColumn("NODE", "node"),
                PropertyColumn("VERSION", "version"),
                AgeColumn("ENROLLED", "enrolledAt"),
                PropertyColumn("FROM", "enrolledFrom"),
                AgeColumn("CREDENTIAL", "credentialSince"),
                new("WARNING", CredentialWarning),
                PropertyColumn("STATE", "status.state"),
                PropertyColumn("REVISION", "status.revision"),
                AgeColumn("REPORTED", "status.at"),
                PropertyColumn("ENROLLED-BY", "enrolledBy", wide: true),
                PropertyColumn("MESSAGE", "status.message", wide: true),
            ]
        ),
        (
            DeclaredPool.ResourceType,
            [
                ParentColumn("NETWORK"),
                PropertyColumn("PREFIXES", "prefixes"),
                PropertyColumn("GATEWAYS", "gateways"),
                CountColumn("EXCLUSIONS", "exclusions"),
                CountColumn("RANGES", "ranges"),
                CountColumn("RESERVATIONS", "reservations"),
                Status,
                Age,
            ]
        ),
        (
            NetworkPool.LeaseType,
            [
                PropertyColumn("ADDRESS", "address"),
                ParentColumn("NETWORK"),
                PropertyColumn("METHOD", "method"),
                PropertyColumn("HOLDER", "holder"),
                ReferenceColumn("CLUSTER", "cluster"),
                ReferenceColumn("NODE", "node"),
                AgeColumn("SINCE", "since"),
            ]
        ),
        (
            AddressBlock.ResourceType,
            [
                Name,
                ParentColumn("NETWORK"),
                ReferenceColumn("CLUSTER", "cluster"),
                PropertyColumn("NODE", "node"),
                PropertyColumn("STATE", "state"),
                PropertyColumn("ADDRESSES", "addresses"),
                PropertyColumn("HELD", "held"),
                PropertyColumn("FREE", "free"),
                AgeColumn("SINCE", "since"),
            ]
        ),
        (RelayNamespace.ResourceType, [Name, Location, PropertyColumn("ACCESS", "publicNetworkAccess"), Status, Age]),
        (
            NamespaceRuleSet.ResourceType,
            [Name, ParentColumn("NAMESPACE"), PropertyColumn("DEFAULT", "defaultAction"), Rules, Age]
        ),
        (
            HybridConnection.ResourceType,
            [
                Name,
                ParentColumn("NAMESPACE"),
                PropertyColumn("AUTHORIZED", "requiresClientAuthorization"),
                PropertyColumn("LISTENERS", "listenerCount"),
                Age,
            ]
        ),
        (
            RelayAuthorizationRule.NamespaceRuleType,
            [Name, ParentColumn("NAMESPACE"), PropertyColumn("RIGHTS", "rights"), Age]
        ),
        (
            RelayAuthorizationRule.ConnectionRuleType,
            [Name, ParentColumn("CONNECTION"), PropertyColumn("RIGHTS", "rights"), Age]
        ),
        (NetworkRuleSet.ResourceType, [new("OF", TargetOf), PropertyColumn("DEFAULT", "defaultAction"), Rules, Age]),
    ];

    /// <summary>The columns of a kind's table.</summary>
    /// <returns>The columns; null where the kind has no row.</returns>
    public static ImmutableArray<Column>? Find(ResourceType type) =>
        Array.Find(Rows, row => row.Type == type) is { Columns.IsDefault: false } row ? row.Columns : null;

    /// <summary>The columns of a kind that has no row.</summary>
    /// <param name="parent">The word for what it stands under, or null.</param>
    public static ImmutableArray<Column> DefaultFor(string? parent) =>
        parent is null ? [Name, Status, Age] : [Name, ParentColumn(parent.ToUpperInvariant()), Status, Age];

    /// <summary>Puts types in the order of lists.</summary>
    /// <param name="declared">The kinds' types, in the order in which a site is built up.</param>
    /// <returns>The types that have a row, and each other behind the one that it is declared behind.</returns>
    public static IReadOnlyList<ResourceType> Arrange(IEnumerable<ResourceType> declared)
    {
        var order = Rows.Select(row => row.Type).ToList();
        var before = -1;
        foreach (var type in declared)
        {
            if (!order.Contains(type))
                order.Insert(before + 1, type);
            before = order.IndexOf(type);
        }

        return order;
    }

    private static Column PropertyColumn(string header, string member, bool wide = false) =>
        new(header, row => row.Text("properties." + member), wide);

    private static Column ReferenceColumn(string header, string member) =>
        new(header, row => row.NameOf("properties." + member));

    private static Column CountColumn(string header, string member) =>
        new(header, row => row.Count("properties." + member));

    private static Column AgeColumn(string header, string member) =>
        new(header, row => row.AgeSince("properties." + member));

    private static Column ParentColumn(string header) => new(header, row => row.Id?.Parent?.Name ?? "");

    private static Column PrefixColumn(string header, string member) =>
        new(header, row => Join(row.Objects("properties." + member).Select(subnet => subnet["prefix"]?.ToString())));

    private static string TargetOf(ResourceRow row) => row.Id?.Parent is { } target ? TargetNames.Format(target) : "";

    private static string CredentialWarning(ResourceRow row)
    {
        const string Shared = $"properties.{SharedCredential.MemberName}";
        return row.AgeSince($"{Shared}.since") is { Length: > 0 } age
            ? $"credential-in-two-places for {age}: {row.Text($"{Shared}.from")}"
            : "";
    }

    private static string AttachedNetworks(ResourceRow row) =>
        Join(row.Objects("properties.networkAttachments").Select(a => LastName(a["attachedNetworkId"])));

    private static string Addresses(ResourceRow row) =>
        Join(
            row.Objects("properties.networkAttachments")
                .SelectMany(attachment => new[] { attachment["ipv4Address"], attachment["ipv6Address"] })
                .Select(address => address?.ToString())
                .Where(address => !string.IsNullOrEmpty(address))
        );

    private static string LastName(JsonNode? node) =>
        ResourceId.TryParse(node?.ToString(), out var id) ? id.Name : node?.ToString() ?? "";

    private static string Join(IEnumerable<string?> words) => string.Join(",", words);
}
