using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Contracts;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The kind of Kubernetes clusters.</summary>
internal sealed class KubernetesCluster : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.KubernetesClusterType;

    /// <summary>The action that has its agents check what they made.</summary>
    public const string VerifyAction = "verify";

    private const string NetworkConfigurationPath = "properties.networkConfiguration";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "Kubernetes cluster";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["k8s", "kc"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => NetworkCloudProvider.ApiVersions;

    /// <inheritdoc/>
    public override ImmutableArray<string> Actions => [EnrolmentTokenRequest.ActionName, VerifyAction];

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            SchemaMember.Any("aadConfiguration").Immutable(),
            AgentPool.AdministratorMember.Patchable(),
            SchemaMember
                .Object(
                    "controlPlaneNodeConfiguration",
                    AgentPool.AdministratorMember.Patchable(),
                    SchemaMember.List("availabilityZones", SchemaMember.Text("")).Immutable(),
                    SchemaMember.Integer("count").Required().Range(1, null).Patchable(),
                    SchemaMember.Text("vmSkuName").Required().Immutable()
                )
                .Required(),
            SchemaMember
                .List(
                    "initialAgentPoolConfigurations",
                    SchemaMember.Object(
                        "",
                        [
                            SchemaMember.Text("name").Required().Pattern(DefaultNamePattern),
                            .. AgentPool.ConfigurationMembers,
                        ]
                    )
                )
                .Required()
                .Range(1, null)
                .Immutable(),
            SchemaMember.Text("kubernetesVersion").Required().Range(1, null).Patchable(),
            SchemaMember.Any("managedResourceGroupConfiguration").Immutable(),
            SchemaMember
                .Object(
                    "networkConfiguration",
                    SchemaMember
                        .Id(
                            "cloudServicesNetworkId",
                            "the cloud services network of every node",
                            CloudServicesNetwork.ResourceType
                        )
                        .Required()
                        .Immutable(),
                    SchemaMember
                        .Id("cniNetworkId", "the L3 network that nodes speak to each other on", L3Network.ResourceType)
                        .Required()
                        .Immutable(),
                    Attachment.Schema,
                    SchemaMember.List("podCidrs", SchemaMember.Text("")).Range(1, 2).Immutable(),
                    SchemaMember.List("serviceCidrs", SchemaMember.Text("")).Range(1, 2).Immutable(),
                    SchemaMember.Text("dnsServiceIp").Immutable(),
                    LoadBalancer.BgpMember.Immutable(),
                    LoadBalancer.Layer2Member.Immutable()
                )
                .Required(),
            SchemaMember.Any("attachedNetworkIds").ReadOnly(),
            SchemaMember.Any("availableUpgrades").ReadOnly(),
            SchemaMember.Text("clusterId").ReadOnly(),
            SchemaMember.Text("connectedClusterId").ReadOnly(),
            SchemaMember.Text("controlPlaneKubernetesVersion").ReadOnly(),
            SchemaMember.Text("detailedStatus").ReadOnly(),
            SchemaMember.Text("detailedStatusMessage").ReadOnly(),
            SchemaMember.Any("featureStatuses").ReadOnly(),
            SchemaMember.Any("nodes").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The CNI network of a cluster.</summary>
    public static ResourceId CniNetworkOf(Row row) => ReadNetworking(row).CniNetwork;

    /// <summary>The attachments of the cluster itself.</summary>
    public static ImmutableArray<Attachment> AttachmentsOf(Row row) => ReadNetworking(row).Attachments;

    /// <summary>Whether the cluster itself attaches a network with IPAM.</summary>
    public static bool Leases(Row row, ResourceId network) => ReadNetworking(row).Leasable.Contains(network.Key);

    /// <inheritdoc/>
    public override IEnumerable<(string Path, ResourceId Id)> HostsOf(Row row) => NexusCluster.HostLinkOf(row);

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        _ = NexusCluster.CheckHost(context);
        var configuration = PropertiesOf(context.Proposed).Member("networkConfiguration");
        var pods = CheckCidrs(context, configuration.Texts("podCidrs"), "podCidrs");
        var services = CheckCidrs(context, configuration.Texts("serviceCidrs"), "serviceCidrs");
        foreach (var (pod, service) in pods.SelectMany(p => services.Where(p.Overlaps).Select(s => (p, s))))
            context.AddError(
                RefusalCode.Overlap,
                $"{NetworkConfigurationPath}.serviceCidrs",
                $"'{NetworkConfigurationPath}.serviceCidrs': {service} overlaps with the pod range {pod}"
            );
        if (
            configuration.Text("dnsServiceIp") is { } dns
            && !(Address.TryParse(dns, out var address) && services.Any(s => s.Contains(address)))
        )
            context.AddError(
                RefusalCode.Mismatch,
                $"{NetworkConfigurationPath}.dnsServiceIp",
                $"'{NetworkConfigurationPath}.dnsServiceIp': {dns} is no address of the service ranges ({string.Join(", ", services)})"
            );
        CheckPoolNames(context);
        LoadBalancer.Check(context, configuration, NetworkConfigurationPath);
        ClusterAttachments.Check(
            context,
            context.Id,
            AttachmentsOf(context.Proposed).Concat(InitialPoolAttachments(context))
        );
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after)
    {
        if (context.Old is not null)
            return [];
        // The pools of a new cluster are resources from the first moment, so that they can be read and changed as such.
        var cluster = context.Proposed.ToJsonObject();
        return PropertiesOf(context.Proposed)
            .Elements("initialAgentPoolConfigurations")
            .Select(pool =>
            {
                var properties = JsonNode.Parse(pool.GetRawText())!.AsObject();
                properties.Remove("name");
                var id = AgentPool.IdOf(context.Id, pool.Text("name")!);
                var document = new JsonObject
                {
                    ["id"] = id.ToString(),
                    ["location"] = cluster["location"]?.DeepClone(),
                    ["extendedLocation"] = cluster["extendedLocation"]?.DeepClone(),
                    ["properties"] = properties,
                };
                document["systemData"] = cluster["systemData"]?.DeepClone();
                document[Provisioning.MemberName] = new JsonObject { ["state"] = Provisioning.Succeeded };
                return Mutation.Put(id, document);
            })
            .ToList();
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        Drain.ListIn(state, IdOf(row)).Select(drain => (drain with { Parents = [] }).ToMutation());

    /// <inheritdoc/>
    /// <remarks>The addresses of its pods go back with it, and pods that run keep using them.</remarks>
    public override Refusal? FindRunningUsers(Row row, ReadTransaction transaction)
    {
        const int MaxNamed = 3;
        var id = IdOf(row);
        var prefix = AddressClaims.PodPrefixOf(id);
        var leases = transaction
            .State.Range($"{StoreKey.PartitionOf(L3Network.ResourceType)}|")
            .Select(network => NetworkPool.HoldingsOf(transaction.State, IdOf(network)))
            .Where(held => held.Counts.OfCluster(id.ToString()).Total > 0)
            .SelectMany(held => held.All)
            .Where(holding => id.Key == holding.Place?.ClusterKey)
            .SelectMany(holding => holding.Leases)
            .Where(lease => lease.Holder.Id.StartsWith(prefix, StringComparison.Ordinal))
            .OrderBy(lease => lease.Holder.Text, StringComparer.Ordinal)
            .ThenBy(lease => lease.Address)
            .ToList();
        if (leases.Count == 0)
            return null;
        var named = string.Join(", ", leases.Take(MaxNamed).Select(lease => $"{lease.Address} ({lease.Holder.Text})"));
        return new Refusal(
            RefusalCode.InUse,
            $"the {Noun} {id.Name} can't be deleted: its pods hold {leases.Count} addresses: {named}"
                + $"{(leases.Count > MaxNamed ? ", …" : "")}. Stop the pods first; force=true (weft delete --force) gives the "
                + "addresses to others, though pods may still use them",
            id.ToString()
        )
        {
            Discloses = [id.ToString()],
        };
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        var id = IdOf(row);
        var attached = ClusterAttachments
            .OfCluster(new ReadTransaction(state), id)
            .Select(a => a.Network.ToString())
            .Distinct(StringComparer.OrdinalIgnoreCase);
        properties["attachedNetworkIds"] = new JsonArray([.. attached.Select(network => JsonValue.Create(network))]);
        properties["clusterId"] = NexusCluster.HostOf(row)?.ToString();
        properties["controlPlaneKubernetesVersion"] = properties["kubernetesVersion"]?.DeepClone();
        properties["nodes"] = NodeBodies.RenderList(row, state);
        DetailedStatus.AddTo(row, properties, "Kubernetes cluster is operational");
        if (
            Provisioning.StateOf(row) == Provisioning.Succeeded
            && AgentStatus.ClusterProblemOf(state, id) is { } trouble
        )
            (properties["detailedStatus"], properties["detailedStatusMessage"]) = ("Error", trouble);
    }

    private static IEnumerable<Attachment> InitialPoolAttachments(ValidationContext context) =>
        context.Old is not null
            ? []
            : PropertiesOf(context.Proposed)
                .Elements("initialAgentPoolConfigurations")
                .SelectMany(
                    (pool, i) =>
                        Attachment.Read(
                            pool.Member("attachedNetworkConfiguration"),
                            $"properties.initialAgentPoolConfigurations[{i}].attachedNetworkConfiguration"
                        )
                );

    /// <summary>Each becomes a resource by its name, and of two with one name only the last would.</summary>
    private static void CheckPoolNames(ValidationContext context)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (
            var (name, i) in PropertiesOf(context.Proposed)
                .Elements("initialAgentPoolConfigurations")
                .Select((pool, i) => (pool.Text("name")!, i))
        )
        {
            var path = $"properties.initialAgentPoolConfigurations[{i}].name";
            if (!names.Add(name))
                context.AddError(RefusalCode.Overlap, path, $"'{path}': another pool is named '{name}'");
        }
    }

    private static List<Prefix> CheckCidrs(ValidationContext context, IEnumerable<string> texts, string member)
    {
        var ranges = new List<Prefix>();
        foreach (var (text, i) in texts.Select((t, i) => (t, i)))
        {
            var path = $"{NetworkConfigurationPath}.{member}[{i}]";
            if (!Prefix.Parse(text, path).TryGet(out var range, out var refusal))
                context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
            else if (ranges.Any(r => r.Family == range.Family))
                context.AddError(
                    RefusalCode.InvalidMember,
                    path,
                    $"'{path}': {range} is a second {range.Family} range; two ranges are one per family"
                );
            else
                ranges.Add(range);
        }

        return ranges;
    }

    private static ClusterNetworking ReadNetworking(Row row)
    {
        return row.ReadAs(r =>
        {
            var configuration = PropertiesOf(r).Member("networkConfiguration");
            return new ClusterNetworking(
                configuration.Id("cniNetworkId")!,
                Attachment.Read(
                    configuration.Member("attachedNetworkConfiguration"),
                    $"{NetworkConfigurationPath}.attachedNetworkConfiguration"
                )
            );
        });
    }

    private sealed record ClusterNetworking(ResourceId CniNetwork, ImmutableArray<Attachment> Attachments)
    {
        public FrozenSet<string> Leasable { get; } =
            Attachments.Where(a => a.Ipam).Select(a => a.Network.Key).ToFrozenSet(StringComparer.Ordinal);
    }
}
