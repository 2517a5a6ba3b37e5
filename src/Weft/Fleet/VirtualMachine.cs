using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>One interface of a machine.</summary>
/// <param name="Method"><c>Dynamic</c>, <c>Static</c> or <c>Disabled</c>.</param>
/// <param name="Wanted">The addresses it must have, where the method is <c>Static</c>.</param>
/// <param name="IsDefaultGateway">Whether the machine's default route goes through it.</param>
public sealed record MachineAttachment(
    string Name, ResourceId Network, string Method, ImmutableArray<Address> Wanted, bool IsDefaultGateway, string Path)
{
    /// <summary>Whether it leases addresses.</summary>
    public bool Leases => Method != "Disabled" && Network.Type == L3Network.ResourceType;
}

/// <summary>The kind of standalone virtual machines.</summary>
public sealed class VirtualMachine : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "virtualMachines");

    private const string CloudServices = "properties.cloudServicesNetworkAttachment";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "virtual machine";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["vm", "vms"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => CloudVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[a-zA-Z0-9][a-zA-Z0-9]{0,62}[a-zA-Z0-9]$";

    /// <inheritdoc/>
    public override bool PatchIsTagsOnly => false;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
        Member.Text("adminUsername").Demanded().AtCreation().Within(1, 32),
        Member.Choice("bootMethod", "BIOS|*UEFI").AtCreation(),
        Interface("cloudServicesNetworkAttachment", CloudServicesNetwork.ResourceType).Demanded().AtCreation(),
        Member.Whole("cpuCores").Demanded().AtCreation().Within(2, null),
        Member.Whole("memorySizeGB").Demanded().AtCreation().Within(1, null),
        Member.List("networkAttachments", Interface("", L2Network.ResourceType, L3Network.ResourceType, TrunkedNetwork.ResourceType), "its interfaces").AtCreation(),
        Member.Text("networkData") with { Mutability = Mutability.Secret },
        Member.Text("networkDataContent") with { Mutability = Mutability.Secret },
        Member.Text("userData") with { Mutability = Mutability.Secret },
        Member.Text("userDataContent") with { Mutability = Mutability.Secret },
        Member.List("placementHints", Member.Group("", Member.Choice("hintType", "Affinity|AntiAffinity").Demanded(), Member.Text("resourceId").Demanded(),
            Member.Choice("schedulingExecution", "Hard|Soft").Demanded(), Member.Text("scope").Demanded())).AtCreation(),
        Member.List("sshPublicKeys", Member.Group("", Member.Text("keyData").Demanded().Within(1, null))).AtCreation(),
        Member.Group("storageProfile",
            Member.Group("osDisk", Member.Choice("createOption", "*Ephemeral|Persistent"), Member.Choice("deleteOption", "*Delete"), Member.Whole("diskSizeGB").Demanded().Within(1, null)).Demanded(),
            Member.List("volumeAttachments", Member.Text(""))).Demanded().AtCreation(),
        Member.Flag("isolateEmulatorThread", true).AtCreation(),
        Member.Choice("virtioInterface", "*Modern|Transitional").AtCreation(),
        Member.Choice("vmDeviceModel", "T1|*T2|T3").AtCreation(),
        Member.Text("vmImage").Demanded().AtCreation().Within(1, null),
        Member.Group("vmImageRepositoryCredentials", Member.Text("registryUrl").Demanded().ByPatch(), Member.Text("username").Demanded().Within(1, null).ByPatch(),
            Member.Text("password").Within(1, null).ByPatch() with { Mutability = Mutability.Secret }),
        Member.Text("availabilityZone").Drawn(),
        Member.Text("bareMetalMachineId").Drawn(),
        Member.Text("clusterId").Drawn(),
        Member.Any("consoleExtendedLocation").Drawn(),
        Member.Text("detailedStatus").Drawn(),
        Member.Text("detailedStatusMessage").Drawn(),
        Member.Text("powerState").Drawn(),
        Member.Text("provisioningState").Drawn(),
        Member.Any("volumes").Drawn());

    /// <summary>The interfaces of a machine on L2, L3 and trunked networks.</summary>
    /// <param name="image">What is stored, for the networks' own interface names.</param>
    /// <returns>The interfaces in the order they are written.</returns>
    public static ImmutableArray<MachineAttachment> AttachmentsOf(Stored row, Image image)
    {
        return [.. PropertiesOf(row).Each("networkAttachments").Select((element, i) => Read(element, $"properties.networkAttachments[{i}]", image))];
    }

    /// <inheritdoc/>
    public override void Complete(ResourceId id, JsonObject body, Snapshot seen)
    {
        // What the pool picks is drawn from the leases: an address that a caller read and sent back is no wish.
        var lists = body["properties"]?["networkAttachments"] as JsonArray ?? [];
        foreach (var attachment in lists.OfType<JsonObject>().Append(body["properties"]?["cloudServicesNetworkAttachment"] as JsonObject ?? []))
        {
            if (attachment["ipAllocationMethod"]?.ToString() is "Dynamic")
            {
                attachment.Remove("ipv4Address");
                attachment.Remove("ipv6Address");
            }
        }
    }

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        _ = NexusCluster.CheckHost(proposal);
        if (PropertiesOf(proposal.Wanted).Member("cloudServicesNetworkAttachment").Text("ipAllocationMethod") == "Static")
            proposal.Find(RefusalCode.InvalidMember, $"{CloudServices}.ipAllocationMethod", $"'{CloudServices}.ipAllocationMethod': a cloud services network gives its addresses itself; write Dynamic");
        MachineRules.Check(proposal, AttachmentsOf(proposal.Wanted, proposal.Seen.Image), PropertiesOf(proposal.Wanted).Member("cloudServicesNetworkAttachment").Flag("defaultGateway"));
    }

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
        var id = IdOf(row);
        var bodies = (properties["networkAttachments"] as JsonArray ?? []).OfType<JsonObject>();
        foreach (var (attachment, body) in AttachmentsOf(row, now).Zip(bodies))
        {
            body["networkAttachmentName"] = attachment.Name;
            body["macAddress"] = MachineAddresses.MacOf(id, attachment.Name);
            foreach (var lease in NetworkPool.HoldingsOf(now, attachment.Network).Of(MachineAddresses.HolderOf(id, attachment.Name).Id))
                body[lease.Address.Family == AddressFamily.IPv4 ? "ipv4Address" : "ipv6Address"] = lease.Address.ToString();
        }

        if (properties["cloudServicesNetworkAttachment"] is JsonObject services)
        {
            services["networkAttachmentName"] = CloudServicesNetwork.Interface;
            services["macAddress"] = MachineAddresses.MacOf(id, CloudServicesNetwork.Interface);
        }

        properties["clusterId"] = NexusCluster.HostOf(row)?.ToString();
        properties["volumes"] = new JsonArray();
        properties["powerState"] = "Unknown";
        Status.Draw(row, properties, "Network configuration is ready");
    }

    private static MachineAttachment Read(JsonElement element, string path, Image image)
    {
        var network = element.Id("attachedNetworkId")!;
        var name = element.Text("networkAttachmentName") ?? (image.Get(StoreKey.Of(network)) is { } row ? Network.InterfaceNameOf(row) : network.Name);
        var method = element.Text("ipAllocationMethod")!;
        var wanted = new[] { element.Text("ipv4Address"), element.Text("ipv6Address") }
            .Select(text => Address.TryParse(text, out var address) ? address : (Address?)null).OfType<Address>();
        return new MachineAttachment(name, network, method, method == "Static" ? [.. wanted] : [], element.Flag("defaultGateway"), path);
    }

    private static Member Interface(string name, params ImmutableArray<ResourceType> networks) => Member.Group(name,
        Member.Id("attachedNetworkId", "the network", networks).Demanded(),
        Member.Choice("ipAllocationMethod", "Dynamic|Static|Disabled").Demanded(),
        Member.Flag("defaultGateway"),
        Member.Text("ipv4Address", "Static: the address it must have").Within(0, 64),
        Member.Text("ipv6Address", "Static: the address it must have").Within(0, 64),
        Member.Text("networkAttachmentName", "the interface's name; the network's own if left out").Within(1, 15).Like(@"^(?!\.{1,2}$)[a-zA-Z0-9@._-]*$"),
        Member.Text("macAddress").Drawn());
}
