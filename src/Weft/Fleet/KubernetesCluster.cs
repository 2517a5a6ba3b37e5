using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The kind of Kubernetes clusters.</summary>
public sealed class KubernetesCluster : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "kubernetesClusters");

    private const string NetworkConfiguration = "properties.networkConfiguration";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "Kubernetes cluster";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["k8s", "k8sclusters", "kc"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => CloudVersions.All;

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
        Member.Any("aadConfiguration").AtCreation(),
        AgentPool.Administrators.ByPatch(),
        Member.Group("controlPlaneNodeConfiguration",
            AgentPool.Administrators.ByPatch(),
            Member.List("availabilityZones", Member.Text("")).AtCreation(),
            Member.Whole("count").Demanded().Within(1, null).ByPatch(),
            Member.Text("vmSkuName").Demanded().AtCreation()).Demanded(),
        Member.List("initialAgentPoolConfigurations", Member.Group("", [Member.Text("name").Demanded().Like(CloudName), .. AgentPool.Members])).Demanded().Within(1, null).AtCreation(),
        Member.Text("kubernetesVersion").Demanded().Within(1, null).ByPatch(),
        Member.Any("managedResourceGroupConfiguration").AtCreation(),
        Member.Group("networkConfiguration",
            Member.Id("cloudServicesNetworkId", "the cloud services network of every node", CloudServicesNetwork.ResourceType).Demanded().AtCreation(),
            Member.Id("cniNetworkId", "the L3 network that nodes speak to each other on", L3Network.ResourceType).Demanded().AtCreation(),
            Attachment.Shape,
            Member.List("podCidrs", Member.Text("")).Within(1, 2).AtCreation(),
            Member.List("serviceCidrs", Member.Text("")).Within(1, 2).AtCreation(),
            Member.Text("dnsServiceIp").AtCreation(),
            LoadBalancer.Bgp.AtCreation(),
            LoadBalancer.Layer2.AtCreation()).Demanded(),
        Member.Any("attachedNetworkIds").Drawn(),
        Member.Any("availableUpgrades").Drawn(),
        Member.Text("clusterId").Drawn(),
        Member.Text("connectedClusterId").Drawn(),
        Member.Text("controlPlaneKubernetesVersion").Drawn(),
        Member.Text("detailedStatus").Drawn(),
        Member.Text("detailedStatusMessage").Drawn(),
        Member.Any("featureStatuses").Drawn(),
        Member.Any("nodes").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>The CNI network of a cluster.</summary>
    public static ResourceId CniNetworkOf(Stored row) => Of(row).CniNetwork;

    /// <summary>The attachments of the cluster itself.</summary>
    public static ImmutableArray<Attachment> AttachmentsOf(Stored row) => Of(row).Attachments;

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        _ = NexusCluster.CheckHost(proposal);
        var configuration = PropertiesOf(proposal.Wanted).Member("networkConfiguration");
        var pods = CheckRanges(proposal, configuration.Texts("podCidrs"), "podCidrs");
        var services = CheckRanges(proposal, configuration.Texts("serviceCidrs"), "serviceCidrs");
        foreach (var (pod, service) in pods.SelectMany(p => services.Where(p.Overlaps).Select(s => (p, s))))
            proposal.Find(RefusalCode.Overlap, $"{NetworkConfiguration}.serviceCidrs", $"'{NetworkConfiguration}.serviceCidrs': {service} overlaps with the pod range {pod}");
        if (configuration.Text("dnsServiceIp") is { } dns && !(Address.TryParse(dns, out var address) && services.Any(s => s.Contains(address))))
            proposal.Find(RefusalCode.Mismatch, $"{NetworkConfiguration}.dnsServiceIp", $"'{NetworkConfiguration}.dnsServiceIp': {dns} is no address of the service ranges ({string.Join(", ", services)})");
        CheckPoolNames(proposal);
        LoadBalancer.Check(proposal, configuration, NetworkConfiguration);
        ClusterAttachments.Check(proposal, proposal.Id, AttachmentsOf(proposal.Wanted).Concat(InitialPools(proposal)));
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> Consequences(Proposal proposal, Image after)
    {
        if (proposal.Old is not null)
            return [];
        // The pools of a new cluster are resources from the first moment, so that they can be read and changed as such.
        var cluster = proposal.Wanted.ToObject();
        return PropertiesOf(proposal.Wanted).Each("initialAgentPoolConfigurations").Select(pool =>
        {
            var properties = JsonNode.Parse(pool.GetRawText())!.AsObject();
            properties.Remove("name");
            var id = proposal.Id.Child("agentPools", pool.Text("name")!);
            var document = new JsonObject { ["id"] = id.ToString(), ["location"] = cluster["location"]?.DeepClone(), ["extendedLocation"] = cluster["extendedLocation"]?.DeepClone(), ["properties"] = properties };
            document["systemData"] = cluster["systemData"]?.DeepClone();
            document[Provisioning.Member] = new JsonObject { ["state"] = Provisioning.Succeeded };
            return Change.Put(id, document);
        }).ToList();
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        var id = IdOf(row);
        var attached = ClusterAttachments.All(new Snapshot(now), id).Select(a => a.Network.ToString()).Distinct(StringComparer.OrdinalIgnoreCase);
        properties["attachedNetworkIds"] = new JsonArray([.. attached.Select(network => JsonValue.Create(network))]);
        properties["clusterId"] = NexusCluster.HostOf(row)?.ToString();
        properties["controlPlaneKubernetesVersion"] = properties["kubernetesVersion"]?.DeepClone();
        properties["nodes"] = NodeBodies.Draw(row, now);
        Status.Draw(row, properties, "Kubernetes cluster is operational");
        if (Provisioning.StateOf(row) == Provisioning.Succeeded && AgentStatus.TroubleOf(now, id) is { } trouble)
            (properties["detailedStatus"], properties["detailedStatusMessage"]) = ("Error", trouble);
    }

    private static IEnumerable<Attachment> InitialPools(Proposal proposal) => proposal.Old is not null ? [] :
        PropertiesOf(proposal.Wanted).Each("initialAgentPoolConfigurations").SelectMany((pool, i) => Attachment.Read(
            pool.Member("attachedNetworkConfiguration"), $"properties.initialAgentPoolConfigurations[{i}].attachedNetworkConfiguration"));

    /// <summary>Each becomes a resource by its name, and of two with one name only the last would.</summary>
    private static void CheckPoolNames(Proposal proposal)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, i) in PropertiesOf(proposal.Wanted).Each("initialAgentPoolConfigurations").Select((pool, i) => (pool.Text("name")!, i)))
        {
            var path = $"properties.initialAgentPoolConfigurations[{i}].name";
            if (!names.Add(name))
                proposal.Find(RefusalCode.Overlap, path, $"'{path}': another pool is named '{name}'");
        }
    }

    private static List<Prefix> CheckRanges(Proposal proposal, IEnumerable<string> texts, string member)
    {
        var ranges = new List<Prefix>();
        foreach (var (text, i) in texts.Select((t, i) => (t, i)))
        {
            var path = $"{NetworkConfiguration}.{member}[{i}]";
            if (!Prefix.Parse(text, path).TryGet(out var range, out var refusal))
                proposal.Find(refusal with { Message = $"'{path}': {refusal.Message}" });
            else if (ranges.Any(r => r.Family == range.Family))
                proposal.Find(RefusalCode.InvalidMember, path, $"'{path}': {range} is a second {range.Family} range; two ranges are one per family");
            else
                ranges.Add(range);
        }

        return ranges;
    }

    private static Declared Of(Stored row)
    {
        return row.As(r =>
        {
            var configuration = PropertiesOf(r).Member("networkConfiguration");
            return new Declared(configuration.Id("cniNetworkId")!, Attachment.Read(configuration.Member("attachedNetworkConfiguration"), $"{NetworkConfiguration}.attachedNetworkConfiguration"));
        });
    }

    private sealed record Declared(ResourceId CniNetwork, ImmutableArray<Attachment> Attachments);
}
