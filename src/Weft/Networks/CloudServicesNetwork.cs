using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The kind of networks by which workloads reach platform services: a list of endpoints that may be reached.</summary>
public sealed class CloudServicesNetwork : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "cloudServicesNetworks");

    /// <summary>The name of its interface in machines and nodes, as published samples have it.</summary>
    public const string Interface = "cloudservices";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "cloud services network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["csn", "csns"];

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
    [
        Endpoints("additionalEgressEndpoints").ByPatch(),
        Member.Flag("enableDefaultEgressEndpoints", true).ByPatch(),
        Member.Group("storageOptions", Member.Choice("mode", "None|*Standard").ByPatch(), Member.Whole("sizeMiB").Within(1, null).ByPatch(), Member.Any("storageApplianceId").ByPatch()),
        Member.Any("storageStatus").Drawn(),
        Endpoints("enabledEgressEndpoints").Drawn(),
        Member.Text("interfaceName").Drawn(),
        DeprecatedPlugin, .. DrawnMembers,
    ]);

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        _ = NexusCluster.CheckHost(proposal);
        foreach (var (group, i) in PropertiesOf(proposal.Wanted).Each("additionalEgressEndpoints").Select((g, i) => (g, i)))
        {
            foreach (var (endpoint, j) in group.Each("endpoints").Select((e, j) => (e, j)))
            {
                var path = $"properties.additionalEgressEndpoints[{i}].endpoints[{j}].domainName";
                var name = endpoint.Text("domainName")!;
                if (Uri.CheckHostName(name.StartsWith('.') ? name[1..] : name) != UriHostNameType.Dns || name.Length > 254)
                    proposal.Find(RefusalCode.InvalidMember, path, $"'{path}': '{name}' is no domain name (RFC 1123); a leading dot stands for all names below it");
            }
        }
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        base.Draw(row, properties, now);
        properties["interfaceName"] = Interface;
        // Weft has no platform endpoints of its own, so the effective list is what the operator wrote.
        properties["enabledEgressEndpoints"] = properties["additionalEgressEndpoints"]?.DeepClone() ?? new JsonArray();
    }

    private static Member Endpoints(string name) => Member.List(name, Member.Group("",
        Member.Text("category").Demanded().Within(1, null),
        Member.List("endpoints", Member.Group("", Member.Text("domainName").Demanded().Within(1, 254), Member.Whole("port").Within(1, 65535))).Demanded().Within(1, null)));
}
