using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>One interface of a machine.</summary>
/// <param name="AllocationMethod"><c>Dynamic</c>, <c>Static</c> or <c>Disabled</c>.</param>
/// <param name="StaticAddresses">The addresses it must have, where the method is <c>Static</c>.</param>
/// <param name="IsDefaultGateway">Whether the machine's default route goes through it.</param>
internal sealed record MachineAttachment(
    string Name,
    ResourceId Network,
    string AllocationMethod,
    ImmutableArray<Address> StaticAddresses,
    bool IsDefaultGateway,
    string Path
)
{
    /// <summary>Whether it leases addresses.</summary>
    public bool LeasesAddresses => AllocationMethod != "Disabled" && Network.Type == L3Network.ResourceType;
}

/// <summary>The kind of standalone virtual machines.</summary>
internal sealed class VirtualMachine : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.VirtualMachineType;

    private const string CloudServicesPath = "properties.cloudServicesNetworkAttachment";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "virtual machine";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["vm", "vms"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => NetworkCloudProvider.ApiVersions;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z0-9][a-zA-Z0-9]{0,62}[a-zA-Z0-9]$";

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            SchemaMember.Text("adminUsername").Required().Immutable().Range(1, 32),
            SchemaMember.Enum("bootMethod", "BIOS|*UEFI").Immutable(),
            InterfaceMember("cloudServicesNetworkAttachment", CloudServicesNetwork.ResourceType).Required().Immutable(),
            SchemaMember.Integer("cpuCores").Required().Immutable().Range(2, null),
            SchemaMember.Integer("memorySizeGB").Required().Immutable().Range(1, null),
            SchemaMember
                .List(
                    "networkAttachments",
                    InterfaceMember("", L2Network.ResourceType, L3Network.ResourceType, TrunkedNetwork.ResourceType),
                    "its interfaces"
                )
                .Immutable(),
            SchemaMember.Text("networkData") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Text("networkDataContent") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Text("userData") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember.Text("userDataContent") with
            {
                Mutability = Mutability.Secret,
            },
            SchemaMember
                .List(
                    "placementHints",
                    SchemaMember.Object(
                        "",
                        SchemaMember.Enum("hintType", "Affinity|AntiAffinity").Required(),
                        SchemaMember.Text("resourceId").Required(),
                        SchemaMember.Enum("schedulingExecution", "Hard|Soft").Required(),
                        SchemaMember.Text("scope").Required()
                    )
                )
                .Immutable(),
            SchemaMember
                .List("sshPublicKeys", SchemaMember.Object("", SchemaMember.Text("keyData").Required().Range(1, null)))
                .Immutable(),
            SchemaMember
                .Object(
                    "storageProfile",
                    SchemaMember
                        .Object(
                            "osDisk",
                            SchemaMember.Enum("createOption", "*Ephemeral|Persistent"),
                            SchemaMember.Enum("deleteOption", "*Delete"),
                            SchemaMember.Integer("diskSizeGB").Required().Range(1, null)
                        )
                        .Required(),
                    SchemaMember.List("volumeAttachments", SchemaMember.Text(""))
                )
                .Required()
                .Immutable(),
            SchemaMember.BooleanString("isolateEmulatorThread", true).Immutable(),
            SchemaMember.Enum("virtioInterface", "*Modern|Transitional").Immutable(),
            SchemaMember.Enum("vmDeviceModel", "T1|*T2|T3").Immutable(),
            SchemaMember.Text("vmImage").Required().Immutable().Range(1, null),
            SchemaMember.Object(
                "vmImageRepositoryCredentials",
                SchemaMember.Text("registryUrl").Required().Patchable(),
                SchemaMember.Text("username").Required().Range(1, null).Patchable(),
                SchemaMember.Text("password").Range(1, null).Patchable() with
                {
                    Mutability = Mutability.Secret,
                }
            ),
            SchemaMember.Text("availabilityZone").ReadOnly(),
            SchemaMember.Text("bareMetalMachineId").ReadOnly(),
            SchemaMember.Text("clusterId").ReadOnly(),
            SchemaMember.Any("consoleExtendedLocation").ReadOnly(),
            SchemaMember.Text("detailedStatus").ReadOnly(),
            SchemaMember.Text("detailedStatusMessage").ReadOnly(),
            SchemaMember.Text("powerState").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly(),
            SchemaMember.Any("volumes").ReadOnly()
        );

    /// <summary>The interfaces of a machine on L2, L3 and trunked networks.</summary>
    /// <param name="state">What is stored, for the networks' own interface names.</param>
    /// <returns>The interfaces in the order they are written.</returns>
    public static ImmutableArray<MachineAttachment> AttachmentsOf(Row row, StoreState state)
    {
        return
        [
            .. PropertiesOf(row)
                .Elements("networkAttachments")
                .Select((element, i) => ReadAttachment(element, $"properties.networkAttachments[{i}]", state)),
        ];
    }

    /// <inheritdoc/>
    public override void ApplyDefaults(ResourceId id, JsonObject body, ReadTransaction transaction)
    {
        // What the pool picks is read from the leases: an address that a caller read and sent back is no request.
        var lists = body["properties"]?["networkAttachments"] as JsonArray ?? [];
        foreach (
            var attachment in lists
                .OfType<JsonObject>()
                .Append(body["properties"]?["cloudServicesNetworkAttachment"] as JsonObject ?? [])
        )
        {
            if (attachment["ipAllocationMethod"]?.ToString() is "Dynamic")
            {
                attachment.Remove("ipv4Address");
                attachment.Remove("ipv6Address");
            }
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Path, ResourceId Id)> HostsOf(Row row) => NexusCluster.HostLinkOf(row);

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        _ = NexusCluster.CheckHost(context);
        if (
            PropertiesOf(context.Proposed).Member("cloudServicesNetworkAttachment").Text("ipAllocationMethod")
            == "Static"
        )
            context.AddError(
                RefusalCode.InvalidMember,
                $"{CloudServicesPath}.ipAllocationMethod",
                $"'{CloudServicesPath}.ipAllocationMethod': a cloud services network gives its addresses itself; write Dynamic"
            );
        MachineRules.Check(
            context,
            AttachmentsOf(context.Proposed, context.Transaction.State),
            PropertiesOf(context.Proposed).Member("cloudServicesNetworkAttachment").BooleanString("defaultGateway")
        );
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        var id = IdOf(row);
        var bodies = (properties["networkAttachments"] as JsonArray ?? []).OfType<JsonObject>();
        foreach (var (attachment, body) in AttachmentsOf(row, state).Zip(bodies))
        {
            body["networkAttachmentName"] = attachment.Name;
            body["macAddress"] = AddressClaims.MacAddressOf(id, attachment.Name);
            foreach (
                var lease in NetworkPool
                    .HoldingsOf(state, attachment.Network)
                    .LeasesOf(AddressClaims.HolderOf(id, attachment.Name).Id)
            )
                body[lease.Address.Family == AddressFamily.IPv4 ? "ipv4Address" : "ipv6Address"] =
                    lease.Address.ToString();
        }

        if (properties["cloudServicesNetworkAttachment"] is JsonObject services)
        {
            services["networkAttachmentName"] = CloudServicesNetwork.Interface;
            services["macAddress"] = AddressClaims.MacAddressOf(id, CloudServicesNetwork.Interface);
        }

        properties["clusterId"] = NexusCluster.HostOf(row)?.ToString();
        properties["volumes"] = new JsonArray();
        properties["powerState"] = "Unknown";
        DetailedStatus.AddTo(row, properties, "Network configuration is ready");
    }

    private static MachineAttachment ReadAttachment(JsonElement element, string path, StoreState state)
    {
        var network = element.Id("attachedNetworkId")!;
        var name =
            element.Text("networkAttachmentName")
            ?? (state.Get(StoreKey.ForResource(network)) is { } row ? Network.InterfaceNameOf(row) : network.Name);
        var method = element.Text("ipAllocationMethod")!;
        var wanted = new[] { element.Text("ipv4Address"), element.Text("ipv6Address") }
            .Select(text => Address.TryParse(text, out var address) ? address : (Address?)null)
            .OfType<Address>();
        return new MachineAttachment(
            name,
            network,
            method,
            method == "Static" ? [.. wanted] : [],
            element.BooleanString("defaultGateway"),
            path
        );
    }

    private static SchemaMember InterfaceMember(string name, params ImmutableArray<ResourceType> networks) =>
        SchemaMember.Object(
            name,
            SchemaMember.Id("attachedNetworkId", "the network", networks).Required(),
            SchemaMember.Enum("ipAllocationMethod", "Dynamic|Static|Disabled").Required(),
            SchemaMember.BooleanString("defaultGateway"),
            SchemaMember.Text("ipv4Address", "Static: the address it must have").Range(0, 64),
            SchemaMember.Text("ipv6Address", "Static: the address it must have").Range(0, 64),
            SchemaMember
                .Text("networkAttachmentName", "the interface's name; the network's own if left out")
                .Range(1, InterfaceName.MaxLength)
                .Pattern(InterfaceName.DeclaredPattern),
            SchemaMember.Text("macAddress").ReadOnly()
        );
}
